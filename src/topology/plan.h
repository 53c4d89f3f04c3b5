// Which algorithm a view uses and in which order its members stand. The coordinator makes a plan of
// what was measured (planner.h) and puts it into the view: so all members choose alike, by looking
// up integers. What was measured stays with the coordinator.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "base/error.h"

namespace atoll_core::topology {

// The numbers are those of CallDescription::algorithm and of atoll.h.
enum class Algorithm : uint8_t { kAuto = 0, kRing = 1, kStar = 2, kMesh = 3, kDirect = 4 };

// Calls of fewer bytes, that are not below an earlier choice, take this algorithm.
struct Choice {
  static constexpr uint64_t kUnbounded = std::numeric_limits<uint64_t>::max();

  uint64_t bytes_below = kUnbounded;
  Algorithm algorithm = Algorithm::kRing;
  bool operator==(const Choice&) const = default;
};

// On short ways. With its header such a chunk fills four of the longest segments that TCP makes on
// a loopback device, of 65,483 bytes, which is what a socket takes there at a time: of one that is
// longer an end stays behind, and the receiver waits for it (of 256 KiB 340 bytes; 6 % of the time
// of 16 MiB).
inline constexpr uint32_t kNearChunkBytes = 255u << 10;

// How finely a large call is cut, and how many of its segments are begun and not complete. On a
// long way much must be in flight, in small chunks: each waits at each hop until it is whole.
struct Pipelining {
  uint32_t chunk_bytes = 0;         // 0: as a peer does that knows nothing
  uint32_t segments_in_flight = 0;  // likewise
  bool operator==(const Pipelining&) const = default;
};

struct Plan {
  std::vector<uint32_t> ring;    // member indexes in ring order; each exactly once
  std::vector<uint32_t> shares;  // by member: which part of a mesh's data it reduces; may be 0
  uint32_t hub = 0;              // of a star; a member index
  std::vector<Choice> choices{Choice{}};  // ascending; the last one is unbounded
  Pipelining pipelining;
  bool operator==(const Plan&) const = default;
};

inline constexpr uint32_t kPlannedChunkBytesMin = 4u << 10;

// The choices of a plan without measurements. What the cost model says for 4 members on loopback
// (10 us, 2 GB/s): direct below 32 KiB, mesh below 4 MiB, then ring; for 4 hosts of 100 Mbit/s,
// 40 ms apart: direct below 256 KiB, mesh below 32 MiB, then ring. With 16 members: 8 KiB and
// 32 MiB, 32 KiB and 256 MiB. So these stand between the two, and follow the number of members.
inline constexpr uint64_t kUnmeasuredDirectBytes = 64u << 10;
inline constexpr uint64_t kUnmeasuredDirectTraffic = 7 * kUnmeasuredDirectBytes;  // of one member
inline constexpr uint64_t kUnmeasuredMeshBytesPerMember = 1u << 20;

// For who knows nothing but the number of members: a ring in view order, even shares, hub 0, and
// the choices above.
Plan make_plan(uint32_t world);

// What a call of so many bytes takes. `plan` must be valid.
Algorithm choose(const Plan& plan, uint64_t bytes);

// The plan of those that are left after deaths, or of one group: `kept` are distinct member indexes
// of `plan`, and a member's index in the result is its place in `kept`. Ring order and shares stay
// as they were among the kept (even shares, if all of theirs are 0). When the hub is gone, the
// member with the largest share takes its place, the first such in ring order. Restricting twice is
// restricting once.
//
// The choices stay, and the pipelining. They were made for more members, so they are no longer the
// best ones, and the ring may lead over an edge that nobody planned: who holds the measurements
// makes a new plan when it can.
Plan restrict(const Plan& plan, const std::vector<uint32_t>& kept);

// For a plan that came from a remote party: whether every lookup in it is safe for `world` members.
Result<void> validate(const Plan& plan, uint32_t world);

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
