// The one source of randomness of a simulated world: the same seed gives the same run, with every
// compiler and library.
#pragma once

#include <cstdint>

#include "base/mix.h"
#include "base/time.h"

namespace atoll_core::simulate {

// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t bits() { return mix(state_ += 0x9E3779B97F4A7C15u); }
  // In [0, limit).
  uint64_t below(uint64_t limit) { return bits() % limit; }
  // In [first, last].
  uint64_t between(uint64_t first, uint64_t last) { return first + below(last - first + 1); }
  Duration between(Duration first, Duration last) {
    return Duration(static_cast<int64_t>(between(static_cast<uint64_t>(first.count()),
                                                 static_cast<uint64_t>(last.count()))));
  }
  bool one_in(uint64_t n) { return below(n) == 0; }
  static uint64_t mix(uint64_t value) { return atoll_core::mix(value); }

 private:
  uint64_t state_;
};

}  // namespace atoll_core::simulate
