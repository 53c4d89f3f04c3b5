// Which of the other side's link sequences have arrived whole. A frame counts once: a copy that
// was sent again after a lost connection is told apart here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>

#include "base/limits.h"

namespace atoll_core::link {

class ReceiveWindow {
 public:
  // Sequences further ahead than this are no honest sender's.
  static constexpr uint64_t kAheadMax = limits::kFramesAhead;

  bool plausible(uint64_t sequence) const {
    return sequence != 0 && sequence < below_ + kAheadMax;
  }
  bool has(uint64_t sequence) const { return sequence < below_ || ahead_.count(sequence) != 0; }

  // False: it was there already.
  bool add(uint64_t sequence) {
    if (has(sequence)) return false;
    ahead_.insert(sequence);
    while (!ahead_.empty() && *ahead_.begin() == below_) {
      ahead_.erase(ahead_.begin());
      ++below_;
    }
    return true;
  }

  // All sequences below this one have arrived.
  uint64_t below() const { return below_; }

 private:
  uint64_t below_ = 1;
  std::set<uint64_t> ahead_;
};

}  // namespace atoll_core::link
