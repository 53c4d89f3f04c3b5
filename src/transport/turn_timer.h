// One timer that is set anew all the time: its owner's next deadline changes with every event. The
// system's timer is touched only when the deadline comes nearer; when it went away the timer
// wakes up too early once, sees that, and sleeps on.
#pragma once

#include <functional>

#include "base/time.h"
#include "transport/asio_headers.h"
#include "transport/loop.h"

namespace atoll_core::transport {

// The steady clock as time since its epoch.
TimePoint steady_now();

class TurnTimer {
 public:
  explicit TurnTimer(Loop& loop) : loop_(loop), timer_(loop.context()) {}

  // Calls `handler` once at `when`, in a turn; replaces what was set before. kNever: not at all.
  void set(TimePoint when, std::function<void()> handler);

 private:
  void arm(TimePoint when);
  void on_expired();

  Loop& loop_;
  asio::steady_timer timer_;
  TimePoint when_ = kNever;
  TimePoint armed_ = kNever;  // when timer_ expires; never later than when_
  std::function<void()> handler_;
};

}  // namespace atoll_core::transport
