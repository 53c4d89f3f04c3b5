// The tag that is atollUpdate's own: as a call without a tag, it counts apart from all others.
#pragma once

#include <cstdint>

namespace atoll_core::membership {

// No op may use it.
inline constexpr uint64_t kUpdateTag = ~uint64_t{0};

}  // namespace atoll_core::membership
