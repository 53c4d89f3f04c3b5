#include "peer/loop_baton.h"

#include <algorithm>
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
  followed_until_ = rested_at_ + kFollow;
  pause_ = kRest;
  if (wanted_) changed_.notify_one();
}

void LoopBaton::rest(uint64_t done, std::optional<bool> came) {
  const std::lock_guard<std::mutex> lock(mutex_);
  release(true, done);
  if (!came) followed_until_ = rested_at_ + kFollow;
  pause_ = came.value_or(true) ? kRest : std::min(2 * pause_, kLook);
}

void LoopBaton::release(bool nothing_left, uint64_t done) {
  holder_ = Holder::kNobody;
  rested_at_ = transport::Network::now();
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

LoopBaton::Turn LoopBaton::take(const std::function<void()>& beside_it) {
  std::unique_lock<std::mutex> lock(mutex_);
  uint64_t seen = taken_;
  Duration beside_caller = kLook;
  Turn turn = Turn::kRun;
  for (;;) {
    if (ended_) return Turn::kEnd;
    if (holder_ == Holder::kNobody) {
      const TimePoint now = transport::Network::now();
      turn = wanted_ || now >= followed_until_ ? Turn::kRun : Turn::kLook;
      if (turn == Turn::kRun || now >= rested_at_ + pause_) break;
    }
    // Callers that take turns are looked after now and then, without their having to wake anybody.
    const bool in_turns = std::exchange(seen, taken_) != taken_;
    const bool beside = holder_ == Holder::kCaller && !in_turns;
    beside_caller = beside ? std::min(2 * beside_caller, kLookBesideCaller) : kLook;
    changed_.wait_for(lock, in_turns || beside ? beside_caller : pause_);
    if (holder_ != Holder::kCaller || !beside_it) continue;
    lock.unlock();
    beside_it();
    lock.lock();
  }
  wanted_ = false;
  holder_ = Holder::kIoThread;
  return turn;
}

}  // namespace atoll_core::peer
