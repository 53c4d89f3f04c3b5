#include "topology/ring_solver.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>

#include "base/assert.h"

namespace atoll_core::topology {
namespace {

constexpr uint64_t kNone = std::numeric_limits<uint64_t>::max();

std::vector<uint32_t> view_order(uint32_t members) {
  std::vector<uint32_t> ring(members);
  std::iota(ring.begin(), ring.end(), 0u);
  return ring;
}

// Held and Karp's recursion. Walks begin at member 0; `set` has bit i for member i + 1.
//
// It takes two tables, one after the other: the best bottleneck of a walk, then the least latency
// of a walk over edges that are no slower. One table of pairs would be wrong: a walk with the
// better bottleneck would displace a shorter one, and then the rest of the ring makes both equally
// slow.
class Subsets {
 public:
  explicit Subsets(const RingEdges& edges)
      : edges_(edges), inner_(edges.members - 1), table_((size_t{1} << inner_) * inner_) {}

  // 0 when there is no ring.
  uint64_t best_slowest() {
    const auto join = [&](uint64_t walk, uint32_t from, uint32_t to) {
      return std::min(walk, edges_.rate[edges_.at(from, to)]);
    };
    const auto prefer = [](uint64_t a, uint64_t b) { return std::max(a, b); };
    fill(kNone, 0, join, prefer);
    return close(0, join, prefer);
  }

  std::vector<uint32_t> shortest_ring(uint64_t slowest) {
    const auto join = [&](uint64_t walk, uint32_t from, uint32_t to) {
      const size_t edge = edges_.at(from, to);
      if (walk == kNone || edges_.rate[edge] < slowest) return kNone;
      return walk + edges_.latency[edge];
    };
    const auto prefer = [](uint64_t a, uint64_t b) { return std::min(a, b); };
    fill(0, kNone, join, prefer);
    return walk_back(close(kNone, join, prefer), join);
  }

 private:
  uint64_t& cell(size_t set, uint32_t last) { return table_[set * inner_ + last]; }

  template <class Join, class Prefer>
  void fill(uint64_t start, uint64_t worst, Join join, Prefer prefer) {
    std::fill(table_.begin(), table_.end(), worst);
    for (uint32_t last = 0; last < inner_; ++last) {
      cell(size_t{1} << last, last) = join(start, 0, last + 1);
    }
    for (size_t set = 1; set < size_t{1} << inner_; ++set) {
      for (uint32_t last = 0; last < inner_; ++last) {
        const uint64_t walk = cell(set, last);
        if (walk == worst) continue;
        for (uint32_t next = 0; next < inner_; ++next) {
          const size_t bit = size_t{1} << next;
          if ((set & bit) != 0) continue;
          uint64_t& there = cell(set | bit, next);
          there = prefer(there, join(walk, last + 1, next + 1));
        }
      }
    }
  }

  template <class Join, class Prefer>
  uint64_t close(uint64_t worst, Join join, Prefer prefer) {
    uint64_t best = worst;
    const size_t all = (size_t{1} << inner_) - 1;
    for (uint32_t last = 0; last < inner_; ++last) {
      best = prefer(best, join(cell(all, last), last + 1, 0));
    }
    return best;
  }

  // Finds the walk that led to `value` from its end.
  template <class Join>
  std::vector<uint32_t> walk_back(uint64_t value, Join join) {
    std::vector<uint32_t> ring(edges_.members, 0);
    size_t set = (size_t{1} << inner_) - 1;
    uint32_t next = 0;
    for (uint32_t position = inner_; position >= 1; --position) {
      uint32_t last = 0;
      while ((set & (size_t{1} << last)) == 0 || join(cell(set, last), last + 1, next) != value) {
        ++last;
        ATOLL_ASSERT(last < inner_, "no walk of {} to position {}", value, position);
      }
      ring[position] = last + 1;
      value = cell(set, last);
      set &= ~(size_t{1} << last);
      next = last + 1;
    }
    return ring;
  }

  const RingEdges& edges_;
  uint32_t inner_;  // members other than 0
  std::vector<uint64_t> table_;
};

}  // namespace

bool better(const RingCost& one, const RingCost& other) {
  if (one.slowest != other.slowest) return one.slowest > other.slowest;
  return one.latency < other.latency;
}

RingCost ring_cost(const RingEdges& edges, const std::vector<uint32_t>& ring) {
  RingCost cost{kNone, 0};
  for (size_t i = 0; ring.size() > 1 && i < ring.size(); ++i) {
    const size_t edge = edges.at(ring[i], ring[(i + 1) % ring.size()]);
    cost.slowest = std::min(cost.slowest, edges.rate[edge]);
    cost.latency += edges.latency[edge];
  }
  return cost;
}

std::optional<std::vector<uint32_t>> solve_ring_exactly(const RingEdges& edges) {
  std::vector<uint32_t> plain = view_order(edges.members);
  if (edges.members < 2) return plain;
  Subsets subsets(edges);
  const uint64_t slowest = subsets.best_slowest();
  if (slowest == 0) return std::nullopt;
  std::vector<uint32_t> best = subsets.shortest_ring(slowest);
  if (better(ring_cost(edges, best), ring_cost(edges, plain))) return best;
  return plain;
}

std::optional<std::vector<uint32_t>> solve_ring(const RingEdges& edges) {
  if (edges.members <= kExactRingMembers) return solve_ring_exactly(edges);
  if (edges.members <= kSearchedRingMembers) return search_ring(edges);
  RingEdges equal(edges.members);
  std::transform(edges.rate.begin(), edges.rate.end(), equal.rate.begin(),
                 [](uint64_t rate) { return rate == 0 ? uint64_t{0} : uint64_t{1}; });
  return search_ring(equal);
}

uint64_t rate_class(uint64_t rate) {
  // The exponent and the three bits after the leading one.
  if (rate < 16) return rate;
  const auto shift = static_cast<uint64_t>(std::bit_width(rate)) - 4;
  return shift * 8 + (rate >> shift);
}

}  // namespace atoll_core::topology
