// How many TCP connections a link takes.
#pragma once

#include <cstdint>

namespace atoll_core::engine {

// What one connection keeps in flight on a lossy path. Loss-based congestion control holds a window
// of about 1.22 / sqrt(p) segments where a share p of them is lost (Mathis, Semke, Mahdavi, Ott,
// "The Macroscopic Behavior of the TCP Congestion Avoidance Algorithm", 1997, equation 3 with one
// acknowledgement a segment): 55 segments, or 80 kB, at 0.05 %. That is a mean: to keep a path full
// all the time takes twice as many (4 connections of cubic carry 41 of 100 Mbit/s over a round trip
// of 80 ms at that loss, 11 carry 80, 24 all of it; docs/PERFORMANCE.md).
inline constexpr uint64_t kBytesInFlightPerConnection = 40u << 10;
// Of a path about which only the round trip is known: 100 Mbit/s.
inline constexpr uint64_t kAssumedBytesPerSecond = 12'500'000;
// Nearer peers share a site, where nothing is lost on the way.
inline constexpr uint64_t kOneConnectionMicroseconds = 2000;
inline constexpr uint32_t kConnectionsChosenMax = 32;
// Congestion control that goes by rates does not mind such losses. Several connections help all the
// same: what comes after a lost packet waits for it on one of them only.
inline constexpr uint32_t kRateBasedConnections = 2;
// What the buffers of one connection hold, as far as kernels let them grow by default: Linux up to
// 4 MiB for sending, about half of which is data.
inline constexpr uint64_t kBytesInBuffersPerConnection = 2u << 20;

struct PathFacts {
  uint64_t rtt_us = 0;            // 0: not known
  uint64_t bytes_per_second = 0;  // likewise
  bool goes_by_rate = false;      // the congestion control: BBR
};

// So many that together they keep the path full: what is in flight on it, rate times round trip, by
// what one of them holds.
uint32_t connections_for(const PathFacts& path);

}  // namespace atoll_core::engine
