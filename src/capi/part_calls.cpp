// Calls in which peers bring or get different parts.
#include <utility>
#include <vector>

#include "capi/argument_rules.h"
#include "capi/collective_call.h"
#include "capi/guard.h"

namespace atoll_core::capi {
namespace {

using Kind = peer::CollectiveKind;

bool has_blocks(Kind kind) {
  return kind == Kind::kReduceScatter || kind == Kind::kAllGather || kind == Kind::kGather ||
         kind == Kind::kScatter;
}

bool adds_up(Kind kind) { return kind == Kind::kReduceScatter || kind == Kind::kReduce; }

// One peer's part, from its arguments.
struct Part {
  Kind kind = Kind::kReduce;
  const std::byte* send = nullptr;  // null: brings nothing
  std::byte* receive = nullptr;     // null: gets nothing
  uint64_t block_bytes = 0;
  std::vector<PeerId> owners;
  size_t own = 0;                   // which block

  bool sends_all() const { return kind != Kind::kAllGather && kind != Kind::kGather; }
  bool receives_all() const { return kind != Kind::kReduceScatter && kind != Kind::kScatter; }
  uint64_t send_bytes() const { return block_bytes * (sends_all() ? owners.size() : 1); }
  uint64_t receive_bytes() const { return block_bytes * (receives_all() ? owners.size() : 1); }
  // What of them is the same elements.
  const std::byte* sent_from() const {
    const bool within = sends_all() && !receives_all();
    return within ? send + own * block_bytes : send;
  }
  const std::byte* received_at() const {
    const bool within = receives_all() && !sends_all();
    return within ? receive + own * block_bytes : receive;
  }
};

// They may share memory only where the same elements lie at the same place.
Result<void> check_overlap(const Part& part, const char* function) {
  if (part.send == nullptr || part.receive == nullptr) return {};
  if (part.sent_from() == part.received_at()) return {};
  const std::byte* send_end = part.send + part.send_bytes();
  const std::byte* receive_end = part.receive + part.receive_bytes();
  if (send_end <= part.receive || receive_end <= part.send) return {};
  return fail(ErrorCode::kInvalidArgument,
              "{}: sendbuff and recvbuff overlap, and this peer's elements are not at the same "
              "place in both", function);
}

std::vector<peer::TensorView> views_of(const Part& part, uint64_t count) {
  std::vector<peer::TensorView> views;
  for (size_t i = 0; i < part.owners.size(); ++i) {
    const uint64_t offset = i * part.block_bytes;
    peer::TensorView view{nullptr, nullptr, count};
    if (part.send != nullptr && part.sends_all()) view.source = part.send + offset;
    else if (part.send != nullptr && i == part.own) view.source = part.send;
    if (part.receive != nullptr && part.receives_all()) view.sink = part.receive + offset;
    else if (part.receive != nullptr && i == part.own) view.sink = part.receive;
    views.push_back(view);
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
  part.owners = peer::block_owners(view, self, options.group);
  if (part.owners.empty()) {
    return fail(ErrorCode::kNotConnected, "{}: this peer is in no view: call atollUpdate first",
                function);
  }
  while (part.own + 1 < part.owners.size() && part.owners[part.own] != self) ++part.own;
  if (!has_blocks(kind)) part.owners.resize(1), part.own = 0;
  const auto type = static_cast<DataType>(arguments.type);
  ATOLL_TRY(require_count(arguments.count, part.owners.size(), type, function));
  part.block_bytes = arguments.count * size_of(type);
  const Uses uses = uses_of(kind, arguments.peer == self.value);
  if (arguments.count == 0) return part;
  if (uses.send) {
    ATOLL_TRY(require(arguments.send, function, "sendbuff"));
    part.send = static_cast<const std::byte*>(arguments.send);
  }
  if (uses.receive) {
    ATOLL_TRY(require(arguments.receive, function, "recvbuff"));
    part.receive = static_cast<std::byte*>(arguments.receive);
  }
  ATOLL_TRY(check_overlap(part, function));
  return part;
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

Started start_pair(bool sends, const PartArguments& arguments,
                                                 atollComm_t comm, const atollOpOptions_t* options,
                                                 const CallSite& site) {
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
  call->root = sends ? self : PeerId{arguments.peer};
  call->receiver = sends ? PeerId{arguments.peer} : self;
  call->tensors = {{static_cast<const std::byte*>(arguments.send),
                    static_cast<std::byte*>(arguments.receive), arguments.count}};
  const TimePoint started = peer::now();
  auto awaited = peer::start_collective(**session, std::move(*call), site.caller);
  return collective_request(comm, *std::move(session), std::move(awaited), started);
}

}  // namespace

Started start_parts(Kind kind, const PartArguments& arguments,
                                                  atollComm_t comm,
                                                  const atollOpOptions_t* options,
                                                  const CallSite& site) {
  if (kind == Kind::kSend) return start_pair(true, arguments, comm, options, site);
  auto call = checked_call(kind, arguments, options, site.function);
  if (!call) return tl::unexpected(call.error());
  auto session = session_of(comm, site.function);
  if (!session) return tl::unexpected(session.error());
  auto part = part_of(kind, arguments, last_view(*comm), (*session)->snapshot().self,
                      call->options, site.function);
  if (!part) return tl::unexpected(part.error());
  call->root = PeerId{arguments.peer};
  call->tensors = views_of(*part, arguments.count);
  const bool in_place = part->send != nullptr && part->sent_from() == part->received_at();
  const bool disposable = call->options.input_disposable && in_place && adds_up(kind);
  call->options.input_disposable = disposable;
  if (disposable) call->options.retry = false;
  if (has_blocks(kind)) call->owners = std::move(part->owners);
  const TimePoint started = peer::now();
  auto awaited = peer::start_collective(**session, std::move(*call), site.caller);
  return collective_request(comm, *std::move(session), std::move(awaited), started);
}

Started start_receive(const PartArguments& arguments,
                                                    atollComm_t comm,
                                                    const atollOpOptions_t* options,
                                                    const CallSite& site) {
  return start_pair(false, arguments, comm, options, site);
}

}  // namespace atoll_core::capi
