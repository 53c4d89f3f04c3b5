#include "wire/sendable.h"

#include <variant>

#include "base/limits.h"
#include "wire/control_framing.h"
#include "wire/part_count.h"

namespace atoll_core::wire {
namespace {

// A smaller one cannot have too many parts: each takes two bytes and more.
constexpr size_t kSurelyFewParts = 2 * limits::kPartsPerMessage;

// Each call sends one and waits for the answer. All that it holds has been counted by the call.
bool is_surely_fine(const ToCoordinator& message) {
  return std::holds_alternative<OpDone>(message);
}

template <class Message>
tl::unexpected<Error> unsendable(const Message& message, const Error& why) {
  return fail(ErrorCode::kInternalError, "the message {} cannot be sent: {}", name_of(message),
              why.message);
}

}  // namespace

Result<std::string> frame(const ToCoordinator& message) {
  const std::string bytes = encode(message);
  if (!is_surely_fine(message)) {
    const auto decoded = decode_to_coordinator(bytes);
    if (!decoded) return unsendable(message, decoded.error());
  }
  std::string framed;
  append_framed(bytes, framed);
  return framed;
}

Result<std::string> encode_sendable(const ToPeer& message) {
  std::string bytes = encode(message);
  if (bytes.size() < kSurelyFewParts) return bytes;
  if (const auto fits = check_part_count(bytes); !fits) return unsendable(message, fits.error());
  return bytes;
}

}  // namespace atoll_core::wire
