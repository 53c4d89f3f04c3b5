// When to tell that a call waits: soon, after 10 s, and then every minute that nothing comes.
//
// The first notice is later than the moment at which all are told who has come (a second without
// progress), so that it names only those that are not there.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/time.h"

namespace atoll_core::engine {

class WaitNotice {
 public:
  static constexpr Duration kFirst = std::chrono::milliseconds(1500);
  static constexpr Duration kSecond = std::chrono::seconds(10);
  static constexpr Duration kThen = std::chrono::seconds(60);

  // The next notice, when nothing has come since `progress`. What comes in between does not begin
  // the series anew: a call that is slow all along is told of now and then only.
  TimePoint next(TimePoint progress) const {
    if (given_ == 0) return progress + kFirst;
    if (given_ == 1) return progress + kSecond;
    return std::max(progress, last_) + kThen;
  }

  // True: now is the time.
  bool take(TimePoint now, TimePoint progress) {
    if (next(progress) > now) return false;
    last_ = now;
    ++given_;
    return true;
  }

 private:
  uint32_t given_ = 0;
  TimePoint last_{};
};

}  // namespace atoll_core::engine
