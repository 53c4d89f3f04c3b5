#include "engine/connection_count.h"

#include <algorithm>

namespace atoll_core::engine {

uint32_t connections_for(const PathFacts& path) {
  if (path.rtt_us < kOneConnectionMicroseconds) return 1;
  const uint32_t most = path.goes_by_rate ? kRateBasedConnectionsMax : kConnectionsChosenMax;
  const uint64_t rate = path.bytes_per_second == 0 ? kAssumedBytesPerSecond : path.bytes_per_second;
  const double in_flight = static_cast<double>(rate) * 1e-6 * static_cast<double>(path.rtt_us);
  constexpr double kEach = kBytesInFlightPerConnection;
  if (in_flight >= most * kEach) return most;
  return std::max(1u, static_cast<uint32_t>((in_flight + kEach - 1) / kEach));
}

}  // namespace atoll_core::engine
