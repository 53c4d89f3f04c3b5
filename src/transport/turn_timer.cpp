#include "transport/turn_timer.h"

#include <utility>

namespace atoll_core::transport {

TimePoint steady_now() {
  return TimePoint(
      std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

void TurnTimer::set(TimePoint when, std::function<void()> handler) {
  when_ = when;
  handler_ = std::move(handler);
  if (when_ < armed_) arm(when_);
}

void TurnTimer::arm(TimePoint when) {
  armed_ = when;
  const auto since_epoch =
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(when.time_since_epoch());
  timer_.expires_at(std::chrono::steady_clock::time_point(since_epoch));
  timer_.async_wait([this](const std::error_code& cancelled) {
    if (!cancelled) on_expired();
  });
}

void TurnTimer::on_expired() {
  armed_ = kNever;
  if (when_ == kNever) return;
  if (when_ > steady_now()) return arm(when_);
  when_ = kNever;
  const std::function<void()> handler = std::exchange(handler_, nullptr);
  loop_.turn([&] {
    if (handler) handler();
  });
}

}  // namespace atoll_core::transport
