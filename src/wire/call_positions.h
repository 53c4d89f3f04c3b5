// Where a peer stands with its calls: the next sequence of each name (group and tag) under which it
// has made some in this generation.
//
// In an update members that call together stand alike, nearly always. So they tell a digest for
// each group, and the names one by one only when they are asked, because digests differ: 16,384
// names are 200 KB, and their digest has 16 bytes.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "wire/view.h"

namespace atoll_core::wire {

// The next sequence number of one (group, tag) of a peer.
struct CallPosition {
  Group group = 0;
  uint64_t tag = 0;
  uint64_t next_sequence = 0;
  auto operator<=>(const CallPosition&) const = default;
};

// All positions of a peer in one group: how many names, and a digest of them.
struct GroupPositions {
  Group group = 0;
  uint64_t names = 0;
  ContentDigest digest;
  bool operator==(const GroupPositions&) const = default;
};

// Calls of one tag that receive from whoever sends. They have no name before they have found a
// sender, so `groups` of an update counts them only then.
struct AnyReceives {
  uint64_t tag = 0;
  uint64_t open = 0;   // have found none yet
  uint64_t taken = 0;  // have found one since the update was asked for
  bool operator==(const AnyReceives&) const = default;
};

// By group, the smallest first; whatever the order of `positions`. A name without a call yet is the
// same as none.
std::vector<GroupPositions> summary_of(std::vector<CallPosition> positions);

}  // namespace atoll_core::wire
