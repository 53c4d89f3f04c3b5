#include "wire/field_check.h"

#include <fmt/format.h>

#include "base/limits.h"
#include "wire/text.h"

namespace atoll_core::wire {
namespace {

void take_text(FieldCheck& check, std::string_view field, const std::string& in, size_t bytes_max,
               std::string& out) {
  if (in.size() > bytes_max) {
    check.refuse(field, fmt::format("has {} bytes, at most {} are allowed", in.size(), bytes_max));
  } else if (const size_t at = find_unprintable(in); at != in.size()) {
    check.refuse(field, fmt::format("is not printable UTF-8: byte {} begins {}", at,
                                    quote_bytes(as_bytes(in).subspan(at), 4)));
  } else {
    out = in;
  }
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

void FieldCheck::refuse(std::string_view field, std::string_view problem) {
  if (error_) return;
  std::string path(message_);
  for (const Step& step : path_) {
    path += fmt::format(".{}", step.field);
    if (step.index) path += fmt::format("[{}]", *step.index);
  }
  error_ = Error{ErrorCode::kInvalidArgument, fmt::format("{}.{} {}", path, field, problem)};
}

bool check_range(FieldCheck& check, std::string_view field, uint64_t value, uint64_t min,
                 uint64_t max) {
  if (value >= min && value <= max) return true;
  check.refuse(field, fmt::format("is {}, allowed are {} to {}", value, min, max));
  return false;
}

bool check_count(FieldCheck& check, std::string_view field, size_t count, size_t max) {
  if (count <= max) return true;
  check.refuse(field, fmt::format("has {} elements, at most {} are allowed", count, max));
  return false;
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
  take_text(check, field, in, limits::kNameBytes, out);
}

void take_host(FieldCheck& check, std::string_view field, const std::string& in, std::string& out) {
  if (in.empty()) check.refuse(field, "is empty");
  take_text(check, field, in, limits::kHostBytes, out);
}

void take_sentence(FieldCheck& check, std::string_view field, const std::string& in,
                   std::string& out) {
  take_text(check, field, in, limits::kSentenceBytes, out);
}

}  // namespace atoll_core::wire
