// What a stress run has counted, how it is shown, and what it must be for the run to have passed.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace atoll_cli {

struct StressTally {
  uint64_t steps = 0;  // revisions of the shared state that the run has come to
  uint64_t kills = 0;
  uint64_t joins = 0;
  uint64_t leaves = 0;
  uint64_t freezes = 0;
  uint64_t coordinator_restarts = 0;
  uint64_t connection_resets = 0;
  uint64_t retries = 0;       // attempts beyond the first, of calls that succeeded
  uint64_t failed_calls = 0;  // 2xx: the round was begun again
  uint64_t reconnects = 0;    // 3xx
  uint64_t state_losses = 0;  // the last holder of a revision was killed
  uint64_t parity_failures = 0;
  uint64_t hangs = 0;
  uint64_t unexpected_exits = 0;
  uint64_t stalls = 0;  // 5 s without a step although two peers or more were up
  double seconds = 0;
  uint64_t seed = 0;

  bool passed(bool growth_rule) const;
};

std::string live_line(const StressTally& now, const StressTally& before, size_t up, size_t alive);
std::string summary_table(const StressTally& tally, bool passed);
std::string summary_json(const StressTally& tally, bool passed);

// No step for so long counts as a stall.
class GrowthRule {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kWindow{5};

  explicit GrowthRule(TimePoint start) : since_(start) {}
  // True when another window has passed without growth.
  bool stalled(TimePoint now, uint64_t steps, size_t up);

 private:
  TimePoint since_;
  uint64_t steps_ = 0;
};

}  // namespace atoll_cli
