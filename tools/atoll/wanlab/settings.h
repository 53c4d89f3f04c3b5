// What the emulated network is like: one path for each directed pair of nodes, one host for each
// node. Node 0 is the coordinator, peers are nodes 1 to N.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace atoll_cli {

using Nanoseconds = std::chrono::nanoseconds;

inline constexpr unsigned kWanlabPeersMax = 64;
inline constexpr unsigned kCoordinatorNode = 0;
inline constexpr double kUnlimited = 0;  // as a rate

struct PathSettings {
  double rate = kUnlimited;  // bits per second, IP headers included
  Nanoseconds delay{0};      // one way
  Nanoseconds jitter{0};     // the delay wanders by so much in both directions
  double loss = 0;           // of each packet: a probability
  std::optional<Nanoseconds> queue;
  bool cut = false;  // nothing passes
};

// A node's own link, which all its paths share; `up` is what it sends.
struct HostSettings {
  double up = kUnlimited;
  double down = kUnlimited;
  std::optional<Nanoseconds> queue;
};

class NetworkSettings {
 public:
  NetworkSettings(unsigned peers, const PathSettings& path, const HostSettings& host);

  unsigned peers() const { return peers_; }
  unsigned nodes() const { return peers_ + 1; }
  PathSettings& path(unsigned from, unsigned to) { return paths_[from * nodes() + to]; }
  const PathSettings& path(unsigned from, unsigned to) const {
    return paths_[from * nodes() + to];
  }
  HostSettings& host(unsigned node) { return hosts_[node]; }
  const HostSettings& host(unsigned node) const { return hosts_[node]; }

  // Gives a queue to each path and host that has none: a round trip, and at least 20 ms or the
  // time of ten packets of 1,500 bytes. A host's is that of its longest path.
  void choose_queues();

 private:
  unsigned peers_;
  std::vector<PathSettings> paths_;
  std::vector<HostSettings> hosts_;
};

// "coordinator", "peer 3".
std::string node_name(unsigned node);

}  // namespace atoll_cli
