// What both envelopes of control messages are tested for: whatever is decoded keeps the bounds,
// and says the same after it has been encoded again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fuzz/fuzz_check.h"
#include "unit/wire/message_bounds.h"
#include "wire/control.h"

namespace atoll_core::fuzz {

template <class Decode>
void check_control_decoder(const uint8_t* data, size_t size, Decode decode) {
  const auto message = decode(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!message) {
    FUZZ_CHECK(message.error().code == ErrorCode::kInvalidArgument);
    FUZZ_CHECK(!message.error().message.empty());
    return;
  }
  FUZZ_CHECK(wire::message_bounds::count_violations(*message) == 0);
  const auto again = decode(wire::encode(*message));
  FUZZ_CHECK(again.has_value());
  FUZZ_CHECK(*again == *message);
}

}  // namespace atoll_core::fuzz
