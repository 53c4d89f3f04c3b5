// How fast bytes came while they came steadily, of a transfer that was watched.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.h"

namespace atoll_core::topology {

struct Progress {
  Duration at{0};      // since the transfer began
  uint64_t bytes = 0;  // that had come by then
};

// Bytes per second: the median of the rates between any two moments (the estimator of Theil and
// Sen, "Estimates of the Regression Coefficient Based on Kendall's Tau", 1968). Its beginning, in
// which congestion control finds the rate, and a stall do not change it as long as they are less
// than about three tenths of all moments. `moments` in order, the beginning among them; 0 when
// there are fewer than two.
uint64_t steady_rate(const std::vector<Progress>& moments);

}  // namespace atoll_core::topology
