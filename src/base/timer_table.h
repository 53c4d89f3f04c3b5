// All timers of a machine: one slot for each value of an enum whose last value is kCount.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/time.h"

namespace atoll_core {

template <class Timer>
class TimerTable {
 public:
  TimerTable() { deadlines_.fill(kNever); }

  void arm(Timer timer, TimePoint at) { slot(timer) = at; }
  // Keeps an earlier deadline that is already armed.
  void arm_earlier(Timer timer, TimePoint at) { slot(timer) = std::min(slot(timer), at); }
  void disarm(Timer timer) { slot(timer) = kNever; }
  bool armed(Timer timer) const { return slot(timer) != kNever; }
  TimePoint deadline(Timer timer) const { return slot(timer); }

  // True once per expiry: an expired timer is disarmed.
  bool take_expired(Timer timer, TimePoint now) {
    if (slot(timer) > now) return false;
    disarm(timer);
    return true;
  }

  TimePoint next_deadline() const {
    return *std::min_element(deadlines_.begin(), deadlines_.end());
  }

 private:
  TimePoint& slot(Timer timer) { return deadlines_[static_cast<size_t>(timer)]; }
  const TimePoint& slot(Timer timer) const { return deadlines_[static_cast<size_t>(timer)]; }

  std::array<TimePoint, static_cast<size_t>(Timer::kCount)> deadlines_;
};

}  // namespace atoll_core
