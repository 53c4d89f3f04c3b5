#include "engine/connection_count.h"

#include <algorithm>

namespace atoll_core::engine {

uint32_t connections_for(uint64_t rtt_us, uint64_t bytes_per_second) {
  if (rtt_us < kOneConnectionMicroseconds) return 1;
  const uint64_t rate = bytes_per_second == 0 ? kAssumedBytesPerSecond : bytes_per_second;
  const double in_flight = static_cast<double>(rate) * 1e-6 * static_cast<double>(rtt_us);
  constexpr double kEach = kBytesInFlightPerConnection;
  if (in_flight >= kConnectionsChosenMax * kEach) return kConnectionsChosenMax;
  return std::max(1u, static_cast<uint32_t>((in_flight + kEach - 1) / kEach));
}

}  // namespace atoll_core::engine
