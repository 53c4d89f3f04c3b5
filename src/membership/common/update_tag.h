// atollUpdate is a call with a sequence like any other; this is its tag, in kGroupAll.
#pragma once

#include <cstdint>

namespace atoll_core::membership {

// No op may use it.
inline constexpr uint64_t kUpdateTag = ~uint64_t{0};

}  // namespace atoll_core::membership
