// solve_ring() for many members: local search (directed 2-opt and or-opt) for a ring over edges of
// at least some rate, inside a binary search for that rate.
#include <algorithm>
#include <numeric>

#include "topology/ring_solver.h"

namespace atoll_core::topology {
namespace {

using Ring = std::vector<uint32_t>;

// The cost of an edge that may not be used: above the latencies of any ring together.
constexpr uint64_t kForbidden = uint64_t{1} << 49;

// Moves that are tried, in all and from one start: the first bounds the time whatever the input.
constexpr uint64_t kMoves = 12'000'000;
constexpr uint64_t kMovesFromOneStart = 1'000'000;
constexpr uint32_t kStarts = 24;

// Local search on one order. What is first keeps its place, which loses nothing in a ring.
class Improver {
 public:
  Improver(const RingEdges& edges, uint64_t slowest)
      : members_(edges.members), cost_(edges.rate.size()) {
    for (size_t i = 0; i < cost_.size(); ++i) {
      cost_[i] = edges.rate[i] == 0 || edges.rate[i] < slowest
                     ? kForbidden
                     : std::min(edges.latency[i], kForbidden / members_ - 1);
    }
  }

  uint64_t cost(const Ring& ring) const {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < members_; ++i) sum += edge(ring[i], ring[(i + 1) % members_]);
    return sum;
  }

  Ring nearest_neighbours(uint32_t start) const {
    Ring ring{start};
    std::vector<bool> taken(members_, false);
    taken[start] = true;
    while (ring.size() < members_) {
      uint32_t nearest = members_;
      for (uint32_t next = 0; next < members_; ++next) {
        if (taken[next]) continue;
        if (nearest == members_ || edge(ring.back(), next) < edge(ring.back(), nearest)) {
          nearest = next;
        }
      }
      taken[nearest] = true;
      ring.push_back(nearest);
    }
    return ring;
  }

  // Until no move helps or `moves` are tried; returns how many are left. `any` is for who only
  // wants a ring without forbidden edges.
  uint64_t improve(Ring& ring, uint64_t moves, bool any) {
    ring_ = &ring;
    moves_ = moves;
    uint64_t before = cost(ring) + 1;
    for (uint64_t now = before - 1; now < before && moves_ > 0; now = cost(ring)) {
      while (any && moves_ > 0 && repair()) {
      }
      if (any && cost(ring) < kForbidden) break;
      before = cost(ring);
      reverse_stretches(members_);
      move_stretches(members_);
    }
    return moves_;
  }

 private:
  // Tries the moves that remove one of the forbidden edges. Of many members few edges are wrong:
  // looking at all pairs of edges would take too long.
  bool repair() {
    const uint64_t before = cost(*ring_);
    for (uint32_t tried = 0, offset = 0; tried < members_ && moves_ > 0; ++tried) {
      if (step(offset, offset + 1) < kForbidden) {
        ++offset;
        continue;
      }
      std::rotate(ring_->begin(), ring_->begin() + offset, ring_->end());
      offset = 1;
      reverse_stretches(2);
      move_stretches(2);
      if (cost(*ring_) < before) return true;
    }
    return false;
  }

  uint64_t edge(uint32_t from, uint32_t to) const { return cost_[size_t{from} * members_ + to]; }
  uint32_t at(uint32_t position) const { return (*ring_)[position % members_]; }
  uint64_t step(uint32_t i, uint32_t j) const { return edge(at(i), at(j)); }

  bool try_move() {
    if (moves_ == 0) return false;
    --moves_;
    return true;
  }

  // forward_[i]: cost from position 0 to i; backward_[i]: the same way back.
  void sum_up() {
    moves_ -= std::min<uint64_t>(moves_, members_);  // it takes as long as that many
    forward_.assign(members_, 0);
    backward_.assign(members_, 0);
    for (uint32_t i = 1; i < members_; ++i) {
      forward_[i] = forward_[i - 1] + step(i - 1, i);
      backward_[i] = backward_[i - 1] + step(i, i - 1);
    }
  }

  // 2-opt; in a directed ring the edges inside a stretch change too, which the sums tell at once.
  // Those that begin before position `before`.
  void reverse_stretches(uint32_t before) {
    sum_up();
    for (uint32_t i = 1; i < before; ++i) {
      for (uint32_t j = i + 1; j < members_; ++j) {
        if (!try_move()) return;
        const uint64_t old = step(i - 1, i) + (forward_[j] - forward_[i]) + step(j, j + 1);
        const uint64_t changed = step(i - 1, j) + (backward_[j] - backward_[i]) + step(i, j + 1);
        if (changed >= old) continue;
        std::reverse(ring_->begin() + i, ring_->begin() + j + 1);
        sum_up();
      }
    }
  }

  // Or-opt: a stretch goes elsewhere in the same direction. For few members stretches of any
  // length, which is all of directed 3-opt that turns nothing around.
  void move_stretches(uint32_t before) {
    const uint32_t longest = members_ <= 48 ? members_ - 2 : 3;
    for (uint32_t i = 1; i < before; ++i) {
      for (uint32_t length = 1; length <= longest && i + length <= members_; ++length) {
        if (!move_later(i, i + length)) return;
        if (!move_earlier(i, i + length)) return;
      }
    }
  }

