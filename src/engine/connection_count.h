// How many TCP connections a link takes.
#pragma once

#include <cstdint>

namespace atoll_core::engine {

// What one connection keeps in flight on a lossy path. Loss-based congestion control holds a window
// of about 1.22 / sqrt(p) segments where a share p of them is lost (Mathis, Semke, Mahdavi, Ott,
// "The Macroscopic Behavior of the TCP Congestion Avoidance Algorithm", 1997, equation 3 with one
// acknowledgement a segment): 55 segments, or 80 kB, at 0.05 %. Rounded up, since paths are mostly
// better than that.
inline constexpr uint64_t kBytesInFlightPerConnection = 96u << 10;
// Of a path about which only the round trip is known: 100 Mbit/s.
inline constexpr uint64_t kAssumedBytesPerSecond = 12'500'000;
// Nearer peers share a site, where nothing is lost on the way.
inline constexpr uint64_t kOneConnectionMicroseconds = 2000;
inline constexpr uint32_t kConnectionsChosenMax = 16;

// So many that together they keep the path full: what is in flight on it, rate times round trip, by
// what one of them holds. 0: not known.
uint32_t connections_for(uint64_t rtt_us, uint64_t bytes_per_second);

}  // namespace atoll_core::engine
