#include "engine/connection_count.h"

#include <algorithm>
#include <cmath>

namespace atoll_core::engine {
namespace {

uint32_t parts_of(double bytes, uint64_t each) {
  const double parts = std::ceil(bytes / static_cast<double>(each));
  return static_cast<uint32_t>(std::clamp<double>(parts, 1, kConnectionsChosenMax));
}

}  // namespace

uint32_t connections_for(const PathFacts& path) {
  if (path.rtt_us < kOneConnectionMicroseconds) return 1;
  const uint64_t rate = path.bytes_per_second == 0 ? kAssumedBytesPerSecond : path.bytes_per_second;
  const double in_flight = static_cast<double>(rate) * 1e-6 * static_cast<double>(path.rtt_us);
  const uint32_t by_loss = parts_of(in_flight, kBytesInFlightPerConnection);
  if (!path.goes_by_rate) return by_loss;
  return std::max(std::min(by_loss, kRateBasedConnections),
                  parts_of(in_flight, kBytesInBuffersPerConnection));
}

}  // namespace atoll_core::engine
