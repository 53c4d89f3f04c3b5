// Short ways to name peers, views and ops in the tests of this folder.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "membership/common/op_key.h"
#include "membership/common/participant.h"
#include "membership/common/view_delta.h"
#include "wire/control.h"

namespace atoll_core::membership {

inline constexpr InstanceId kInstance{5, 5};

inline Epoch epoch(uint64_t number) { return {{1, 42}, number}; }

inline wire::PeerInfo info(uint64_t id, const std::string& name, uint32_t shard = 0,
                           const std::string& replica = "", uint32_t shards = 1) {
  wire::PeerInfo peer;
  peer.id = {id};
  peer.session = {77, id};
  peer.name = name;
  peer.replica = replica.empty() ? "r-" + name : replica;
  peer.shard = shard;
  peer.shard_count = shards;
  return peer;
}

inline Participant participant(uint64_t id, const std::string& name, uint32_t shard = 0,
                               const std::string& replica = "") {
  return participant_of(info(id, name, shard, replica));
}

// Of a generation.
inline wire::View first_view(uint64_t number, std::vector<wire::PeerInfo> members) {
  wire::View view;
  view.instance = kInstance;
  view.epoch = view.generation.first = epoch(number);
  view.members = std::move(members);
  number_slots(view);
  view.plan = topology::make_plan(static_cast<uint32_t>(view.slots.size()));
  return view;
}

inline OpKey key(uint64_t tag, uint64_t sequence, uint64_t generation = 1) {
  return {{epoch(generation)}, Scope::kShards, "", tag, sequence};
}

}  // namespace atoll_core::membership
