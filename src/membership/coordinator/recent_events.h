// The last sentences of the coordinator's log, for who asks how the run is.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <utility>

#include "base/limits.h"
#include "base/time.h"

namespace atoll_core::membership {

class RecentEvents {
 public:
  static constexpr size_t kKept = limits::kEventsPerStatus;

  struct Event {
    TimePoint at{};
    std::string text;
  };

  void add(TimePoint now, std::string text) {
    if (events_.size() == kKept) events_.pop_front();
    events_.push_back({now, std::move(text)});
  }
  const std::deque<Event>& events() const { return events_; }  // oldest first

 private:
  std::deque<Event> events_;
};

}  // namespace atoll_core::membership
