// Spreads a value over all 64 bits, the same with every compiler and library: where something is
// to differ from time to time, and a simulated run is still to be the same when it is played again.
#pragma once

#include <cstdint>

namespace atoll_core {

// The last step of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators,
// 2014).
inline uint64_t mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
  return value ^ (value >> 31);
}

}  // namespace atoll_core
