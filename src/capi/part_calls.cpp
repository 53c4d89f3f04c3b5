// Calls in which peers bring or get different parts.
#include <numeric>
#include <utility>
#include <vector>

#include "capi/argument_rules.h"
#include "capi/collective_call.h"
#include "capi/guard.h"

namespace atoll_core::capi {
namespace {

using Kind = peer::CollectiveKind;

bool adds_up(Kind kind) { return kind == Kind::kReduceScatter || kind == Kind::kReduce; }

// One peer's part, from its arguments.
struct Part {
  Kind kind = Kind::kReduce;
  const std::byte* send = nullptr;  // null: brings nothing
  std::byte* receive = nullptr;     // null: gets nothing
  std::vector<PeerId> owners;
  std::vector<uint64_t> counts;     // of their blocks, in elements
  size_t own = 0;                   // which block
  uint64_t element = 1;             // its bytes

  bool sends_all() const { return kind != Kind::kAllGather && kind != Kind::kGather; }
  bool receives_all() const { return kind != Kind::kReduceScatter && kind != Kind::kScatter; }
  uint64_t bytes_before(size_t block) const {
    const auto end = counts.begin() + static_cast<std::ptrdiff_t>(block);
    return std::accumulate(counts.begin(), end, uint64_t{0}) * element;
  }
  uint64_t bytes(bool all) const {
    return all ? bytes_before(counts.size()) : counts[own] * element;
  }
  // What of them is the same elements.
  const std::byte* sent_from() const {
    const bool within = sends_all() && !receives_all();
    return within ? send + bytes_before(own) : send;
  }
  const std::byte* received_at() const {
    const bool within = receives_all() && !sends_all();
    return within ? receive + bytes_before(own) : receive;
  }
};

// They may share memory only where the same elements lie at the same place.
Result<void> check_overlap(const Part& part, const char* function) {
  if (part.send == nullptr || part.receive == nullptr) return {};
  if (part.sent_from() == part.received_at()) return {};
  const std::byte* send_end = part.send + part.bytes(part.sends_all());
  const std::byte* receive_end = part.receive + part.bytes(part.receives_all());
  if (send_end <= part.receive || receive_end <= part.send) return {};
  return fail(ErrorCode::kInvalidArgument,
              "{}: sendbuff and recvbuff overlap, and this peer's elements are not at the same "
              "place in both", function);
}

std::vector<peer::TensorView> views_of(const Part& part) {
  std::vector<peer::TensorView> views;
  uint64_t offset = 0;
  for (size_t i = 0; i < part.owners.size(); ++i) {
    peer::TensorView view{nullptr, nullptr, part.counts[i]};
    if (part.send != nullptr && part.sends_all()) view.source = part.send + offset;
    else if (part.send != nullptr && i == part.own) view.source = part.send;
    if (part.receive != nullptr && part.receives_all()) view.sink = part.receive + offset;
    else if (part.receive != nullptr && i == part.own) view.sink = part.receive;
    views.push_back(view);
    offset += part.counts[i] * part.element;
  }
  return views;
}

// Which of its buffers this peer uses, if there are elements.
struct Uses {
  bool send = true;
  bool receive = true;
};

Uses uses_of(Kind kind, bool is_root) {
  switch (kind) {
    case Kind::kReduce:
    case Kind::kGather: return {true, is_root};
    case Kind::kScatter: return {is_root, true};
    default: return {true, true};
  }
}

Result<Part> part_of(Kind kind, const PartArguments& arguments, const peer::View& view, PeerId self,
                     const peer::CallOptions& options, const char* function) {
  Part part;
  part.kind = kind;
  auto owners = owners_of_blocks(view, self, options.group, function);
  if (!owners) return tl::unexpected(owners.error());
  part.owners = std::move(*owners);
  while (part.own + 1 < part.owners.size() && part.owners[part.own] != self) ++part.own;
  if (kind == Kind::kReduce) part.owners.resize(1), part.own = 0;
  const auto type = static_cast<DataType>(arguments.type);
  auto counts = counts_of_blocks(arguments.count, arguments.counts, part.owners.size(), type,
                                 function, "counts");
  if (!counts) return tl::unexpected(counts.error());
  part.counts = std::move(*counts);
  part.element = size_of(type);
  const Uses uses = uses_of(kind, arguments.peer == self.value);
  if (uses.send && part.bytes(part.sends_all()) > 0) {
    ATOLL_TRY(require(arguments.send, function, "sendbuff"));
    part.send = static_cast<const std::byte*>(arguments.send);
  }
  if (uses.receive && part.bytes(part.receives_all()) > 0) {
    ATOLL_TRY(require(arguments.receive, function, "recvbuff"));
    part.receive = static_cast<std::byte*>(arguments.receive);
  }
  ATOLL_TRY(check_overlap(part, function));
  return part;
}

// This peer's part in a send.
enum class End { kSends, kReceives, kReceivesAny };

Started start_pair(End end, const PartArguments& arguments, atollComm_t comm,
                   const atollOpOptions_t* options, const CallSite& site) {
  const bool sends = end == End::kSends;
  auto call = checked_call(Kind::kSend, arguments, options, site.function);
  if (!call) return tl::unexpected(call.error());
  auto session = session_of(comm, site.function);
  if (!session) return tl::unexpected(session.error());
  ATOLL_TRY(require_count(arguments.count, 1, call->type, site.function));
  if (arguments.count > 0 && sends) ATOLL_TRY(require(arguments.send, site.function, "sendbuff"));
  if (arguments.count > 0 && !sends) {
    ATOLL_TRY(require(arguments.receive, site.function, "recvbuff"));
  }
  const PeerId self = (*session)->snapshot().self;
  if (end == End::kReceives && arguments.peer == 0) {
    return fail(ErrorCode::kPeerLost, "{}: 0 is no peer", site.function);
  }
  call->root = sends ? self : PeerId{arguments.peer};
  call->receiver = sends ? PeerId{arguments.peer} : self;
  call->tensors = {{static_cast<const std::byte*>(arguments.send),
                    static_cast<std::byte*>(arguments.receive), arguments.count}};
  const TimePoint started = peer::now();
  auto awaited =
      peer::start_collective(**session, std::move(*call), caller_of(options, site));
  return collective_request(comm, *std::move(session), std::move(awaited), started);
}

}  // namespace

Result<std::vector<PeerId>> owners_of_blocks(const peer::View& view, PeerId self,
                                             peer::CallGroup group, const char* function) {
  std::vector<PeerId> owners = peer::block_owners(view, self, group);
  if (!owners.empty()) return owners;
  return fail(ErrorCode::kNotConnected, "{}: this peer is in no view: call atollUpdate first",
              function);
}

Result<std::vector<uint64_t>> counts_of_blocks(uint64_t count, const UnevenCounts& uneven,
                                               size_t blocks, DataType type, const char* function,
                                               const char* name) {
  if (!uneven.given) {
    ATOLL_TRY(require_count(count, blocks, type, function));
    return std::vector<uint64_t>(blocks, count);
  }
  ATOLL_TRY(require(uneven.counts, function, name));
  if (uneven.peers != blocks) {
    return fail(ErrorCode::kInvalidArgument,
                "{}: 'peers' is {}, but the view of the last atollUpdate has {} peers in this "
                "group", function, uneven.peers, blocks);
  }
  const uint64_t most = limits::kCallBytes / size_of(type);
  uint64_t total = 0;
  for (uint32_t i = 0; i < uneven.peers; ++i) {
    const uint64_t one = uneven.counts[i];
    total = one > most ? one : total + one;
    if (total <= most) continue;
    return fail(ErrorCode::kInvalidArgument,
                "{}: '{}[{}]' is {}, which makes {} elements with those before it; a call has at "
                "most {}", function, name, i, one, total, most);
  }
  return std::vector<uint64_t>(uneven.counts, uneven.counts + uneven.peers);
}

Result<peer::CollectiveCall> checked_call(Kind kind, const PartArguments& arguments,
                                          const atollOpOptions_t* options, const char* function) {
  ATOLL_TRY(require_enum(arguments.type, atollFloat64, function, "datatype"));
  ATOLL_TRY(require_enum(arguments.op, atollBitXor, function, "op"));
  ATOLL_TRY(require_reduction(static_cast<ReduceOp>(arguments.op),
                              static_cast<DataType>(arguments.type), function));
  auto given = call_options(options, function);
  if (!given) return tl::unexpected(given.error());
  peer::CollectiveCall call;
  call.kind = kind;
  call.type = static_cast<DataType>(arguments.type);
  call.reduce = static_cast<ReduceOp>(arguments.op);
  call.options = *given;
  ATOLL_TRY(check_weight(call.options, function, adds_up(kind) && arguments.op == atollAvg,
                         call.type));
  return call;
}

Started start_parts(Kind kind, const PartArguments& arguments, atollComm_t comm,
                    const atollOpOptions_t* options, const CallSite& site) {
  if (kind == Kind::kSend) return start_pair(End::kSends, arguments, comm, options, site);
  auto call = checked_call(kind, arguments, options, site.function);
  if (!call) return tl::unexpected(call.error());
  auto session = session_of(comm, site.function);
  if (!session) return tl::unexpected(session.error());
  auto part = part_of(kind, arguments, last_view(*comm), (*session)->snapshot().self,
                      call->options, site.function);
  if (!part) return tl::unexpected(part.error());
  call->root = PeerId{arguments.peer};
  call->tensors = views_of(*part);
  const bool in_place = part->send != nullptr && part->sent_from() == part->received_at();
  const bool disposable = call->options.input_disposable && in_place && adds_up(kind);
  call->options.input_disposable = disposable;
  if (disposable) call->options.retry = false;
  if (kind != Kind::kReduce) {
    call->owners = std::move(part->owners);
    if (!all_equal(part->counts)) call->counts = std::move(part->counts);
  }
  const TimePoint started = peer::now();
  auto awaited =
      peer::start_collective(**session, std::move(*call), caller_of(options, site));
  return collective_request(comm, *std::move(session), std::move(awaited), started);
}

Started start_receive(const PartArguments& arguments, atollComm_t comm,
                      const atollOpOptions_t* options, const CallSite& site, bool from_any) {
  return start_pair(from_any ? End::kReceivesAny : End::kReceives, arguments, comm, options, site);
}

}  // namespace atoll_core::capi
