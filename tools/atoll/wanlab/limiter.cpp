#include "tools/atoll/wanlab/limiter.h"

#include <algorithm>
#include <cmath>

namespace atoll_cli {

Nanoseconds Limiter::time_for(uint64_t bytes) const {
  return Nanoseconds(std::llround(static_cast<double>(bytes) * 8e9 / rate_));
}

Limiter::Result Limiter::offer(const Burst& burst, const BurstTimes& times) {
  if (rate_ == kUnlimited) return {burst.packets, times};
  const Nanoseconds start = std::max(times.first, free_);
  uint32_t passed = 0;
  while (passed < burst.packets) {
    const Nanoseconds turn = start + time_for(burst.bytes_of_first(passed));
    if (turn - times.at(passed, burst.packets) > queue_) break;
    ++passed;
  }
  if (passed == 0) return {};
  const Burst taken = burst.slice(0, passed);
  // The burst may come more slowly than this link sends. Then it is complete later than the link
  // has worked for it; in the gaps the link serves others.
  free_ = start + time_for(taken.bytes());
  const Nanoseconds last_came = times.at(passed - 1, burst.packets);
  return {passed,
          {start + time_for(taken.bytes_of(0)),
           std::max(free_, last_came + time_for(taken.bytes_of(passed - 1)))}};
}

}  // namespace atoll_cli
