#include "tools/atoll/wanlab/settings.h"

#include <algorithm>

namespace atoll_cli {
namespace {

Nanoseconds usual_queue(Nanoseconds round_trip, double slowest_rate) {
  Nanoseconds queue = std::max<Nanoseconds>(round_trip, std::chrono::milliseconds(20));
  if (slowest_rate != kUnlimited) {
    constexpr double kTenPacketsBits = 10 * 1500 * 8;
    const auto ten_packets = static_cast<int64_t>(kTenPacketsBits / slowest_rate * 1e9);
    queue = std::max(queue, Nanoseconds(ten_packets));
  }
  return queue;
}

double slower(double one, double other) {
  if (one == kUnlimited || other == kUnlimited) return std::max(one, other);
  return std::min(one, other);
}

}  // namespace

NetworkSettings::NetworkSettings(unsigned peers, const PathSettings& path,
                                 const HostSettings& host)
    : peers_(peers), paths_(nodes() * nodes(), path), hosts_(nodes(), host) {
  hosts_[kCoordinatorNode] = HostSettings{};
  for (unsigned node = 1; node < nodes(); ++node) {
    this->path(node, kCoordinatorNode).rate = kUnlimited;
    this->path(kCoordinatorNode, node).rate = kUnlimited;
  }
}

void NetworkSettings::choose_queues() {
  for (unsigned from = 0; from < nodes(); ++from) {
    Nanoseconds longest{0};
    for (unsigned to = 0; to < nodes(); ++to) {
      if (from == to) continue;
      const Nanoseconds round_trip = path(from, to).delay + path(to, from).delay;
      if (to != kCoordinatorNode) longest = std::max(longest, round_trip);
      PathSettings& one = path(from, to);
      if (!one.queue) one.queue = usual_queue(round_trip, one.rate);
    }
    HostSettings& own = host(from);
    if (!own.queue) own.queue = usual_queue(longest, slower(own.up, own.down));
  }
}

std::string node_name(unsigned node) {
  return node == kCoordinatorNode ? "coordinator" : "peer " + std::to_string(node);
}

}  // namespace atoll_cli
