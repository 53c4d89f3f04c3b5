// One link of a given rate with a queue in front of it: a virtual clock says when it has sent all
// that it took. No time of its own.
#pragma once

#include <cstdint>

#include "tools/atoll/wanlab/packet.h"
#include "tools/atoll/wanlab/settings.h"

namespace atoll_cli {

// When the first packet of a burst is there as a whole, and when the last is.
struct BurstTimes {
  Nanoseconds first{0};
  Nanoseconds last{0};

  // Of packet `index` of `packets`, taking them to be evenly spread.
  Nanoseconds at(uint32_t index, uint32_t packets) const {
    if (packets < 2) return last;
    return first + (last - first) * index / (packets - 1);
  }
};

class Limiter {
 public:
  struct Result {
    uint32_t passed = 0;  // packets of the burst; those behind them found the queue full
    BurstTimes times;     // of those that passed
  };

  // A packet that would wait for longer than `queue` is dropped.
  Limiter(double rate, Nanoseconds queue) : rate_(rate), queue_(queue) {}

  // Bursts come in the order of `times.first`.
  Result offer(const Burst& burst, const BurstTimes& times);

 private:
  Nanoseconds time_for(uint64_t bytes) const;

  double rate_;  // kUnlimited: passes everything at once
  Nanoseconds queue_;
  Nanoseconds free_{0};  // when the last bit of what was taken has left
};

}  // namespace atoll_cli
