// Time as values. Machines never read a clock: whoever runs them passes `now` in.
#pragma once

#include <chrono>
#include <cstdint>

namespace atoll_core {

using Duration = std::chrono::nanoseconds;

// A tag clock without now(): only shells and the simulator know what time it is.
struct MachineClock {
  using rep = int64_t;
  using period = std::nano;
  using duration = Duration;
  using time_point = std::chrono::time_point<MachineClock>;
  static constexpr bool is_steady = true;
};

using TimePoint = MachineClock::time_point;

inline constexpr TimePoint kNever = TimePoint::max();

inline int64_t to_ms(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

}  // namespace atoll_core
