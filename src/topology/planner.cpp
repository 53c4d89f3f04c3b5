#include "topology/planner.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "base/limits.h"
#include "topology/mesh_shares.h"
#include "topology/ring_solver.h"

namespace atoll_core::topology {
namespace {

constexpr uint32_t kLargestExponent = 34;

// At equal cost the first one is taken: the fewest hops, then the fewest pairs in use.
constexpr std::array kAlgorithms{Algorithm::kDirect, Algorithm::kRing, Algorithm::kMesh,
                                 Algorithm::kStar};
constexpr double kEqual = 1 - 1e-9;  // sums in another order differ by roundings

RingEdges ring_edges(const Network& network) {
  RingEdges edges(network.members());
  for (uint32_t from = 0; from < network.members(); ++from) {
    for (uint32_t to = 0; to < network.members(); ++to) {
      const Path& path = network.path(from, to);
      if (from == to || !path.reachable) continue;
      edges.rate[edges.at(from, to)] = rate_class(network.alone_bytes_per_second(from, to));
      edges.latency[edges.at(from, to)] = path.latency_ns;
    }
  }
  return edges;
}

uint32_t best_hub(const Network& network, const CostParameters& parameters) {
  uint32_t best = 0;
  double least = star_cost(network, 0, parameters).seconds(kHubBytes);
  for (uint32_t hub = 1; hub < network.members(); ++hub) {
    const double seconds = star_cost(network, hub, parameters).seconds(kHubBytes);
    if (seconds >= least) continue;
    best = hub;
    least = seconds;
  }
  return best;
}

bool fits(Algorithm algorithm, uint32_t members, uint64_t bytes) {
  return algorithm != Algorithm::kDirect || bytes <= kDirectTrafficMax / std::max(members - 1, 1u);
}

Algorithm fastest(const PlanCosts& costs, uint32_t members, uint64_t bytes, Algorithm so_far) {
  Algorithm best = Algorithm::kAuto;
  for (const Algorithm algorithm : kAlgorithms) {
    if (!fits(algorithm, members, bytes)) continue;
    if (best == Algorithm::kAuto ||
        costs.seconds(algorithm, bytes) < kEqual * costs.seconds(best, bytes)) {
      best = algorithm;
    }
  }
  if (!std::isfinite(costs.seconds(best, bytes))) return Algorithm::kRing;
  if (so_far == Algorithm::kAuto || !fits(so_far, members, bytes)) return best;
  const bool faster = costs.seconds(so_far, bytes) >= kTakeOver * costs.seconds(best, bytes);
  return faster ? best : so_far;
}

// Each power of two up to the next has what is best in its middle.
std::vector<Choice> choices(const PlanCosts& costs, uint32_t members) {
  if (members < 2) return {Choice{}};
  std::vector<Choice> choices;
  Algorithm so_far = Algorithm::kAuto;
  for (uint32_t exponent = 0; exponent <= kLargestExponent; ++exponent) {
    const uint64_t begin = uint64_t{1} << exponent;
    // The largest call of the interval must fit too, so that is asked for direct.
    const uint64_t end = 2 * begin;
    const uint64_t middle = begin + begin / 2;
    Algorithm algorithm = fastest(costs, members, middle, so_far);
    if (!fits(algorithm, members, end - 1)) algorithm = fastest(costs, members, end, so_far);
    if (algorithm != so_far) choices.push_back({end, algorithm});
    choices.back().bytes_below = end;
    so_far = algorithm;
  }
  choices.back().bytes_below = Choice::kUnbounded;
  return choices;
}

uint64_t bytes_in_flight(const Pipelining& pipelining) {
  const auto [chunk, segments] = pipelining;
  return uint64_t{chunk == 0 ? kNearChunkBytes : chunk} *
         (segments == 0 ? kNearSegmentsInFlight : segments);
}

// So many segments that the ring's slowest edge never waits: while a segment is on its way over an
// edge, the edge must have others to carry. Powers of two, so that noise does not change them.
Pipelining pipelining(const Network& network, const std::vector<uint32_t>& ring) {
  uint64_t latency_ns = 0;
  uint64_t rate = std::numeric_limits<uint64_t>::max();
  for (size_t i = 0; i < ring.size(); ++i) {
    const uint32_t from = ring[i];
    const uint32_t to = ring[(i + 1) % ring.size()];
    if (!network.path(from, to).reachable) return {};
    latency_ns = std::max(latency_ns, network.path(from, to).latency_ns);
    rate = std::min(rate, network.alone_bytes_per_second(from, to));
  }
  Pipelining result;
  if (latency_ns >= kLongWayNs) result.chunk_bytes = kLongWayChunkBytes;
  const double in_flight =
      static_cast<double>(rate) * static_cast<double>(latency_ns) * 1e-9 * kLatenciesPerHop;
  if (in_flight <= static_cast<double>(bytes_in_flight(result))) return result;
  const double chunk = result.chunk_bytes == 0 ? kNearChunkBytes : result.chunk_bytes;
  const auto segments = static_cast<uint64_t>(
      std::min<double>(in_flight / chunk + 1, limits::kSegmentsInFlight));
  result.segments_in_flight = static_cast<uint32_t>(std::bit_ceil(segments));
  return result;
}

}  // namespace

Plan make_plan(const Measurements& measurements, const CostParameters& parameters) {
  const Network network = fill_gaps(measurements);
  Plan plan = make_plan(network.members());
  if (network.members() < 2) return plan;
  if (auto ring = solve_ring(ring_edges(network))) plan.ring = std::move(*ring);
  plan.shares = steady_mesh_shares(network);
  plan.hub = best_hub(network, parameters);
  plan.choices = choices(PlanCosts(network, plan, parameters), network.members());
  plan.pipelining = pipelining(network, plan.ring);
  return plan;
}

bool can_work(const Measurements& measurements, const Plan& plan,
              const CostParameters& parameters) {
  if (!validate(plan, measurements.members())) return false;
  const PlanCosts costs(fill_gaps(measurements), plan, parameters);
  return std::all_of(plan.choices.begin(), plan.choices.end(), [&](const Choice& choice) {
    return std::isfinite(costs.seconds(choice.algorithm, 1));
  });
}

bool worth_changing(const Measurements& measurements, const Plan& old, const Plan& fresh,
                    const CostParameters& parameters) {
  const bool fresh_works = can_work(measurements, fresh, parameters);
  if (!fresh_works || !can_work(measurements, old, parameters)) return fresh_works;
  const Network network = fill_gaps(measurements);
  const PlanCosts old_costs(network, old, parameters);
  const PlanCosts fresh_costs(network, fresh, parameters);
  double gain = 1;
  double loss = 1;
  for (uint64_t bytes = 1u << 10; bytes <= 1u << 30; bytes *= 2) {
    const double before = old_costs.seconds(choose(old, bytes), bytes);
    const double after = fresh_costs.seconds(choose(fresh, bytes), bytes);
    if (before == after) continue;
    gain = std::max(gain, before / after);
    loss = std::max(loss, after / before);
  }
  const bool deeper = bytes_in_flight(fresh.pipelining) > 2 * bytes_in_flight(old.pipelining);
  return (gain >= kWorthChanging && gain > loss) || (deeper && gain >= loss);
}

}  // namespace atoll_core::topology
