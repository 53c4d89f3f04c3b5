#include "topology/mesh_shares.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace atoll_core::topology {
namespace {

using Shares = std::vector<double>;

constexpr uint32_t kRounds = 1500;
constexpr uint64_t kSteps = 20'000'000;  // bounds rounds times pairs
constexpr double kSharpness = 60;        // of the smoothed maximum: loads^60
constexpr double kAsFast = 1.1;

uint64_t capacity(const Host& host) {
  return std::min(host.egress_bytes_per_second, host.ingress_bytes_per_second);
}

uint64_t pair_rate(const Network& network, uint32_t a, uint32_t b) {
  return std::min(network.path(a, b).bytes_per_second, network.path(b, a).bytes_per_second);
}

void normalise(Shares& shares) {
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  for (double& share : shares) share /= sum;
}

double host_load(const Network& network, uint32_t member, double share) {
  return (1 + (network.members() - 2.0) * share) /
         static_cast<double>(capacity(network.hosts[member]));
}

Shares even_shares(uint32_t members, const std::vector<uint32_t>& hubs) {
  Shares shares(members, 0.0);
  for (const uint32_t hub : hubs) shares[hub] = 1.0 / static_cast<double>(hubs.size());
  return shares;
}

// The closed answer when pairs do not matter.
Shares shares_by_hosts(const Network& network, const std::vector<uint32_t>& hubs) {
  const uint32_t members = network.members();
  if (members == 2) return even_shares(members, hubs);
  double total = 0;
  for (const uint32_t hub : hubs) total += static_cast<double>(capacity(network.hosts[hub]));
  double seconds = (members - 2.0 + static_cast<double>(hubs.size())) / total;
  for (const Host& host : network.hosts) {
    seconds = std::max(seconds, 1.0 / static_cast<double>(capacity(host)));
  }
  Shares shares(members, 0.0);
  double sum = 0;
  for (const uint32_t hub : hubs) {
    const auto rate = static_cast<double>(capacity(network.hosts[hub]));
    shares[hub] = std::max(0.0, seconds * rate - 1);
    sum += shares[hub];
  }
  if (!(sum > 0)) return even_shares(members, hubs);
  normalise(shares);
  return shares;
}

// One step downhill: every load pulls at the shares in it by how near it is to the largest, and
// shares shrink by a factor of e to the pull that they feel.
void descend(const Network& network, double largest, double step, Shares& shares) {
  const uint32_t members = network.members();
  Shares pull(members, 0.0);
  const auto weight = [&](double load) {
    const double nearness = load / largest;
    return nearness < 0.7 ? 0.0 : std::pow(nearness, kSharpness);
  };
  double strongest = 0;
  for (uint32_t i = 0; i < members; ++i) {
    const auto rate = static_cast<double>(capacity(network.hosts[i]));
    pull[i] += weight(host_load(network, i, shares[i])) * (members - 2.0) / rate;
    for (uint32_t j = i + 1; j < members; ++j) {
      // Between two that reduce nothing no bytes travel, and there may be no path.
      if (shares[i] == 0 && shares[j] == 0) continue;
      const auto pair = static_cast<double>(pair_rate(network, i, j));
      const double force = weight((shares[i] + shares[j]) / pair) / pair;
      pull[i] += force;
      pull[j] += force;
    }
  }
  for (const double force : pull) strongest = std::max(strongest, force);
  if (!(strongest > 0)) return;
  for (uint32_t i = 0; i < members; ++i) shares[i] *= std::exp(-step * pull[i] / strongest);
  normalise(shares);
}

Shares relieve_pairs(const Network& network, Shares start, const std::vector<uint32_t>& hubs) {
  const uint32_t members = network.members();
  Shares best = std::move(start);
  double least = mesh_seconds_per_byte(network, best);
  Shares shares = even_shares(members, hubs);
  const auto affordable = static_cast<uint32_t>(kSteps / (uint64_t{members} * members) + 1);
  const uint32_t rounds = std::min(kRounds, affordable);
  for (uint32_t round = 0; round < rounds; ++round) {
    const double seconds = mesh_seconds_per_byte(network, shares);
    if (seconds < least) {
      least = seconds;
      best = shares;
    }
    // Large steps first, then finer ones around what was found.
    const double step = 0.5 * std::pow(0.004, static_cast<double>(round) / rounds);
    if (round == rounds / 2) shares = best;
    descend(network, seconds, step, shares);
  }
  return best;
}

// Largest remainders, so that the sum is exact.
std::vector<uint32_t> whole_numbers(const Shares& shares) {
  std::vector<uint32_t> whole;
  std::vector<std::pair<double, uint32_t>> remainders;
  uint32_t given = 0;
  for (uint32_t i = 0; i < shares.size(); ++i) {
    const double exact = shares[i] * kShareTotal;
    whole.push_back(static_cast<uint32_t>(exact));
    given += whole.back();
    if (shares[i] > 0) remainders.emplace_back(whole.back() - exact, i);
  }
  std::sort(remainders.begin(), remainders.end());
  for (size_t i = 0; given < kShareTotal; i = (i + 1) % remainders.size(), ++given) {
    ++whole[remainders[i].second];
  }
  return whole;
}

}  // namespace

std::vector<uint32_t> members_that_reach_all(const Network& network) {
  std::vector<uint32_t> hubs;
  for (uint32_t member = 0; member < network.members(); ++member) {
    bool all = true;
    for (uint32_t other = 0; other < network.members(); ++other) {
      all = all && (other == member || network.linked(member, other));
    }
    if (all) hubs.push_back(member);
  }
  return hubs;
}

double mesh_seconds_per_byte(const Network& network, const std::vector<double>& shares) {
  double seconds = 0;
  const double total = std::accumulate(shares.begin(), shares.end(), 0.0);
  for (uint32_t i = 0; i < network.members(); ++i) {
    const double share = shares[i] / total;
    seconds = std::max(seconds, host_load(network, i, share));
    for (uint32_t j = i + 1; j < network.members(); ++j) {
      const double both = share + shares[j] / total;
      seconds = std::max(seconds, both / static_cast<double>(pair_rate(network, i, j)));
    }
  }
  return seconds;
}

std::vector<uint32_t> mesh_shares(const Network& network) {
  const uint32_t members = network.members();
  std::vector<uint32_t> hubs = members_that_reach_all(network);
  if (hubs.empty()) {
    hubs.resize(members);
    std::iota(hubs.begin(), hubs.end(), 0u);
    return members == 0 ? hubs : whole_numbers(even_shares(members, hubs));
  }
  if (members == 1) return {kShareTotal};
  Shares shares = shares_by_hosts(network, hubs);
  double by_hosts = 0;
  for (uint32_t i = 0; i < members; ++i) {
    by_hosts = std::max(by_hosts, host_load(network, i, shares[i]));
  }
  if (mesh_seconds_per_byte(network, shares) > by_hosts * 1.001) {
    shares = relieve_pairs(network, std::move(shares), hubs);
  }
  return whole_numbers(shares);
}

std::vector<uint32_t> steady_mesh_shares(const Network& network) {
  std::vector<uint32_t> shares = mesh_shares(network);
  const std::vector<uint32_t> hubs = members_that_reach_all(network);
  if (hubs.empty()) return shares;
  const Shares even = even_shares(network.members(), hubs);
  const double fastest = mesh_seconds_per_byte(network, Shares(shares.begin(), shares.end()));
  return mesh_seconds_per_byte(network, even) > kAsFast * fastest ? shares : whole_numbers(even);
}

}  // namespace atoll_core::topology
