#include "wire/control_framing.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"
#include "base/text.h"
#include "wire/little_endian.h"

namespace atoll_core::wire {
namespace {

constexpr size_t kLengthBytes = 4;
// What precedes the version digits in the preamble.
constexpr std::string_view kControlMagic = kControlPreamble.substr(0, kControlPreamble.size() - 2);

std::string_view explain_preamble(std::string_view received) {
  if (received.starts_with('\x16')) return "; this looks like TLS, which this side does not expect";
  if (received.starts_with("ATOLLD")) return "; this is the start of a data connection";
  return "";
}

Result<void> check_preamble(std::string_view received) {
  if (kControlPreamble.starts_with(received)) return {};
  if (received.starts_with(kControlMagic)) {
    return fail(ErrorCode::kVersionMismatch,
                "the other side frames control messages as {}, this side as \"{}\"",
                quote_bytes(as_bytes(received)), kControlPreamble);
  }
  return fail(ErrorCode::kInvalidArgument,
              "the other side does not speak Atoll's control protocol: it began with {}, not with "
              "\"{}\"{}",
              quote_bytes(as_bytes(received)), kControlPreamble, explain_preamble(received));
}

// How long the framed message is of which at least the length has come.
Result<size_t> framed_bytes(std::string_view buffer) {
  const size_t length = load_little_endian<uint32_t>(as_bytes(buffer).data());
  if (length == 0 || length > limits::kControlMessageBytes) {
    return fail(ErrorCode::kInvalidArgument,
                "the other side announces a control message of {} bytes, 1 to {} are allowed",
                length, limits::kControlMessageBytes);
  }
  return kLengthBytes + length;
}

// Moves bytes from the front of `from` until `buffer` has `size` of them.
bool fill(std::string& buffer, size_t size, std::string_view& from) {
  const size_t moved = std::min(size - buffer.size(), from.size());
  buffer.append(from.substr(0, moved));
  from.remove_prefix(moved);
  return buffer.size() == size;
}

}  // namespace

void append_framed(std::string_view message, std::string& out) {
  ATOLL_ASSERT(!message.empty() && message.size() <= limits::kControlMessageBytes,
               "a control message has {} bytes", message.size());
  std::array<std::byte, kLengthBytes> length;
  store_little_endian(static_cast<uint32_t>(message.size()), length.data());
  out.append(as_text(length));
  out.append(message);
}

ControlFramer::ControlFramer(bool expect_preamble) : preamble_missing_(expect_preamble) {}

Result<void> ControlFramer::feed(ByteSpan bytes, std::vector<std::string>& messages) {
  std::string_view rest = as_text(bytes);
  while (state_ && !rest.empty()) {
    if (preamble_missing_) {
      const bool complete = fill(buffer_, kControlPreamble.size(), rest);
      state_ = check_preamble(buffer_);
      if (!complete || !state_) break;
      preamble_missing_ = false;
      buffer_.clear();
      continue;
    }
    if (buffer_.size() < kLengthBytes && !fill(buffer_, kLengthBytes, rest)) break;
    const Result<size_t> size = framed_bytes(buffer_);
    if (!size) {
      state_ = tl::make_unexpected(size.error());
    } else if (fill(buffer_, *size, rest)) {
      buffer_.erase(0, kLengthBytes);
      messages.push_back(std::move(buffer_));
      buffer_.clear();
    }
  }
  if (!state_) buffer_ = {};
  return state_;
}

}  // namespace atoll_core::wire
