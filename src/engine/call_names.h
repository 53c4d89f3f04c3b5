// Names for calls: each (group, tag) counts its own sequence, from 0 in every generation.
#pragma once

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "base/field_rules.h"
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

  // Whether a call may have this name: the members tell all of a generation in one message.
  bool may_take(Group group, uint64_t tag) const {
    return next_.size() < kCallNamesMax || next_.count({group, tag}) != 0;
  }

  OpId take(Group group, uint64_t tag) {
    return OpId{generation_, group, tag, next_[{group, tag}]++};
  }

  // What take() would return.
  OpId next(Group group, uint64_t tag) const {
    const auto found = next_.find({group, tag});
    return OpId{generation_, group, tag, found == next_.end() ? 0 : found->second};
  }

  // Whether this op's call is still to come (its generation may be, too).
  bool in_future(const OpId& op) const {
    if (op.generation != generation_) return is_later(op.generation, generation_);
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

  size_t count() const { return next_.size(); }

  // Under which group a call is named, and who takes part, in view order.
  struct Place {
    Group group = 0;
    std::vector<PeerId> members;
  };

  static Place place_of(const wire::View& view, const wire::PeerInfo& self, CallGroup group) {
    return {group_number(group, self.shard), participants(view, self, group)};
  }

  // Of a send; without members if one of the two is not in the view.
  static Place place_of_pair(const wire::View& view, PeerId from, PeerId to) {
    const wire::PeerInfo* sender = nullptr;
    const wire::PeerInfo* receiver = nullptr;
    Place place;
    for (const wire::PeerInfo& member : view.members) {
      if (member.id == from) sender = &member;
      if (member.id == to) receiver = &member;
      if (member.id == from || member.id == to) place.members.push_back(member.id);
    }
    if (sender == nullptr || receiver == nullptr) return {};
    place.group = pair_group({sender->slot, receiver->slot});
    return place;
  }

  // Whose block is which in this group's calls: that of the lost stay empty until the next update.
  static std::vector<PeerId> owners(const wire::View& view, const wire::PeerInfo& self,
                                    CallGroup group) {
    const bool in_replica = group == CallGroup::kReplica;
    const uint32_t each = group == CallGroup::kAll ? 1 : self.shard_count;
    std::vector<PeerId> owners(in_replica ? self.shard_count : view.slots.size() / each);
    for (const PeerId peer : participants(view, self, group)) {
      const auto member = std::find_if(view.members.begin(), view.members.end(),
                                       [peer](const auto& one) { return one.id == peer; });
      const uint32_t block = in_replica ? member->shard : member->slot / each;
      if (block < owners.size()) owners[block] = peer;
    }
    return owners;
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
    peers.reserve(view.members.size());
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
