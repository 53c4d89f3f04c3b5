// Length-prefixed messages on a control connection: 4 bytes little-endian length, then the
// message. The first thing either side sends is the 8-byte preamble kControlPreamble.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace atoll_core::wire {

inline constexpr std::string_view kControlPreamble = "ATOLLC01";

// Appends prefix and message to `out`.
void append_framed(std::string_view message, std::string& out);

// Cuts a byte stream, in pieces of any size, into messages. After an error the stream is useless
// and every later call returns the same error.
class ControlFramer {
 public:
  // `expect_preamble`: the stream begins with kControlPreamble.
  explicit ControlFramer(bool expect_preamble = true);

  // Appends the complete messages to `messages`. Keeps at most one incomplete message
  // (bounded by limits::kControlMessageBytes).
  Result<void> feed(ByteSpan bytes, std::vector<std::string>& messages);

 private:
  bool preamble_missing_;
  std::string buffer_;
  Result<void> state_;
};

}  // namespace atoll_core::wire
