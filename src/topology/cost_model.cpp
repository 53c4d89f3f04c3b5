#include "topology/cost_model.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/assert.h"

namespace atoll_core::topology {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();
const Cost kImpossible{kInfinite, 0, 0, 0};

double seconds_of(uint64_t nanoseconds) { return static_cast<double>(nanoseconds) * 1e-9; }

double seconds_per_byte(uint64_t bytes_per_second) {
  return 1.0 / static_cast<double>(bytes_per_second);
}

bool all_linked(const Network& network) {
  for (uint32_t a = 0; a < network.members(); ++a) {
    for (uint32_t b = a + 1; b < network.members(); ++b) {
      if (!network.linked(a, b)) return false;
    }
  }
  return true;
}

// Bytes of one byte of the call on a host or path: to the hubs and from them.
struct Traffic {
  double there = 0;
  double back = 0;
};

// The slowest of all things that carry bytes: in each of the two ways, and over both.
class Slowest {
 public:
  void add(const Traffic& traffic, double seconds_per_byte) {
    there_ = std::max(there_, traffic.there * seconds_per_byte);
    back_ = std::max(back_, traffic.back * seconds_per_byte);
    both_ = std::max(both_, (traffic.there + traffic.back) * seconds_per_byte);
  }
  double one_after_the_other() const { return there_ + back_; }
  double overlapped() const { return both_; }

 private:
  double there_ = 0;
  double back_ = 0;
  double both_ = 0;
};

// What the members of a computer do with its CPUs.
class SharedCpus {
 public:
  SharedCpus(const Network& network, const CostParameters& parameters)
      : network_(network), parameters_(parameters), of_(network.members()) {}

  // Messages that a member sends and receives, and bytes of one byte of the call.
  void add(uint32_t member, double messages, double bytes) {
    Work& work = of_[network_.hosts[member].computer];
    ++work.members;
    work.messages += messages;
    work.bytes += bytes;
    work.most_bytes = std::max(work.most_bytes, bytes);
    work.cpus = std::max(work.cpus, network_.hosts[member].cpus);
  }
  // The cost is no less than this.
  void bound(Cost& cost) const {
    for (const Work& work : of_) {
      if (work.members < 2) continue;
      const double at_once = std::min(work.cpus, work.members);
      const double fixed = work.messages * parameters_.cpu_seconds_per_message / at_once;
      const double one_alone = work.most_bytes / parameters_.one_cpu_efficiency;
      const double per_byte =
          std::max(work.bytes / at_once, one_alone) * parameters_.cpu_seconds_per_byte;
      cost.fixed_seconds = std::max(cost.fixed_seconds, fixed);
      cost.first_seconds_per_byte = std::max(cost.first_seconds_per_byte, per_byte);
      cost.rest_seconds_per_byte = std::max(cost.rest_seconds_per_byte, per_byte);
    }
  }

 private:
  struct Work {
    uint32_t members = 0;
    uint32_t cpus = 1;
    double messages = 0;
    double bytes = 0;
    double most_bytes = 0;  // of one member
  };

  const Network& network_;
  const CostParameters& parameters_;
  std::vector<Work> of_;  // by computer
};

// How the data is divided among those who reduce.
struct Division {
  std::vector<double> shares;
  uint32_t hubs = 0;
  double largest = 0;
};

Division divide(const std::vector<uint32_t>& shares) {
  const double total = std::accumulate(shares.begin(), shares.end(), 0.0);
  Division division;
  for (const uint32_t share : shares) {
    division.shares.push_back(share / total);
    division.hubs += share > 0 ? 1 : 0;
    division.largest = std::max(division.largest, share / total);
  }
  return division;
}

bool hubs_reach_all(const Network& network, const Division& division) {
  for (uint32_t hub = 0; hub < network.members(); ++hub) {
    if (division.shares[hub] == 0) continue;
    for (uint32_t other = 0; other < network.members(); ++other) {
      if (other != hub && !network.linked(hub, other)) return false;
    }
  }
  return true;
}

double slowest_way_over_hubs(const Network& network, const Division& division) {
  uint64_t slowest = 0;
  for (uint32_t hub = 0; hub < network.members(); ++hub) {
    if (division.shares[hub] == 0) continue;
    uint64_t there = 0;
    uint64_t back = 0;
    for (uint32_t other = 0; other < network.members(); ++other) {
      if (other == hub) continue;
      there = std::max(there, network.path(other, hub).latency_ns);
      back = std::max(back, network.path(hub, other).latency_ns);
    }
    slowest = std::max(slowest, there + back);
  }
  return seconds_of(slowest);
}

Slowest bytes_over_hubs(const Network& network, const Division& division, double efficiency) {
  const uint32_t members = network.members();
  Slowest slowest;
  for (uint32_t i = 0; i < members; ++i) {
    const double share = division.shares[i];
    const bool hub = share > 0;
    const bool several = hub ? members > 2 : division.hubs > 1;
    const double loss = several ? 1 / efficiency : 1;
    const double own = 1 - share;
    const double others = (members - 1.0) * share;
    slowest.add({own, others}, loss * seconds_per_byte(network.hosts[i].egress_bytes_per_second));
    slowest.add({others, own}, loss * seconds_per_byte(network.hosts[i].ingress_bytes_per_second));
    for (uint32_t j = 0; j < members; ++j) {
      if (j == i) continue;
      slowest.add({division.shares[j], share},
                  seconds_per_byte(network.path(i, j).bytes_per_second));
    }
  }
  return slowest;
}

}  // namespace

double Cost::seconds(uint64_t bytes) const {
  const uint64_t first = std::min(bytes, first_bytes);
  return fixed_seconds + first_seconds_per_byte * static_cast<double>(first) +
         rest_seconds_per_byte * static_cast<double>(bytes - first);
}

