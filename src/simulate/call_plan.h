// What every member calls at a position of a generation: it follows from the seed, so that all
// make the same calls without telling each other.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "simulate/planned_call.h"
#include "wire/control.h"

namespace atoll_core::simulate {

struct PositionPlan {
  enum class What { kUpdate, kSync, kCalls };
  What what = What::kCalls;
  bool update_in_flight = false;  // with calls: they are still open when the update is asked for
  std::vector<PlannedCall> calls;
  // Calls of two tags: the second half, of the one, is made first by every second member.
  bool crossed = false;
  uint64_t root = 0;  // which member of the group broadcasts
};

PositionPlan plan_position(uint64_t seed, const Generation& generation, uint64_t position);

// The `members` that are in this group of `self`.
std::vector<PeerId> group_of(const std::vector<wire::PeerInfo>& members, const wire::PeerInfo& self,
                             engine::CallGroup group);
// The peer that all who make this call together take for its root: the root-th (round the list)
// of those `members` that are in the group of `self`.
PeerId choose_root(const std::vector<wire::PeerInfo>& members, const wire::PeerInfo& self,
                   engine::CallGroup group, uint64_t root);

}  // namespace atoll_core::simulate
