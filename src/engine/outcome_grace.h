// How long a call that is to end waits for its verdict before its peer leaves the run.
//
// The time is for a coordinator that cannot be reached. While a settle round is known to be open
// the verdict is on its way, and only waits for a member that may be dead: so the time stands
// still, for as long as the coordinator has said that a round may take. Otherwise a peer timeout of
// 20 s, which is sensible on long ways, would make all healthy members leave when one stops.
#pragma once

#include <algorithm>
#include <optional>

#include "base/time.h"

namespace atoll_core::engine {

class OutcomeGrace {
 public:
  void begin(TimePoint now, Duration patience) {
    ends_ = now + patience;
    left_.reset();
  }
  void end() { *this = OutcomeGrace(); }
  // A round is open; `at_most`: it ends in so long, or begins anew and says so.
  void stand_still(TimePoint now, Duration at_most) {
    if (ends_ == kNever) return;
    if (!left_) left_ = std::max(ends_ - now, Duration{0});
    ends_ = now + at_most + *left_;
  }
  // It is over.
  void go_on(TimePoint now) {
    if (left_) ends_ = now + *left_;
    left_.reset();
  }
  TimePoint deadline() const { return ends_; }

 private:
  TimePoint ends_ = kNever;
  std::optional<Duration> left_;  // while it stands still
};

}  // namespace atoll_core::engine
