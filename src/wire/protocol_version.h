// The one version of all that peers and coordinators send each other: control messages, hellos and
// data frames. docs/PROTOCOL.md says when it goes up.
#pragma once

#include <cstdint>

namespace atoll_core::wire {

inline constexpr uint8_t kProtocolVersion = 3;

}  // namespace atoll_core::wire
