// Networks as one would measure them, and random ones.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "topology/measurements.h"
#include "topology/ring_solver.h"

namespace atoll_core::topology {

inline constexpr uint64_t kMicrosecond = 1000;
inline constexpr uint64_t kMillisecond = 1000 * kMicrosecond;
inline constexpr uint64_t k100Mbit = 12'500'000;
inline constexpr uint64_t kUnlimited = 10'000'000'000;

// All pairs alike; the host limits as given.
inline Measurements alike(uint32_t members, uint64_t latency_ns, uint64_t pair_rate,
                          uint64_t host_rate) {
  Measurements measurements(members);
  for (uint32_t from = 0; from < members; ++from) {
    measurements.host(from) = {host_rate, host_rate};
    for (uint32_t to = 0; to < members; ++to) {
      if (from != to) measurements.pair(from, to) = {latency_ns, pair_rate, false};
    }
  }
  return measurements;
}

inline Measurements loopback(uint32_t members) {
  return alike(members, 10 * kMicrosecond, 2'000'000'000, 2'000'000'000);
}

inline Measurements homes(uint32_t members) {
  return alike(members, 40 * kMillisecond, k100Mbit, k100Mbit);
}

inline void cut(Measurements& measurements, uint32_t a, uint32_t b) {
  measurements.pair(a, b).unreachable = true;
  measurements.pair(b, a).unreachable = true;
}

// Rates from few values, so that latencies matter, or from many; each edge missing with a
// probability in percent.
inline RingEdges random_edges(uint32_t members, uint64_t rates, uint32_t missing_percent,
                              uint64_t seed) {
  std::mt19937_64 random(seed);
  RingEdges edges(members);
  for (uint32_t from = 0; from < members; ++from) {
    for (uint32_t to = 0; to < members; ++to) {
      if (from == to) continue;
      edges.rate[edges.at(from, to)] =
          random() % 100 < missing_percent ? 0 : 1 + random() % rates;
      edges.latency[edges.at(from, to)] = 1 + random() % 100;
    }
  }
  return edges;
}

// Members on a plane, each way a little different: what real latencies look like.
inline RingEdges plane_edges(uint32_t members, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<double> x;
  std::vector<double> y;
  for (uint32_t i = 0; i < members; ++i) {
    x.push_back(static_cast<double>(random() % 1000));
    y.push_back(static_cast<double>(random() % 1000));
  }
  RingEdges edges(members);
  for (uint32_t from = 0; from < members; ++from) {
    for (uint32_t to = 0; to < members; ++to) {
      if (from == to) continue;
      const double distance = std::hypot(x[from] - x[to], y[from] - y[to]);
      edges.rate[edges.at(from, to)] = 1 + random() % 20;
      edges.latency[edges.at(from, to)] = 1 + static_cast<uint64_t>(distance) + random() % 20;
    }
  }
  return edges;
}

}  // namespace atoll_core::topology