Cost ring_cost(const Network& network, const std::vector<uint32_t>& ring,
               const CostParameters& parameters) {
  const size_t members = ring.size();
  if (members < 2) return {};
  uint64_t slowest = std::numeric_limits<uint64_t>::max();
  uint64_t round = 0;
  uint64_t cheapest_two = std::numeric_limits<uint64_t>::max();
  for (size_t i = 0; i < members; ++i) {
    const uint32_t from = ring[i];
    const uint32_t over = ring[(i + 1) % members];
    const uint32_t to = ring[(i + 2) % members];
    const Path& path = network.path(from, over);
    if (!path.reachable) return kImpossible;
    slowest = std::min(slowest, network.alone_bytes_per_second(from, over));
    round += path.latency_ns;
    cheapest_two =
        std::min(cheapest_two, path.latency_ns + network.path(over, to).latency_ns);
  }
  const auto n = static_cast<double>(members);
  const double per_byte = 2 * (n - 1) / n * seconds_per_byte(slowest) +
                          (n - 1) / n / parameters.reduced_bytes_per_second;
  Cost cost{seconds_of(2 * round - cheapest_two) + 2 * (n - 1) * parameters.seconds_per_hop,
            per_byte, per_byte, 0};
  SharedCpus cpus(network, parameters);
  for (const uint32_t member : ring) cpus.add(member, 4 * (n - 1), 4 * (n - 1) / n);
  cpus.bound(cost);
  return cost;
}

Cost star_cost(const Network& network, uint32_t hub, const CostParameters& parameters) {
  std::vector<uint32_t> shares(network.members(), 0);
  if (hub < shares.size()) shares[hub] = 1;
  return mesh_cost(network, shares, parameters);
}

Cost mesh_cost(const Network& network, const std::vector<uint32_t>& shares,
               const CostParameters& parameters) {
  const double n = network.members();
  if (network.members() < 2) return {};
  ATOLL_ASSERT(shares.size() == network.members(), "{} shares of {}", shares.size(), n);
  const Division division = divide(shares);
  if (division.hubs == 0 || !hubs_reach_all(network, division)) return kImpossible;
  // Each of the two hops has one message out and one in; a star's hub only has one or the other.
  const double more_messages = division.hubs == 1 ? n - 2 : n - 1 + division.hubs - 1 - 2;
  const Slowest slowest = bytes_over_hubs(network, division, parameters.sharing_efficiency);
  const double reduced = (n - 1) * division.largest / parameters.reduced_bytes_per_second;
  Cost cost;
  cost.fixed_seconds = slowest_way_over_hubs(network, division) +
                       2 * parameters.seconds_per_hop +
                       2 * more_messages * parameters.seconds_per_message;
  cost.first_seconds_per_byte = slowest.one_after_the_other() + reduced;
  cost.rest_seconds_per_byte = slowest.overlapped() + reduced;
  cost.first_bytes = parameters.segment_bytes;
  SharedCpus cpus(network, parameters);
  for (uint32_t i = 0; i < network.members(); ++i) {
    const double share = division.shares[i];
    const double messages = share > 0 ? n - 1 + division.hubs - 1 : division.hubs;
    cpus.add(i, 2 * messages, 2 * (1 - share + (n - 1) * share));
  }
  cpus.bound(cost);
  return cost;
}

Cost direct_cost(const Network& network, const CostParameters& parameters) {
  const uint32_t members = network.members();
  if (members < 2) return {};
  if (!all_linked(network)) return kImpossible;
  const double others = members - 1.0;
  const double loss = members > 2 ? 1 / parameters.sharing_efficiency : 1;
  uint64_t latency = 0;
  Slowest slowest;
  for (uint32_t i = 0; i < members; ++i) {
    const Host& host = network.hosts[i];
    slowest.add({others, 0}, loss * seconds_per_byte(host.egress_bytes_per_second));
    slowest.add({others, 0}, loss * seconds_per_byte(host.ingress_bytes_per_second));
    for (uint32_t j = 0; j < members; ++j) {
      if (j == i) continue;
      latency = std::max(latency, network.path(i, j).latency_ns);
      slowest.add({1, 0}, seconds_per_byte(network.path(i, j).bytes_per_second));
    }
  }
  const double per_byte = slowest.overlapped() + others / parameters.reduced_bytes_per_second +
                          (others + 1) / parameters.copied_bytes_per_second;
  Cost cost{seconds_of(latency) + parameters.seconds_per_hop +
                2 * (others - 1) * parameters.seconds_per_message,
            per_byte, per_byte, 0};
  SharedCpus cpus(network, parameters);
  for (uint32_t i = 0; i < members; ++i) cpus.add(i, 2 * others, 2 * others);
  cpus.bound(cost);
  return cost;
}

PlanCosts::PlanCosts(const Network& network, const Plan& plan, const CostParameters& parameters)
    : ring_(ring_cost(network, plan.ring, parameters)),
      star_(star_cost(network, plan.hub, parameters)),
      mesh_(mesh_cost(network, plan.shares, parameters)),
      direct_(direct_cost(network, parameters)) {}

double PlanCosts::seconds(Algorithm algorithm, uint64_t bytes) const {
  switch (algorithm) {
    case Algorithm::kRing: return ring_.seconds(bytes);
    case Algorithm::kStar: return star_.seconds(bytes);
    case Algorithm::kMesh: return mesh_.seconds(bytes);
    case Algorithm::kDirect: return direct_.seconds(bytes);
    case Algorithm::kAuto: break;
  }
  ATOLL_ASSERT(false, "algorithm {} has no cost", static_cast<int>(algorithm));
  return kInfinite;
}

}  // namespace atoll_core::topology
