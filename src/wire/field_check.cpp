#include "wire/field_check.h"

#include <fmt/format.h>

#include "base/limits.h"

namespace atoll_core::wire {
namespace {

// Takes `in` unless there is a problem with it.
void take_text(FieldCheck& check, std::string_view field, const std::string& in,
               const std::string& problem, std::string& out) {
  if (problem.empty()) out = in;
  else check.refuse(field, problem);
}

bool is_known(ErrorCode code) {
  switch (code) {
    case ErrorCode::kSuccess:
    case ErrorCode::kInProgress:
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kInvalidUsage:
    case ErrorCode::kMismatch:
    case ErrorCode::kUnsupported:
    case ErrorCode::kDuplicatePeer:
    case ErrorCode::kVersionMismatch:
    case ErrorCode::kStateConflict:
    case ErrorCode::kOtherInstance:
    case ErrorCode::kSteppedDown:
    case ErrorCode::kPeerLost:
    case ErrorCode::kAborted:
    case ErrorCode::kTimeout:
    case ErrorCode::kCancelled:
    case ErrorCode::kRootLost:
    case ErrorCode::kCoordinatorUnreachable:
    case ErrorCode::kOutcomeUnknown:
    case ErrorCode::kEvicted:
    case ErrorCode::kNotConnected:
    case ErrorCode::kOutOfMemory:
    case ErrorCode::kSystemError:
    case ErrorCode::kInternalError: return true;
  }
  return false;
}

}  // namespace

std::string FieldCheck::path() const {
  std::string path(message_);
  for (const Step& step : path_) {
    path += fmt::format(".{}", step.field);
    if (step.index) path += fmt::format("[{}]", *step.index);
  }
  return path;
}

void FieldCheck::refuse(std::string_view field, std::string_view problem) {
  if (error_) return;
  error_ = Error{ErrorCode::kInvalidArgument, fmt::format("{}.{} {}", path(), field, problem)};
}

void FieldCheck::refuse_whole(std::string_view problem) {
  if (error_) return;
  error_ = Error{ErrorCode::kInvalidArgument, fmt::format("{} {}", path(), problem)};
}

bool check_range(FieldCheck& check, std::string_view field, uint64_t value, uint64_t min,
                 uint64_t max) {
  const std::string problem = problem_with_number(value, min, max);
  if (!problem.empty()) check.refuse(field, problem);
  return problem.empty();
}

bool check_count(FieldCheck& check, std::string_view field, size_t count, size_t max) {
  const std::string problem = problem_with_list(count, max);
  if (!problem.empty()) check.refuse(field, problem);
  return problem.empty();
}

void take_error_code(FieldCheck& check, std::string_view field, int32_t in, ErrorCode& out) {
  const auto code = static_cast<ErrorCode>(in);
  if (is_known(code)) {
    out = code;
  } else {
    check.refuse(field, fmt::format("is the unknown error code {}", in));
  }
}

void take_group(FieldCheck& check, std::string_view field, uint32_t in, Group& out) {
  const uint32_t shard = in >= kGroupAlone ? in - kGroupAlone : in;
  const bool pair = is_pair(in) && slots_of(in).from < limits::kPeers &&
                    slots_of(in).from != slots_of(in).to;
  if (pair || shard < limits::kShardsPerReplica || in == kGroupAll || in == kGroupReplica) {
    out = in;
  } else {
    check.refuse(field, fmt::format("is {}, which is no group", in));
  }
}

void take_peer(FieldCheck& check, std::string_view field, uint64_t in, PeerId& out) {
  if (in == 0) check.refuse(field, "names nobody");
  out = PeerId{in};
}

void take_name(FieldCheck& check, std::string_view field, const std::string& in, std::string& out) {
  take_text(check, field, in, problem_with_name(in), out);
}

void take_host(FieldCheck& check, std::string_view field, const std::string& in, std::string& out) {
  take_text(check, field, in, problem_with_host(in), out);
}

void take_sentence(FieldCheck& check, std::string_view field, const std::string& in,
                   std::string& out) {
  take_text(check, field, in, problem_with_text(in, limits::kSentenceBytes), out);
}

}  // namespace atoll_core::wire
