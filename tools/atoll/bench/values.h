// The data of a benchmark: random floats that every rank can compute for every other, so that each
// checks each element of a result by itself. Knows nothing of Atoll: the drivers of
// bench/compare.py use it too.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

namespace atoll_cli {

// What rank `rank` brings as element i, in [-1, 1). `salt` tells buffers of one rank apart.
inline float bench_value(uint32_t rank, uint32_t salt, uint64_t i) {
  uint32_t x = static_cast<uint32_t>(i) + static_cast<uint32_t>(i >> 32) * 0x85ebca6bu +
               (rank + 1) * 0x9e3779b9u + salt * 0xc2b2ae35u;
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  x ^= x >> 16;
  return static_cast<float>(static_cast<int32_t>(x) >> 8) * 0x1p-23f;
}

inline void fill_bench_values(float* values, uint64_t count, uint32_t rank, uint32_t salt) {
  for (uint64_t i = 0; i < count; ++i) values[i] = bench_value(rank, salt, i);
}

// Whether `sum` is the sum over all ranks, up to what rounding at each addition, in any order, can
// make of it.
inline bool is_bench_sum(float sum, uint32_t world, uint32_t salt, uint64_t i) {
  double exact = 0;
  double magnitude = 0;
  for (uint32_t rank = 0; rank < world; ++rank) {
    const double value = static_cast<double>(bench_value(rank, salt, i));
    exact += value;
    magnitude += std::fabs(value);
  }
  return std::fabs(static_cast<double>(sum) - exact) <= magnitude * world * 0x1p-24;
}

inline uint64_t count_wrong_sums(const float* sums, uint64_t count, uint32_t world, uint32_t salt) {
  uint64_t wrong = 0;
  for (uint64_t i = 0; i < count; ++i) wrong += is_bench_sum(sums[i], world, salt, i) ? 0 : 1;
  return wrong;
}

// Tells buffers apart that differ in any bit; four lanes, so that it keeps up with the memory.
inline uint64_t bench_hash(const float* values, uint64_t count, uint64_t seed) {
  uint64_t lanes[4] = {seed, seed + 1, seed + 2, seed + 3};
  for (uint64_t i = 0; i < count; ++i) {
    uint32_t bits = 0;
    std::memcpy(&bits, &values[i], sizeof bits);
    lanes[i & 3] = (lanes[i & 3] ^ bits) * 0x9e3779b97f4a7c15u;  // odd: no two bits give the same
    lanes[i & 3] ^= lanes[i & 3] >> 29;
  }
  uint64_t hash = count;
  for (const uint64_t lane : lanes) hash = (hash ^ lane) * 0xbf58476d1ce4e5b9u;
  return hash ^ (hash >> 31);
}

}  // namespace atoll_cli
