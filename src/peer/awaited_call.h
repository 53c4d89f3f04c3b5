// A call in flight as its waiting thread sees it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "base/time.h"
#include "engine/call.h"
#include "process/cancellation.h"

namespace atoll_core::peer {

// What the thread that begins a call does then. One that waits may lend itself to the loop; one
// that waits soon, having looked at something else, for a moment.
enum class Caller : uint8_t { kGoesOn, kWaits, kWaitsSoon };

class AwaitedCall {
 public:
  AwaitedCall(engine::CallId id, Caller caller, bool in_flight)
      : id_(id), caller_(caller), in_flight_(in_flight) {}

  engine::CallId id() const { return id_; }
  Caller caller() const { return caller_; }
  // Counts as one of the calls in flight.
  bool in_flight() const { return in_flight_; }

  // Once; by the thread that runs the loop.
  void finish(Result<engine::CallInfo> result, TimePoint now) {
    std::function<void()> notify;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      result_ = std::move(result);
      ended_at_ = now;
      ended_.notify_all();
      notify = std::move(notify_);
    }
    if (notify) notify();
  }

  // `notify` is called once: by finish(), or here, if the call has ended. False: there is one.
  bool notify_by(std::function<void()> notify) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (std::exchange(notified_, true)) return false;
      if (!result_) notify_ = std::exchange(notify, nullptr);
    }
    if (notify) notify();
    return true;
  }

  bool ended() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return result_.has_value();
  }

  // When it did; of a call that has ended.
  TimePoint ended_at() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return ended_at_;
  }

  // Every call ends, by the engine's deadlines, so this needs none of its own.
  void wait_until_ended() const {
    std::unique_lock<std::mutex> lock(mutex_);
    ended_.wait(lock, [this] { return result_.has_value(); });
  }

  // False: it has not ended by then.
  bool wait_until_ended_for(Duration time) const {
    std::unique_lock<std::mutex> lock(mutex_);
    return ended_.wait_for(lock, time, [this] { return result_.has_value(); });
  }

  // Once.
  Result<engine::CallInfo> wait() {
    wait_until_ended();
    return std::move(*result_);
  }

  // The same for a thread that may be cancelled here: then it is unwound, and nothing was taken.
  Result<engine::CallInfo> wait_cancellable() {
    {
      std::unique_lock<std::mutex> lock(mutex_);
      const process::CancellationWindow window;
      while (!result_) ended_.wait(lock);
    }
    return wait();
  }

 private:
  const engine::CallId id_;
  const Caller caller_;
  const bool in_flight_;
  mutable std::mutex mutex_;
  mutable std::condition_variable ended_;
  std::optional<Result<engine::CallInfo>> result_;
  TimePoint ended_at_{};
  bool notified_ = false;
  std::function<void()> notify_;
};

}  // namespace atoll_core::peer
