// One long life: a run of a few peers that takes a tag for each call, for more than a thousand
// generations and a hundred thousand tags, while guests come, leave and die in the middle of calls,
// the coordinator is started again, and connections to it break. What is asked: that nobody is
// refused anything, and that no table of the coordinator or of a peer grows with the life.
#pragma once

#include "simulate/runner.h"

namespace atoll_core::simulate {

inline constexpr uint64_t kLifeGenerations = 1000;
inline constexpr uint64_t kLifeTags = 100'000;

// Of the options the seed and the trace count. The same seed gives the same life.
Report run_life(const RunOptions& options);

// "atoll simulate --lives --seeds 17:17 --trace": shows this life again.
std::string replay_life_command(const RunOptions& options);

}  // namespace atoll_core::simulate