  // The stretch from `begin` to before `end` goes to between `after` and the one after that.
  bool pays(uint32_t begin, uint32_t end, uint32_t after) const {
    const uint64_t old = step(begin - 1, begin) + step(end - 1, end) + step(after, after + 1);
    return step(begin - 1, end) + step(after, begin) + step(end - 1, after + 1) < old;
  }

  bool move_later(uint32_t begin, uint32_t end) {
    for (uint32_t after = end; after < members_; ++after) {
      if (!try_move()) return false;
      if (!pays(begin, end, after)) continue;
      std::rotate(ring_->begin() + begin, ring_->begin() + end, ring_->begin() + after + 1);
      break;
    }
    return true;
  }

  bool move_earlier(uint32_t begin, uint32_t end) {
    for (uint32_t after = 0; after + 1 < begin; ++after) {
      if (!try_move()) return false;
      if (!pays(begin, end, after)) continue;
      std::rotate(ring_->begin() + after + 1, ring_->begin() + begin, ring_->begin() + end);
      break;
    }
    return true;
  }

  uint32_t members_;
  std::vector<uint64_t> cost_;
  Ring* ring_ = nullptr;
  uint64_t moves_ = 0;
  std::vector<uint64_t> forward_;
  std::vector<uint64_t> backward_;
};

class Search {
 public:
  explicit Search(const RingEdges& edges) : edges_(edges), best_(edges.members) {
    std::iota(best_.begin(), best_.end(), 0u);
    best_cost_ = ring_cost(edges_, best_);
  }

  std::optional<Ring> run() {
    raise_slowest();
    if (best_cost_.slowest == 0) return std::nullopt;
    shorten();
    std::rotate(best_.begin(), std::find(best_.begin(), best_.end(), 0u), best_.end());
    return best_;
  }

 private:
  void offer(const Ring& ring) {
    const RingCost cost = ring_cost(edges_, ring);
    if (!better(cost, best_cost_)) return;
    best_ = ring;
    best_cost_ = cost;
  }

  void improve(Improver& improver, Ring ring, bool any) {
    const uint64_t granted = std::min(moves_, kMovesFromOneStart);
    moves_ -= granted - improver.improve(ring, granted, any);
    offer(ring);
  }

  // Spread over the view.
  uint32_t start(uint32_t i) const {
    return static_cast<uint32_t>(uint64_t{i} * edges_.members / std::min(kStarts, edges_.members));
  }

  // Rates that occur and that a ring may have as its slowest: each member must send and receive.
  std::vector<uint64_t> rates() const {
    uint64_t highest = ~uint64_t{0};
    for (uint32_t member = 0; member < edges_.members; ++member) {
      uint64_t out = 0;
      uint64_t in = 0;
      for (uint32_t other = 0; other < edges_.members; ++other) {
        if (other == member) continue;
        out = std::max(out, edges_.rate[edges_.at(member, other)]);
        in = std::max(in, edges_.rate[edges_.at(other, member)]);
      }
      highest = std::min({highest, out, in});
    }
    std::vector<uint64_t> rates;
    for (uint32_t from = 0; from < edges_.members; ++from) {
      for (uint32_t to = 0; to < edges_.members; ++to) {
        const uint64_t rate = edges_.rate[edges_.at(from, to)];
        if (from != to && rate > best_cost_.slowest && rate <= highest) rates.push_back(rate);
      }
    }
    std::sort(rates.begin(), rates.end());
    rates.erase(std::unique(rates.begin(), rates.end()), rates.end());
    return rates;
  }

  bool reach(uint64_t slowest) {
    if (moves_ <= kMoves / 2) return false;
    Improver improver(edges_, slowest);
    improve(improver, best_, true);
    for (uint32_t i = 0; i < std::min(kStarts, edges_.members); ++i) {
      if (best_cost_.slowest >= slowest || moves_ <= kMoves / 2) break;
      improve(improver, improver.nearest_neighbours(start(i)), true);
    }
    return best_cost_.slowest >= slowest;
  }

  // Half of the moves at most, so that the rest can shorten what was found.
  void raise_slowest() {
    // Whether there is a ring at all comes first; the halving would try it last.
    if (best_cost_.slowest == 0 && !reach(1)) return;
    const std::vector<uint64_t> candidates = rates();
    size_t low = 0;
    size_t high = candidates.size();
    while (low < high) {
      const size_t middle = low + (high - low) / 2;
      if (reach(candidates[middle])) {
        const auto above = std::upper_bound(candidates.begin(), candidates.end(),
                                            best_cost_.slowest);
        low = static_cast<size_t>(above - candidates.begin());
      } else {
        high = middle;
      }
    }
  }

  void shorten() {
    Improver improver(edges_, best_cost_.slowest);
    improve(improver, best_, false);
    for (uint32_t i = 0; i < std::min(kStarts, edges_.members) && moves_ > 0; ++i) {
      improve(improver, improver.nearest_neighbours(start(i)), false);
    }
  }

  const RingEdges& edges_;
  Ring best_;
  RingCost best_cost_;
  uint64_t moves_ = kMoves;
};

}  // namespace

std::optional<std::vector<uint32_t>> search_ring(const RingEdges& edges) {
  if (edges.members < 2) return Ring(edges.members, 0u);
  return Search(edges).run();
}

}  // namespace atoll_core::topology
