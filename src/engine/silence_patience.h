// How long the connections of one link may be silent before they are taken for lost. At first a few
// seconds, so that a path which swallows what is sent is left soon. Each time that such a loss is
// found, twice as long, up to four times: for where the silence comes of a host that cannot keep
// up, new connections cost it more than the old ones did. Example: 200 peers begin on two loaded
// cores. Each comes to run every few seconds, finds its neighbours silent, and hangs up on
// connections that stand. With a fixed limit all of them do nothing but dial each other, for good.
//
// After a while without such a loss it is half as long again.
#pragma once

#include <algorithm>

#include "base/time.h"

namespace atoll_core::engine {

class SilencePatience {
 public:
  Duration limit(Duration first) const { return first * (1 << doublings_); }
  // At regular times: whether connections have been found silent this time, which counts once.
  void pulse(TimePoint now, bool lost, Duration limit) {
    if (lost) {
      doublings_ = std::min(doublings_ + 1, kMostDoublings);
      changed_at_ = now;
    } else if (doublings_ > 0 && now - changed_at_ > kLimitsUntilHalved * limit) {
      --doublings_;
      changed_at_ = now;
    }
  }

 private:
  static constexpr int kMostDoublings = 2;
  static constexpr int kLimitsUntilHalved = 8;

  int doublings_ = 0;
  TimePoint changed_at_{};
};

}  // namespace atoll_core::engine
