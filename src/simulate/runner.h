// One seed, one run: a world, an application, faults, checkers; then a report. Pure: the same seed
// and options give the same report, whoever runs it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "simulate/checker.h"
#include "simulate/fault.h"
#include "simulate/statistics.h"

namespace atoll_core::simulate {

struct RunOptions {
  uint64_t seed = 1;
  uint32_t peers = 0;      // at first; 0: the seed chooses, 2 to 8
  uint64_t events = 1000;  // a run has at least so many
  FaultMix mix;
  bool often_two_coordinators = false;  // in every second run instead of every fourth
  bool often_several_shards = false;    // in every run, and not every third, where peers divide so
  // Told each line of the trace; without it there is none.
  std::function<void(const std::string& line)> trace;
};

struct Report {
  uint64_t seed = 0;
  std::string setting;                // "3 replicas of 2 shards, …"
  std::vector<Violation> violations;  // empty: all is well
  Statistics statistics;
};

Report run_seed(const RunOptions& options);

// "atoll simulate --seeds 17:17 --trace": shows this run again.
std::string replay_command(const RunOptions& options);

}  // namespace atoll_core::simulate
