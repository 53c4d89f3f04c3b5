#include <numeric>
#include <utility>
#include <vector>

#include "capi/argument_rules.h"
#include "capi/collective_call.h"
#include "capi/guard.h"

namespace atoll_core::capi {
namespace {

// What one peer sends and receives, block by block.
struct Blocks {
  std::vector<PeerId> owners;
  std::vector<uint64_t> sent;
  std::vector<uint64_t> received;
  size_t own = 0;
};

uint64_t sum(const std::vector<uint64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
}

Result<Blocks> blocks_of(const PartArguments& arguments, const UnevenCounts& received,
                         const peer::View& view, PeerId self, peer::CallGroup group,
                         const char* function) {
  Blocks blocks;
  auto owners = owners_of_blocks(view, self, group, function);
  if (!owners) return tl::unexpected(owners.error());
  blocks.owners = std::move(*owners);
  while (blocks.own + 1 < blocks.owners.size() && blocks.owners[blocks.own] != self) ++blocks.own;
  const auto type = static_cast<DataType>(arguments.type);
  const size_t peers = blocks.owners.size();
  auto sends = counts_of_blocks(arguments.count, arguments.counts, peers, type, function,
                                "send_counts");
  if (!sends) return tl::unexpected(sends.error());
  auto receives = counts_of_blocks(arguments.count, received, peers, type, function,
                                   "recv_counts");
  if (!receives) return tl::unexpected(receives.error());
  blocks.sent = std::move(*sends);
  blocks.received = std::move(*receives);
  const uint64_t to_itself = blocks.sent[blocks.own];
  const uint64_t from_itself = blocks.received[blocks.own];
  if (to_itself == from_itself) return blocks;
  return fail(ErrorCode::kInvalidArgument,
              "{}: 'send_counts[{}]' is {} and 'recv_counts[{}]' is {}, but both are of this "
              "peer's block for itself", function, blocks.own, to_itself, blocks.own, from_itself);
}

Result<void> check_buffers(const PartArguments& arguments, const Blocks& blocks,
                           const char* function) {
  const uint64_t element = size_of(static_cast<DataType>(arguments.type));
  const uint64_t sent = sum(blocks.sent) * element;
  const uint64_t received = sum(blocks.received) * element;
  if (sent > 0) ATOLL_TRY(require(arguments.send, function, "sendbuff"));
  if (received > 0) ATOLL_TRY(require(arguments.receive, function, "recvbuff"));
  const auto* send = static_cast<const std::byte*>(arguments.send);
  const auto* receive = static_cast<const std::byte*>(arguments.receive);
  const bool apart = sent == 0 || received == 0 || send + sent <= receive ||
                     receive + received <= send;
  if (apart) return {};
  return fail(ErrorCode::kInvalidArgument,
              "{}: sendbuff and recvbuff overlap: an all-to-all has no in-place form", function);
}

// What comes, in the order of the blocks, then what goes. A peer's block for itself is once there.
std::vector<peer::TensorView> views_of(const PartArguments& arguments, const Blocks& blocks) {
  const uint64_t element = size_of(static_cast<DataType>(arguments.type));
  const auto* send = static_cast<const std::byte*>(arguments.send);
  auto* receive = static_cast<std::byte*>(arguments.receive);
  std::vector<peer::TensorView> views;
  for (const uint64_t count : blocks.received) {
    views.push_back({nullptr, count == 0 ? nullptr : receive, count});
    if (count > 0) receive += count * element;
  }
  for (size_t i = 0; i < blocks.sent.size(); ++i) {
    const uint64_t count = blocks.sent[i];
    const std::byte* source = count == 0 ? nullptr : send;
    if (i == blocks.own) views[i].source = source;
    else views.push_back({source, nullptr, count});
    if (count > 0) send += count * element;
  }
  return views;
}

}  // namespace

Started start_all_to_all(const PartArguments& arguments, const UnevenCounts& received,
                         atollComm_t comm, const atollOpOptions_t* options, const CallSite& site) {
  auto call =
      checked_call(peer::CollectiveKind::kAllToAll, arguments, options, site.function);
  if (!call) return tl::unexpected(call.error());
  call->options.input_disposable = false;  // it is never overwritten
  auto session = session_of(comm, site.function);
  if (!session) return tl::unexpected(session.error());
  auto blocks = blocks_of(arguments, received, last_view(*comm), (*session)->snapshot().self,
                          call->options.group, site.function);
  if (!blocks) return tl::unexpected(blocks.error());
  ATOLL_TRY(check_buffers(arguments, *blocks, site.function));
  call->tensors = views_of(arguments, *blocks);
  call->owners = std::move(blocks->owners);
  call->counts = std::move(blocks->received);
  call->counts_sent = std::move(blocks->sent);
  const TimePoint started = peer::now();
  auto pending = peer::start_collective(**session, std::move(*call), site.caller);
  return collective_request(comm, *std::move(session), std::move(pending), started);
}

}  // namespace atoll_core::capi
