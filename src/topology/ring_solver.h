// The order of members in a directed ring.
//
// A pipelined ring runs at the rate of its slowest edge, and a small call takes about two rounds of
// latency. So the best ring has the fastest slowest edge and, among those, the least sum of
// latencies. Rates that should count as equal, because they differ by less than measuring does,
// must be made equal before (rate_class).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace atoll_core::topology {

struct RingEdges {
  explicit RingEdges(uint32_t members_)
      : members(members_), rate(size_t{members_} * members_), latency(rate.size()) {}

  size_t at(uint32_t from, uint32_t to) const { return size_t{from} * members + to; }

  uint32_t members;
  std::vector<uint64_t> rate;     // by sender and receiver; 0: no such edge
  std::vector<uint64_t> latency;  // at most kLatencyNsMax
};

struct RingCost {
  uint64_t slowest = 0;  // rate; 0: an edge of it does not exist
  uint64_t latency = 0;  // the sum around the ring
  bool operator==(const RingCost&) const = default;
};

bool better(const RingCost& one, const RingCost& other);
RingCost ring_cost(const RingEdges& edges, const std::vector<uint32_t>& ring);

// Up to so many members the best ring is found, by dynamic programming over subsets: O(2^n n^2)
// steps and 2^(n-1) (n-1) numbers of 8 bytes; for 13 members 0.6 million of these steps, twice, and
// 0.4 MiB. A search finds a good one beyond that, and up to kSearchedRingMembers; it ends after a
// fixed number of steps. For more members the view's order stays, unless links are missing in it.
inline constexpr uint32_t kExactRingMembers = 13;
inline constexpr uint32_t kSearchedRingMembers = 256;

// Begins with member 0. View order, unless another is better. Nothing when there is no ring; beyond
// kExactRingMembers also when none was found, which does not prove that there is none.
std::optional<std::vector<uint32_t>> solve_ring(const RingEdges& edges);

// The two ways, for tests: what solve_ring() takes for few, and for many members.
std::optional<std::vector<uint32_t>> solve_ring_exactly(const RingEdges& edges);
std::optional<std::vector<uint32_t>> search_ring(const RingEdges& edges);

// Rates in steps of 6 to 12 %, eight to a doubling; monotone, 0 only for 0.
uint64_t rate_class(uint64_t rate);

}  // namespace atoll_core::topology
