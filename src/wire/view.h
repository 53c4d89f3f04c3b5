// Views, the generations that they belong to, and the way from one view to the next.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "topology/plan.h"
#include "wire/peer_info.h"

namespace atoll_core::wire {

struct ContentDigest {  // 128 bits of XXH3
  uint64_t high = 0;
  uint64_t low = 0;
  auto operator<=>(const ContentDigest&) const = default;
};

// The members of a run in one epoch; the shards of a replica stand together. The plan is that of
// the generation, restricted to those who are left.
struct View {
  InstanceId instance;
  Epoch epoch;
  Generation generation;
  std::vector<PeerInfo> members;
  // The members of the generation's first view, in its order; a peer's place here is its slot.
  std::vector<PeerId> slots;
  topology::Plan plan;  // its indexes are places in `members`
  bool operator==(const View&) const = default;
};

// A peer as a participant of ops, perhaps of an older view.
struct Member {
  PeerId id;
  std::string name;
  std::string replica;
  uint32_t shard = 0;
  uint32_t slot = 0;  // as in PeerInfo
  bool operator==(const Member&) const = default;
};

// Who takes part in the ops of one generation, and in which epoch they are attempted.
struct GenerationState {
  Generation generation;
  Epoch attempt;
  std::vector<Member> members;  // in view order
  topology::Plan plan;          // of these members
  bool operator==(const GenerationState&) const = default;
};

// How to get from the view a peer has to the next one.
struct ViewDelta {
  InstanceId instance;
  std::optional<Epoch> base;  // none: `added` is the whole view
  Epoch epoch;
  Generation generation;
  std::vector<PeerId> removed;
  std::vector<PeerInfo> added;   // appended in this order
  // Of the new view. Empty: those of the base, or, where a generation begins or nobody was lost in
  // it, its members.
  std::vector<PeerId> slots;
  // Of the new view's members. None: the plan of the base, restricted to those who stay.
  std::optional<topology::Plan> plan;
  ContentDigest digest;          // of the whole new view (see view_digest)
  std::string reason;            // why there is a new view
  bool operator==(const ViewDelta&) const = default;
};

}  // namespace atoll_core::wire
