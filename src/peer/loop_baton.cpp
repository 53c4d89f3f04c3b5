#include "peer/loop_baton.h"

#include <utility>

#include "transport/network.h"

namespace atoll_core::peer {

std::optional<uint64_t> LoopBaton::try_take() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (ended_ || holder_ != Holder::kNobody) return std::nullopt;
  holder_ = Holder::kCaller;
  ++taken_;
  return asked_;
}

void LoopBaton::give_back(bool nothing_left, uint64_t done) {
  const std::lock_guard<std::mutex> lock(mutex_);
  release(nothing_left, done);
  // It sleeps without a limit only beside a caller that took long.
  if (wanted_ || asleep_) changed_.notify_one();
}

void LoopBaton::rest(uint64_t done) {
  const std::lock_guard<std::mutex> lock(mutex_);
  release(true, done);
}

void LoopBaton::release(bool nothing_left, uint64_t done) {
  holder_ = Holder::kNobody;
  rested_at_ = transport::Network::now() + kRest;
  if (!nothing_left || asked_ > done) wanted_ = true;
}

void LoopBaton::asked() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++asked_;
  if (holder_ != Holder::kNobody) return;  // who runs the loop sees it, or finds it counted
  wanted_ = true;
  changed_.notify_one();
}

void LoopBaton::end() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ended_ = true;
  changed_.notify_one();
}

bool LoopBaton::take() {
  std::unique_lock<std::mutex> lock(mutex_);
  uint64_t seen = taken_;
  for (;;) {
    if (ended_) return false;
    if (holder_ == Holder::kNobody && (wanted_ || transport::Network::now() >= rested_at_)) break;
    // Callers that take turns are looked after now and then, without their having to wake anybody.
    const bool in_turns = std::exchange(seen, taken_) != taken_;
    asleep_ = holder_ == Holder::kCaller && !in_turns;
    if (asleep_) changed_.wait(lock);
    else changed_.wait_for(lock, in_turns ? kLook : kRest);
    asleep_ = false;
  }
  wanted_ = false;
  holder_ = Holder::kIoThread;
  return true;
}

}  // namespace atoll_core::peer
