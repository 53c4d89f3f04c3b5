// What the peers have measured between each other, and the plan that the coordinator makes of it.
//
// Invariant: a peer that is forgotten has neither row nor column.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"
#include "membership/coordinator/link_matrix.h"
#include "topology/measurements.h"
#include "topology/plan.h"
#include "wire/control.h"

namespace atoll_core::membership {

// Round trips below this are those of one computer, or of one switch: what differs between them is
// when the thread at the other end woke up. They count as equal, so that they order nothing.
inline constexpr uint64_t kNearMicroseconds = 200;
inline constexpr uint64_t kNearRoundTripMicroseconds = 60;

// A plan for so many takes a quarter of a second, in which the coordinator does nothing else. More
// members use the plan of who knows nothing.
inline constexpr size_t kMeasuredMembersMax = limits::kMeasuredMembers;

class MeasuredNetwork {
 public:
  // 0: not measured. The least one counts.
  void report_round_trip(PeerId from, PeerId to, uint64_t rtt_us);
  // Replaces what this peer has reported before.
  void report_rates(PeerId from, const wire::Measured& rates);
  void forget(PeerId peer);
  size_t size() const { return round_trips_.size() + rates_.size(); }
  // Of links.
  void changed() { changed_ = true; }

  // Pairs that are not linked are unreachable.
  topology::Measurements between(const std::vector<wire::PeerInfo>& members,
                                 const LinkMatrix& links) const;

  topology::Plan plan(const std::vector<wire::PeerInfo>& members, const LinkMatrix& links);
  // A plan for the same members that is worth changing theirs for, if there is one. Looked for once
  // after each change.
  std::optional<topology::Plan> better_plan(const wire::View& view, const LinkMatrix& links);

 private:
  struct Rates {
    std::map<PeerId, uint64_t> sent;
    uint64_t egress = 0;
  };

  bool knows_any(const std::vector<wire::PeerInfo>& members) const;

  std::map<std::pair<PeerId, PeerId>, uint64_t> round_trips_;  // the smaller id first
  std::map<PeerId, Rates> rates_;
  bool changed_ = false;  // since a plan was made
};

}  // namespace atoll_core::membership
