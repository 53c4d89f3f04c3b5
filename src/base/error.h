// Errors are grouped by what the caller should do next; the numbers are those of atollResult_t.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

#include <fmt/format.h>

namespace atoll_core {

enum class ErrorCode : int32_t {
  kSuccess = 0,
  kInProgress = 1,
  // Fix the call.
  kInvalidArgument = 100,
  kInvalidUsage = 101,
  kMismatch = 102,
  kUnsupported = 103,
  kDuplicatePeer = 104,
  kVersionMismatch = 105,
  kStateConflict = 106,
  kOtherInstance = 107,
  kSteppedDown = 108,
  // Retry the call: the run goes on, the input is as it was.
  kPeerLost = 200,
  kAborted = 201,
  kTimeout = 202,
  kCancelled = 203,
  kRootLost = 204,
  // Connect again: this communicator is no longer part of the run.
  kCoordinatorUnreachable = 300,
  kOutcomeUnknown = 301,
  kEvicted = 302,
  kNotConnected = 303,
  // Restart the peer or give it more of what it lacks.
  kOutOfMemory = 400,
  kSystemError = 401,
  // Report a bug.
  kInternalError = 500,
};

// The name as the C header spells it, for example "atollPeerLost".
std::string_view error_name(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kInternalError;
  std::string message;  // one sentence that names what and who

  bool operator==(const Error&) const = default;
};

template <class T = void>
using Result = tl::expected<T, Error>;

template <class... Args>
[[nodiscard]] tl::unexpected<Error> fail(ErrorCode code, fmt::format_string<Args...> format,
                                         Args&&... args) {
  return tl::unexpected<Error>(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}

}  // namespace atoll_core
