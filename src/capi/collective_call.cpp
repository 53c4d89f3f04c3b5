#include "capi/collective_call.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "capi/argument_rules.h"
#include "capi/dump.h"
#include "capi/guard.h"
#include "capi/tensor_overlaps.h"

namespace atoll_core::capi {
namespace {

static_assert(ATOLL_CALLS_IN_FLIGHT_MAX == limits::kOpsInFlight);

bool overlap(const std::byte* a, const std::byte* b, uint64_t bytes) {
  return a != b && a < b + bytes && b < a + bytes;
}

Result<std::vector<peer::TensorView>> tensor_views(const TensorArguments& arguments,
                                                    const char* function) {
  ATOLL_TRY(require_enum(arguments.type, atollFloat64, function, "datatype"));
  ATOLL_TRY(require_none(problem_with_list(arguments.tensor_count, limits::kTensorsPerBatch),
                         function, "tensor_count"));
  if (arguments.tensor_count > 0) ATOLL_TRY(require(arguments.tensors, function, "tensors"));
  const auto type = static_cast<DataType>(arguments.type);
  const uint64_t element = size_of(type);
  uint64_t total = 0;
  std::vector<peer::TensorView> views;
  views.reserve(arguments.tensor_count);
  for (uint32_t i = 0; i < arguments.tensor_count; ++i) {
    const atollTensor_t& tensor = arguments.tensors[i];
    ATOLL_TRY(require_count(tensor.count, 1, type, function));
    total += tensor.count;
    if (total * element > limits::kCallBytes) {
      return fail(ErrorCode::kInvalidArgument,
                  "{}: the 'count' of tensor {} is {}, which makes {} bytes with those before it, "
                  "at most {} are allowed",
                  function, i, tensor.count, total * element, limits::kCallBytes);
    }
    const auto* source = static_cast<const std::byte*>(tensor.sendbuff);
    auto* sink = static_cast<std::byte*>(tensor.recvbuff);
    if (tensor.count > 0) {
      ATOLL_TRY(require(sink, function, "recvbuff"));
      if (arguments.source_needed) ATOLL_TRY(require(source, function, "sendbuff"));
      if (arguments.source_needed && overlap(source, sink, tensor.count * element)) {
        return fail(ErrorCode::kInvalidArgument,
                    "{}: sendbuff and recvbuff of tensor {} overlap without being equal", function,
                    i);
      }
    }
    views.push_back(peer::TensorView{arguments.source_needed ? source : sink, sink,
                                      tensor.count});
  }
  ATOLL_TRY(check_overlaps(views, element, function));
  return views;
}

// The ids of the last range come first, those of the ranges before it follow.
void fill_ranges(const std::vector<peer::ContributedRange>& ranges, atollOpInfo_t& out) {
  uint32_t next_id = 0;
  const auto put = [&](size_t index) {
    const peer::ContributedRange& range = ranges[index];
    const auto contributors = static_cast<uint32_t>(range.contributors.size());
    if (out.ranges != nullptr && index < out.range_capacity) {
      out.ranges[index] = {range.end, contributors, next_id, range.weight};
    }
    for (uint32_t i = 0; i < contributors; ++i, ++next_id) {
      if (next_id >= out.contributor_capacity) continue;
      if (out.contributor_ids != nullptr) {
        out.contributor_ids[next_id] = range.contributors[i].value;
      }
      if (out.contributor_weights != nullptr) out.contributor_weights[next_id] = range.weights[i];
    }
  };
  out.range_count = static_cast<uint32_t>(ranges.size());
  if (ranges.empty()) return;
  put(ranges.size() - 1);
  for (size_t i = 0; i + 1 < ranges.size(); ++i) put(i);
}

void fill_info(const peer::CollectiveInfo& from, uint64_t duration_us, atollOpInfo_t* info) {
  if (info == nullptr) return;
  const atollOpInfo_t empty = ATOLL_OP_INFO_INITIALIZER;
  atollOpInfo_t out = empty;
  __builtin_memcpy(&out, info, std::min(info->size, sizeof(out)));
  out.contributors = static_cast<uint32_t>(from.contributors.size());
  out.attempts = from.attempts;
  out.bytes_sent = from.bytes_sent;
  out.bytes_received = from.bytes_received;
  out.duration_us = duration_us;
  out.total_weight = from.weight;
  out.sender = from.sender.value;
  fill_ranges(from.ranges, out);
  sized_return(info, out);
}

}  // namespace

// Only an average of floats knows weights.
Result<void> check_weight(const peer::CallOptions& options, const char* function, bool average,
                          DataType type) {
  if (options.weight == 1.0) return {};
  if (!average) {
    return fail(ErrorCode::kInvalidArgument,
                "{}: options->weight is {}, but only atollAvg takes weights", function,
                options.weight);
  }
  if (type >= DataType::kFloat16) return {};
  return fail(ErrorCode::kInvalidArgument,
              "{}: options->weight is {}, but {} elements take none: only floats do", function,
              options.weight, to_string(type));
}

std::unique_ptr<atollRequest> collective_request(atollComm_t comm,
                                                 std::shared_ptr<peer::Session> session,
                                                 std::shared_ptr<peer::AwaitedCall> call,
                                                 TimePoint started) {
  return request_of(std::move(session), std::move(call),
                    [comm, started](Result<peer::CallInfo> result, atollOpInfo_t* info)
                        -> Result<void> {
    const auto collective = peer::collective_info_of(std::move(result));
    if (!collective) return dumped(*comm, collective.error());
    fill_info(*collective, microseconds_since(started), info);
    return {};
  });
}

Result<peer::CallOptions> call_options(const atollOpOptions_t* options, const char* function) {
  const atollOpOptions_t defaults = ATOLL_OP_OPTIONS_INITIALIZER;
  auto given = sized_copy(options, defaults, function, "options");
  if (!given) return tl::unexpected(given.error());
  ATOLL_TRY(require_enum(given->group, atollGroupShardAlone, function, "options->group"));
  ATOLL_TRY(require_enum(given->retry, atollNoRetry, function, "options->retry"));
  ATOLL_TRY(require_enum(given->algorithm, atollAlgorithmDirect, function, "options->algorithm"));
  ATOLL_TRY(require_tag(given->tag, function, "options->tag"));
  peer::CallOptions call;
  call.group = static_cast<peer::CallGroup>(given->group);
  call.tag = given->tag;
  call.deadline = std::chrono::milliseconds(given->deadline_ms);
  call.retry = given->retry == atollRetry;
  call.algorithm = static_cast<uint32_t>(given->algorithm);
  call.input_disposable = given->input_disposable != 0;
  if (!(given->weight >= 0 && given->weight <= limits::kWeight)) {
    return fail(ErrorCode::kInvalidArgument, "{}: options->weight is {}, not from 0 to 2^50",
                function, given->weight);
  }
  call.weight = given->weight;
  if ((given->flags & ~(ATOLL_KEEP_COMPLETED_SEGMENTS | ATOLL_WAITS_SOON)) != 0) {
    return fail(ErrorCode::kInvalidArgument, "{}: options->flags is {:#x}, of which only "
                "ATOLL_KEEP_COMPLETED_SEGMENTS and ATOLL_WAITS_SOON are known", function,
                given->flags);
  }
  call.layout = given->layout;
  call.keep = (given->flags & ATOLL_KEEP_COMPLETED_SEGMENTS) != 0;
  if (call.keep && given->algorithm > atollAlgorithmRing) {
    return fail(ErrorCode::kInvalidArgument, "{}: ATOLL_KEEP_COMPLETED_SEGMENTS goes with "
                "atollAlgorithmRing only, options->algorithm is {}", function,
                static_cast<int>(given->algorithm));
  }
  return call;
}

peer::Caller caller_of(const atollOpOptions_t* options, const CallSite& site) {
  if (options == nullptr || site.caller != peer::Caller::kGoesOn) return site.caller;
  if (options->size < offsetof(atollOpOptions_t, flags) + sizeof(options->flags)) {
    return site.caller;
  }
  const bool waits_soon = (options->flags & ATOLL_WAITS_SOON) != 0;
  return waits_soon ? peer::Caller::kWaitsSoon : site.caller;
}

Started start_all_reduce(const TensorArguments& tensors,
                                                       atollRedOp_t op, atollComm_t comm,
                                                       const atollOpOptions_t* options,
                                                       const CallSite& site) {
  auto views = tensor_views(tensors, site.function);
  if (!views) return tl::unexpected(views.error());
  ATOLL_TRY(require_enum(op, atollBitXor, site.function, "op"));
  ATOLL_TRY(require_reduction(static_cast<ReduceOp>(op), static_cast<DataType>(tensors.type),
                              site.function));
  auto call = call_options(options, site.function);
  if (!call) return tl::unexpected(call.error());
  ATOLL_TRY(check_weight(*call, site.function, op == atollAvg,
                         static_cast<DataType>(tensors.type)));
  auto session = session_of(comm, site.function);
  if (!session) return tl::unexpected(session.error());
  const bool in_place = std::any_of(views->begin(), views->end(), [](const auto& tensor) {
    return tensor.in_place() && tensor.count > 0;
  });
  if (call->keep && call->input_disposable) {
    return fail(ErrorCode::kInvalidArgument,
                "{}: ATOLL_KEEP_COMPLETED_SEGMENTS needs the input of what is not complete, so it "
                "cannot be disposable", site.function);
  }
  // Without the input there is nothing to try again with.
  if (call->input_disposable && in_place) call->retry = false;
  if (!in_place) call->input_disposable = false;
  const TimePoint started = peer::now();
  auto awaited = peer::start_all_reduce(
      **session, {static_cast<DataType>(tensors.type), static_cast<ReduceOp>(op)},
      std::move(*views), *call, caller_of(options, site));
  return collective_request(comm, *std::move(session), std::move(awaited), started);
}

Started start_broadcast(const TensorArguments& tensors,
                                                      uint64_t root, atollComm_t comm,
                                                      const atollOpOptions_t* options,
                                                      const CallSite& site) {
  auto session = session_of(comm, site.function);
  if (!session) return tl::unexpected(session.error());
  TensorArguments given = tensors;
  given.source_needed = (*session)->snapshot().self.value == root;
  auto views = tensor_views(given, site.function);
  if (!views) return tl::unexpected(views.error());
  auto call = call_options(options, site.function);
  if (!call) return tl::unexpected(call.error());
  ATOLL_TRY(check_weight(*call, site.function, false, static_cast<DataType>(tensors.type)));
  const TimePoint started = peer::now();
  auto awaited = peer::start_broadcast(**session, static_cast<DataType>(tensors.type),
                                        PeerId{root}, std::move(*views), *call,
                                        caller_of(options, site));
  return collective_request(comm, *std::move(session), std::move(awaited), started);
}

Started start_barrier(atollComm_t comm,
                                                    const atollOpOptions_t* options,
                                                    const CallSite& site) {
  auto call = call_options(options, site.function);
  if (!call) return tl::unexpected(call.error());
  ATOLL_TRY(check_weight(*call, site.function, false, DataType::kUint8));
  auto session = session_of(comm, site.function);
  if (!session) return tl::unexpected(session.error());
  const TimePoint started = peer::now();
  auto awaited = peer::start_barrier(**session, *call, caller_of(options, site));
  return collective_request(comm, *std::move(session), std::move(awaited), started);
}

}  // namespace atoll_core::capi
