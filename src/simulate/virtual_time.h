// A clock that jumps from event to event.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "base/time.h"

namespace atoll_core::simulate {

class VirtualTime {
 public:
  TimePoint now() const { return now_; }

  // Events of the same time happen in the order in which they were added.
  void at(TimePoint time, std::function<void()> event) {
    events_.emplace(std::pair(std::max(time, now_), added_++), std::move(event));
  }
  void after(Duration delay, std::function<void()> event) { at(now_ + delay, std::move(event)); }

  // The time of the next event; kNever when there is none.
  TimePoint next() const { return events_.empty() ? kNever : events_.begin()->first.first; }
  void run_next() {
    auto node = events_.extract(events_.begin());
    now_ = node.key().first;
    node.mapped()();
  }
  void advance(TimePoint time) { now_ = std::max(now_, time); }

 private:
  TimePoint now_ = TimePoint(std::chrono::hours(1));
  uint64_t added_ = 0;
  std::map<std::pair<TimePoint, uint64_t>, std::function<void()>> events_;
};

}  // namespace atoll_core::simulate
