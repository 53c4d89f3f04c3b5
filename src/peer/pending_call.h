// A call in flight as its waiting thread sees it.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "engine/call.h"

namespace atoll_core::peer {

class PendingCall {
 public:
  explicit PendingCall(engine::CallId id) : id_(id) {}

  engine::CallId id() const { return id_; }

  // Once; by the I/O thread.
  void finish(Result<engine::CallInfo> result) {
    const std::lock_guard<std::mutex> lock(mutex_);
    result_ = std::move(result);
    ended_.notify_all();
  }

  bool ended() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return result_.has_value();
  }

  // Every call ends, by the engine's deadlines, so this needs none of its own.
  Result<engine::CallInfo> wait() const {
    std::unique_lock<std::mutex> lock(mutex_);
    ended_.wait(lock, [this] { return result_.has_value(); });
    return *result_;
  }

 private:
  const engine::CallId id_;
  mutable std::mutex mutex_;
  mutable std::condition_variable ended_;
  std::optional<Result<engine::CallInfo>> result_;
};

}  // namespace atoll_core::peer
