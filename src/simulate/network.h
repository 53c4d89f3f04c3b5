// Who can reach whom, and when: faults of each direction between two nodes, and nodes that stand
// still. What is on its way over a blocked direction arrives when it is open again, as TCP sees to.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

#include "base/time.h"

namespace atoll_core::simulate {

// A process, or a coordinator.
using NodeId = uint64_t;
inline constexpr NodeId kCoordinatorNode = 1ull << 63;  // the first; others follow

class Network {
 public:
  // Nothing passes from `from` to `to` until then.
  void block(NodeId from, NodeId to, TimePoint until) { extend(blocked_[{from, to}], until); }
  // Neither hears the other, and dialling stays in vain, for ever.
  void separate(NodeId one, NodeId other) {
    block(one, other, kNever);
    block(other, one, kNever);
  }
  // Stopped like by SIGSTOP: its kernel accepts bytes and connections, it takes none of them.
  void freeze(NodeId node, TimePoint until) { extend(frozen_[node], until); }
  void thaw(NodeId node) { frozen_.erase(node); }
  // All that was blocked or frozen for a time goes on now.
  void heal(TimePoint now) {
    for (auto& [way, until] : blocked_) {
      if (until != kNever) until = std::min(until, now);
    }
    for (auto& [node, until] : frozen_) until = std::min(until, now);
  }

  TimePoint open_at(NodeId from, NodeId to) const { return find(blocked_, {from, to}); }
  TimePoint awake_at(NodeId node) const { return find(frozen_, node); }
  // When `to` can take what comes from `from`: in the past, or what to wait for.
  TimePoint passable_at(NodeId from, NodeId to) const {
    return std::max(open_at(from, to), awake_at(to));
  }

 private:
  static void extend(TimePoint& time, TimePoint until) { time = std::max(time, until); }
  template <class Map>
  static TimePoint find(const Map& map, const typename Map::key_type& key) {
    const auto found = map.find(key);
    return found == map.end() ? TimePoint{} : found->second;
  }

  std::map<std::pair<NodeId, NodeId>, TimePoint> blocked_;
  std::map<NodeId, TimePoint> frozen_;
};

}  // namespace atoll_core::simulate
