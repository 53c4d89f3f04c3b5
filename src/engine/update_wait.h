// One call of atollUpdate that waits: since when, until when, and for what.
//
// Only the coordinator knows who has called. It is asked when the call has waited for a while, and
// from then on tells each time that it changes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "engine/call.h"
#include "engine/wait_notice.h"

namespace atoll_core::engine {

class UpdateWait {
 public:
  // After so long the coordinator is asked; or sooner, so that its answer comes before the end.
  static constexpr Duration kPatience = std::chrono::seconds(1);

  UpdateWait(CallId call, TimePoint now, Duration timeout);

  CallId call() const { return call_; }
  TimePoint since() const { return since_; }
  double waited_seconds(TimePoint now) const;

  // True: now is the time to ask the coordinator, to tell the log.
  bool take_question(TimePoint now);
  bool take_notice(TimePoint now);
  bool expired(TimePoint now) const { return deadline_ <= now; }
  TimePoint next_deadline() const;

  // The coordinator does not know any more that it was asked.
  void ask_again() { asked_ = false; }
  void hear(std::vector<std::string> reasons);
  // To follow what waits and how long; `hindrance`, if there is one, says it all.
  std::string reason(const std::string& hindrance) const;

 private:
  CallId call_;
  TimePoint since_;
  TimePoint deadline_;
  TimePoint question_;
  bool asked_ = false;
  WaitNotice notice_;
  std::optional<std::string> heard_;
};

}  // namespace atoll_core::engine
