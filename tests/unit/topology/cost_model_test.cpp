#include "topology/cost_model.h"

#include <cmath>

#include <gtest/gtest.h>

#include "unit/topology/networks.h"

namespace atoll_core::topology {
namespace {

// Only latency and bytes: so that the numbers can be worked out by hand.
CostParameters bare() {
  CostParameters parameters;
  parameters.seconds_per_hop = 0;
  parameters.seconds_per_message = 0;
  parameters.reduced_bytes_per_second = 1e300;
  parameters.copied_bytes_per_second = 1e300;
  parameters.sharing_efficiency = 1;
  parameters.segment_bytes = 0;
  return parameters;
}

constexpr uint64_t kBytes = k100Mbit;  // one second of a host

TEST(CostModel, CountsHops) {
  const Network network = fill_gaps(homes(4));
  const Plan plan = make_plan(4);
  const PlanCosts costs(network, plan, bare());
  EXPECT_NEAR(costs.seconds(Algorithm::kRing, 0), 6 * 0.040, 1e-9);
  EXPECT_NEAR(costs.seconds(Algorithm::kMesh, 0), 2 * 0.040, 1e-9);
  EXPECT_NEAR(costs.seconds(Algorithm::kStar, 0), 2 * 0.040, 1e-9);
  EXPECT_NEAR(costs.seconds(Algorithm::kDirect, 0), 0.040, 1e-9);
}

TEST(CostModel, CountsBytesWhereHostsLimit) {
  const PlanCosts costs(fill_gaps(homes(4)), make_plan(4), bare());
  EXPECT_NEAR(costs.seconds(Algorithm::kRing, kBytes), 1.5 + 0.24, 1e-9);
  EXPECT_NEAR(costs.seconds(Algorithm::kMesh, kBytes), 1.5 + 0.08, 1e-9);
  EXPECT_NEAR(costs.seconds(Algorithm::kStar, kBytes), 3.0 + 0.08, 1e-9);
  EXPECT_NEAR(costs.seconds(Algorithm::kDirect, kBytes), 3.0 + 0.04, 1e-9);
}

TEST(CostModel, CountsBytesWherePairsLimit) {
  const Network network = fill_gaps(alike(4, 40 * kMillisecond, k100Mbit, kUnlimited));
  const PlanCosts costs(network, make_plan(4), bare());
  EXPECT_NEAR(costs.seconds(Algorithm::kRing, kBytes), 1.5 + 0.24, 1e-9);
  EXPECT_NEAR(costs.seconds(Algorithm::kMesh, kBytes), 0.5 + 0.08, 1e-9);
  EXPECT_NEAR(costs.seconds(Algorithm::kStar, kBytes), 1.0 + 0.08, 1e-9);
  EXPECT_NEAR(costs.seconds(Algorithm::kDirect, kBytes), 1.0 + 0.04, 1e-9);
}

TEST(CostModel, OfDirectCountsWhatEachKeepsOfAll) {
  CostParameters parameters = bare();
  parameters.copied_bytes_per_second = k100Mbit;
  const Network network = fill_gaps(homes(4));
  const PlanCosts costs(network, make_plan(4), parameters);
  EXPECT_NEAR(costs.seconds(Algorithm::kDirect, kBytes), 3.0 + 0.04 + 4.0, 1e-9);
  EXPECT_NEAR(costs.seconds(Algorithm::kRing, kBytes), 1.5 + 0.24, 1e-9);
}

TEST(CostModel, DividesTheCpusOfAComputer) {
  CostParameters parameters = bare();
  parameters.cpu_seconds_per_message = 1;
  parameters.cpu_seconds_per_byte = 1;
  parameters.one_cpu_efficiency = 1;
  Measurements measurements = homes(4);
  for (uint32_t member = 0; member < 4; ++member) measurements.host(member).computer = 9;
  measurements.host(2).cpus = 2;
  const PlanCosts costs(fill_gaps(measurements), make_plan(4), parameters);
  // Each sends and receives 6 messages in a ring and in a mesh, 3 when all send to all; of a star's
  // 12 ends of messages half are the hub's.
  EXPECT_NEAR(costs.seconds(Algorithm::kRing, 0), 48 / 2, 1e-9);
  EXPECT_NEAR(costs.seconds(Algorithm::kMesh, 0), 48 / 2, 1e-9);
  EXPECT_NEAR(costs.seconds(Algorithm::kDirect, 0), 24 / 2, 1e-9);
  EXPECT_NEAR(costs.seconds(Algorithm::kStar, 0), 12 / 2, 1e-9);
  const auto of_a_byte = [&](Algorithm algorithm) {
    return costs.seconds(algorithm, 1) - costs.seconds(algorithm, 0);
  };
  EXPECT_NEAR(of_a_byte(Algorithm::kRing), 12 / 2, 1e-6);
  EXPECT_NEAR(of_a_byte(Algorithm::kMesh), 12 / 2, 1e-6);
  EXPECT_NEAR(of_a_byte(Algorithm::kStar), 12 / 2, 1e-6);
  EXPECT_NEAR(of_a_byte(Algorithm::kDirect), 24 / 2, 1e-6);
  parameters.one_cpu_efficiency = 0.5;
  const PlanCosts uneven(fill_gaps(measurements), make_plan(4), parameters);
  EXPECT_NEAR(uneven.seconds(Algorithm::kStar, 1) - uneven.seconds(Algorithm::kStar, 0), 6 / 0.5,
              1e-6) << "the hub's";
  EXPECT_NEAR(uneven.seconds(Algorithm::kRing, 1) - uneven.seconds(Algorithm::kRing, 0), 3 / 0.5,
              1e-6);
  parameters.one_cpu_efficiency = 1;
  // Two and two: one computer has half of it, and as many CPUs.
  measurements.host(0).computer = measurements.host(1).computer = 8;
  measurements.host(0).cpus = 2;
  const PlanCosts halves(fill_gaps(measurements), make_plan(4), parameters);
  EXPECT_NEAR(halves.seconds(Algorithm::kRing, 0), 24 / 2, 1e-9);
  for (uint32_t member = 0; member < 4; ++member) measurements.host(member).computer = member;
  const PlanCosts apart(fill_gaps(measurements), make_plan(4), parameters);
  EXPECT_NEAR(apart.seconds(Algorithm::kRing, 0), 0.24, 1e-9) << "a CPU of one's own is free";
}

TEST(CostModel, DoesNotOverlapTheTwoWaysOfOneSegment) {
  CostParameters parameters = bare();
  parameters.segment_bytes = 1000;
  const Cost cost = star_cost(fill_gaps(homes(4)), 0, parameters);
  const double hub = 3.0 / k100Mbit;  // seconds for one byte, each way
  EXPECT_NEAR(cost.seconds(1000) - cost.seconds(0), 2 * 1000 * hub, 1e-12);
  EXPECT_NEAR(cost.seconds(5000) - cost.seconds(0), (2 * 1000 + 4000) * hub, 1e-12);
}

TEST(CostModel, OfARingIsThatOfItsSlowestEdgeAndLongestWalk) {
  Measurements measurements = alike(3, 0, 1000, kUnlimited);
  measurements.pair(0, 1) = {5'000'000'000, 250, false};
  measurements.pair(1, 2).latency_ns = 2'000'000'000;
  measurements.pair(2, 0).latency_ns = 1'000'000'000;
  const Cost cost = ring_cost(fill_gaps(measurements), {0, 1, 2}, bare());
  // Four hops from member 0: 5 + 2 + 1 + 5.
  EXPECT_NEAR(cost.seconds(0), 13, 1e-9);
  EXPECT_NEAR(cost.seconds(750) - cost.seconds(0), 4.0 / 3 * 750 / 250, 1e-9);
  EXPECT_NEAR(ring_cost(fill_gaps(measurements), {0, 2, 1}, bare()).seconds(0), 0, 1e-9);
}

TEST(CostModel, AMeshWithOneHubIsAStar) {
  Measurements measurements = homes(5);
  measurements.host(3) = {3 * k100Mbit, 4 * k100Mbit};
  const Network network = fill_gaps(measurements);
  const Cost star = star_cost(network, 3, {});
  const Cost mesh = mesh_cost(network, {0, 0, 0, 9, 0}, {});
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{1000}, uint64_t{1} << 30}) {
    EXPECT_EQ(star.seconds(bytes), mesh.seconds(bytes));
  }
}

TEST(CostModel, IsInfiniteWhereALinkIsMissing) {
  Measurements measurements = homes(4);
  cut(measurements, 0, 1);
  const Network network = fill_gaps(measurements);
  EXPECT_TRUE(std::isinf(direct_cost(network, {}).seconds(1)));
  EXPECT_TRUE(std::isinf(ring_cost(network, {0, 1, 2, 3}, {}).seconds(1)));
  EXPECT_FALSE(std::isinf(ring_cost(network, {0, 2, 1, 3}, {}).seconds(1)));
  EXPECT_TRUE(std::isinf(star_cost(network, 1, {}).seconds(1)));
  EXPECT_FALSE(std::isinf(star_cost(network, 2, {}).seconds(1)));
  EXPECT_TRUE(std::isinf(mesh_cost(network, {1, 1, 1, 1}, {}).seconds(1)));
  EXPECT_FALSE(std::isinf(mesh_cost(network, {0, 0, 1, 1}, {}).seconds(1)));
}

TEST(CostModel, AloneEverythingIsFree) {
  const PlanCosts costs(fill_gaps(homes(1)), make_plan(1));
  for (const Algorithm algorithm :
       {Algorithm::kRing, Algorithm::kStar, Algorithm::kMesh, Algorithm::kDirect}) {
    EXPECT_EQ(costs.seconds(algorithm, 1u << 30), 0);
  }
}

// The default overheads: what loopback alone would show.
TEST(CostModel, MoreMembersCostASmallRingMostAndADirectCallLeast) {
  const Network network = fill_gaps(loopback(16));
  const PlanCosts costs(network, make_plan(16));
  EXPECT_GT(costs.seconds(Algorithm::kRing, 64), 5 * costs.seconds(Algorithm::kMesh, 64));
  EXPECT_GT(costs.seconds(Algorithm::kMesh, 64), costs.seconds(Algorithm::kDirect, 64));
}

}  // namespace
}  // namespace atoll_core::topology
