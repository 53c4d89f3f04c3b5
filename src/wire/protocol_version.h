// The one version of all that peers and coordinators send each other: control messages, hellos and
// data frames. docs/PROTOCOL.md says when it goes up.
#pragma once

#include <cstdint>

namespace atoll_core::wire {

// 1: until chunks carried the weights of their contributors one by one.
inline constexpr uint8_t kProtocolVersion = 2;

}  // namespace atoll_core::wire
