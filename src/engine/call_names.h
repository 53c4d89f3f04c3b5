// Names for calls: each (group, tag) counts its own sequence, from 0 in every generation.
#pragma once

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "engine/call.h"
#include "wire/control.h"

namespace atoll_core::engine {

class CallNames {
 public:
  // A new generation restarts all sequences.
  void set_generation(const Generation& generation) {
    if (generation == generation_) return;
    generation_ = generation;
    next_.clear();
  }
  const Generation& generation() const { return generation_; }

  OpId take(Group group, uint64_t tag) {
    return OpId{generation_, group, tag, next_[{group, tag}]++};
  }

  // Whether this op's call is still to come (its generation may be, too).
  bool in_future(const OpId& op) const {
    if (op.generation != generation_) return op.generation > generation_;
    const auto found = next_.find({op.group, op.tag});
    return op.sequence >= (found == next_.end() ? 0 : found->second);
  }

  std::vector<wire::CallPosition> positions() const {
    std::vector<wire::CallPosition> positions;
    for (const auto& [name, sequence] : next_) {
      positions.push_back({name.first, name.second, sequence});
    }
    return positions;
  }

  static Group group_number(CallGroup group, uint32_t shard) {
    switch (group) {
      case CallGroup::kShard: return shard;
      case CallGroup::kReplica: return kGroupReplica;
      case CallGroup::kAll: return kGroupAll;
      case CallGroup::kShardAlone: return kGroupAlone + shard;
    }
    return kGroupAll;
  }

  // The peers of `view` that take part in this group's calls, in view order.
  static std::vector<PeerId> participants(const wire::View& view, const wire::PeerInfo& self,
                                          CallGroup group) {
    const bool of_shard = group == CallGroup::kShard || group == CallGroup::kShardAlone;
    std::vector<PeerId> peers;
    for (const wire::PeerInfo& member : view.members) {
      const bool in = group == CallGroup::kAll ||
                      (of_shard && member.shard == self.shard) ||
                      (group == CallGroup::kReplica && member.replica == self.replica);
      if (in) peers.push_back(member.id);
    }
    return peers;
  }

 private:
  Generation generation_;
  std::map<std::pair<Group, uint64_t>, uint64_t> next_;
};

}  // namespace atoll_core::engine
