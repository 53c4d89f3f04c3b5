// Who works on an object in a call that takes time: one call at a time. A blocking call waits while
// another thread is in one. What an asynchronous call has is refused to others until that is waited
// for, since the thread that would wait here may be the one that is to do so.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string_view>

#include "base/error.h"
#include "peer/awaited_call.h"

namespace atoll_core::peer {

class Occupancy {
 public:
  // `what`: the object, for the sentence. kInvalidUsage: an asynchronous call has it.
  Result<void> take(Caller caller, std::string_view what) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return holder_ != Holder::kWaits; });
    if (holder_ == Holder::kGoesOn) {
      return fail(ErrorCode::kInvalidUsage,
                  "{} is in an asynchronous call that was not waited for yet", what);
    }
    holder_ = caller == Caller::kWaits ? Holder::kWaits : Holder::kGoesOn;
    return {};
  }
  void release() {
    const std::lock_guard<std::mutex> lock(mutex_);
    holder_ = Holder::kNobody;
    changed_.notify_all();
  }

 private:
  enum class Holder : uint8_t { kNobody, kWaits, kGoesOn };

  std::mutex mutex_;
  std::condition_variable changed_;
  Holder holder_ = Holder::kNobody;
};

// For the time of a scope that does not wait for anybody.
class Occupied {
 public:
  Occupied(Occupancy& occupancy, std::string_view what)
      : occupancy_(occupancy), taken_(occupancy.take(Caller::kWaits, what)) {}
  ~Occupied() {
    if (taken_) occupancy_.release();
  }
  Occupied(const Occupied&) = delete;
  Occupied& operator=(const Occupied&) = delete;

  const Result<void>& taken() const { return taken_; }

 private:
  Occupancy& occupancy_;
  const Result<void> taken_;
};

}  // namespace atoll_core::peer
