#include "topology/mesh_shares.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "unit/topology/networks.h"

namespace atoll_core::topology {
namespace {

uint64_t sum(const std::vector<uint32_t>& shares) {
  return std::accumulate(shares.begin(), shares.end(), uint64_t{0});
}

double seconds(const Network& network, const std::vector<uint32_t>& shares) {
  return mesh_seconds_per_byte(network, {shares.begin(), shares.end()});
}

// All shares that are multiples of 1/`parts`.
double best_on_grid(const Network& network, uint32_t parts) {
  std::vector<double> shares(network.members(), 0.0);
  double best = 1e300;
  const std::function<void(uint32_t, uint32_t)> place = [&](uint32_t member, uint32_t left) {
    if (member + 1 == shares.size()) {
      shares[member] = left;
      best = std::min(best, mesh_seconds_per_byte(network, shares));
      return;
    }
    for (uint32_t taken = 0; taken <= left; ++taken) {
      shares[member] = taken;
      place(member + 1, left - taken);
    }
  };
  place(0, parts);
  return best;
}

Network random_network(uint32_t members, bool hosts_limit, uint64_t seed) {
  std::mt19937_64 random(seed);
  Measurements measurements(members);
  for (uint32_t from = 0; from < members; ++from) {
    const uint64_t host = hosts_limit ? 100 + random() % 900 : kUnlimited;
    measurements.host(from) = {host, host};
    for (uint32_t to = 0; to < members; ++to) {
      if (from != to) measurements.pair(from, to).bytes_per_second = 50 + random() % 950;
    }
  }
  return fill_gaps(measurements);
}

RC_GTEST_PROP(MeshShares, AreNearlyAsGoodAsTheBestOnAGrid, ()) {
  const auto members = *rc::gen::inRange<uint32_t>(2, 5);
  const bool hosts_limit = *rc::gen::arbitrary<bool>();
  const Network network =
      random_network(members, hosts_limit, *rc::gen::arbitrary<uint64_t>());
  const auto shares = mesh_shares(network);
  RC_ASSERT(sum(shares) == kShareTotal);
  RC_ASSERT(seconds(network, shares) <= 1.02 * best_on_grid(network, 60));
}

RC_GTEST_PROP(MeshShares, AreNeverWorseThanEvenOnes, ()) {
  const auto members = *rc::gen::inRange<uint32_t>(2, 20);
  const Network network = random_network(members, true, *rc::gen::arbitrary<uint64_t>());
  const std::vector<uint32_t> even(members, 1);
  RC_ASSERT(seconds(network, mesh_shares(network)) <= 1.001 * seconds(network, even));
}

TEST(MeshShares, AreEvenAmongEquals) {
  for (const uint32_t members : {1u, 2u, 4u, 64u}) {
    const auto shares = mesh_shares(fill_gaps(homes(members)));
    EXPECT_EQ(shares, std::vector<uint32_t>(members, kShareTotal / members));
  }
  EXPECT_EQ(sum(mesh_shares(fill_gaps(homes(3)))), kShareTotal);
  EXPECT_TRUE(mesh_shares(fill_gaps(homes(0))).empty());
}

TEST(MeshShares, OfASlowHostShrink) {
  Measurements measurements = homes(4);
  measurements.host(2) = {k100Mbit * 8 / 10, k100Mbit * 8 / 10};
  auto shares = mesh_shares(fill_gaps(measurements));
  EXPECT_GT(shares[2], 0u);
  EXPECT_LT(shares[2], shares[0] * 3 / 4);
  // So slow that its own data is all it can send in the time the others need.
  measurements.host(2) = {k100Mbit / 10, k100Mbit / 10};
  shares = mesh_shares(fill_gaps(measurements));
  EXPECT_EQ(shares[2], 0u);
  EXPECT_EQ(sum(shares), kShareTotal);
}

TEST(MeshShares, OfTheEndsOfASlowPairShrink) {
  Measurements measurements = alike(5, kMillisecond, k100Mbit, kUnlimited);
  measurements.pair(1, 3).bytes_per_second = k100Mbit / 10;
  const auto shares = mesh_shares(fill_gaps(measurements));
  EXPECT_LT(shares[1] + shares[3], shares[0] / 2);
}

TEST(MeshShares, GoOnlyToThoseThatReachAll) {
  Measurements measurements = homes(4);
  cut(measurements, 0, 2);
  const auto shares = mesh_shares(fill_gaps(measurements));
  EXPECT_EQ(shares, (std::vector<uint32_t>{0, kShareTotal / 2, 0, kShareTotal / 2}));
}

TEST(MeshShares, AreEvenWhereNobodyReachesAll) {
  Measurements measurements = homes(4);
  cut(measurements, 0, 2);
  cut(measurements, 1, 3);
  const Network network = fill_gaps(measurements);
  EXPECT_TRUE(members_that_reach_all(network).empty());
  EXPECT_EQ(mesh_shares(network), std::vector<uint32_t>(4, kShareTotal / 4));
}

}  // namespace
}  // namespace atoll_core::topology
