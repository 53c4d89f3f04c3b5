// Which algorithm a view uses and in which order its members stand. A plan is a pure function of
// what all members of a view know, so that all of them make the same one.
#pragma once

#include <cstdint>
#include <vector>

namespace atoll_core::topology {

// The numbers are those of CallDescription::algorithm and of atoll.h.
enum class Algorithm : uint8_t { kAuto = 0, kRing = 1, kStar = 2, kMesh = 3, kDirect = 4 };

struct Plan {
  Algorithm algorithm = Algorithm::kRing;
  std::vector<uint32_t> ring;  // member indexes in ring order; each exactly once
  bool operator==(const Plan&) const = default;
};

// A ring in view order.
Plan make_plan(uint32_t world);

// Where a member stands in the ring; `previous` and `next` are member indexes, not positions.
struct RingPosition {
  uint32_t index = 0;
  uint32_t previous = 0;
  uint32_t next = 0;
  bool operator==(const RingPosition&) const = default;
};

// `member` must be in the plan. Alone in a ring a member is its own neighbour.
RingPosition ring_position(const Plan& plan, uint32_t member);

}  // namespace atoll_core::topology
