#include "topology/planner.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "unit/topology/networks.h"

namespace atoll_core::topology {
namespace {

constexpr uint64_t kKiB = 1024;
constexpr uint64_t kMiB = 1024 * kKiB;
constexpr uint64_t kGiB = 1024 * kMiB;

bool next_to_each_other(const Plan& plan, uint32_t a, uint32_t b) {
  const RingPosition position = ring_position(plan, a);
  return position.next == b || position.previous == b;
}

Measurements random_measurements(uint32_t members, uint64_t seed) {
  std::mt19937_64 random(seed);
  Measurements measurements(members);
  for (uint32_t from = 0; from < members; ++from) {
    if (random() % 2 == 0) measurements.host(from).egress_bytes_per_second = random() % 20'000'000;
    for (uint32_t to = 0; to < members; ++to) {
      auto& pair = measurements.pair(from, to);
      if (random() % 4 != 0) pair.latency_ns = random() % (200 * kMillisecond);
      if (random() % 4 != 0) pair.bytes_per_second = random() % 20'000'000;
      pair.unreachable = random() % 16 == 0;
    }
  }
  return measurements;
}

RC_GTEST_PROP(Planner, MakesValidPlansThatAreNoneTheWorse, ()) {
  const auto members = *rc::gen::inRange<uint32_t>(0, 10);
  const Measurements measurements =
      random_measurements(members, *rc::gen::arbitrary<uint64_t>());
  const Plan plan = make_plan(measurements);
  RC_ASSERT(validate(plan, members).has_value());
  RC_ASSERT(plan == make_plan(measurements));
  RC_ASSERT(!worth_changing(measurements, plan, plan));
  const Plan plain = make_plan(members);
  RC_ASSERT(!worth_changing(measurements, plan, plain) ||
            !worth_changing(measurements, plain, plan));
  if (can_work(measurements, plain)) RC_ASSERT(can_work(measurements, plan));
}

TEST(Planner, KnowingNothingKeepsTheViewsRingAndEvenShares) {
  const Plan plan = make_plan(Measurements(4));
  EXPECT_EQ(plan.ring, make_plan(4).ring);
  EXPECT_EQ(plan.shares, std::vector<uint32_t>(4, 1u << 14));
  EXPECT_EQ(plan.hub, 0u);
}

// Of lines that are all alike some measure a little more than others.
TEST(Planner, SharesAreEvenUnlessRatesDifferByMoreThanNoise) {
  Measurements measurements = alike(4, 40 * kMillisecond, k100Mbit, 3 * k100Mbit);
  for (uint32_t from = 0; from < 4; ++from) {
    for (uint32_t to = 0; to < 4; ++to) {
      measurements.pair(from, to).bytes_per_second = k100Mbit - 250'000 * from - 50'000 * to;
    }
  }
  EXPECT_EQ(make_plan(measurements).shares, std::vector<uint32_t>(4, 1u << 14));
  for (uint32_t other = 1; other < 4; ++other) {
    measurements.pair(0, other).bytes_per_second = 5'000'000;
    measurements.pair(other, 0).bytes_per_second = 5'000'000;
  }
  EXPECT_LT(make_plan(measurements).shares[0], 1u << 13);
}

TEST(Planner, OnLoopbackTakesDirectThenMeshThenRing) {
  const Plan plan = make_plan(loopback(4));
  EXPECT_EQ(choose(plan, 4), Algorithm::kDirect);
  EXPECT_EQ(choose(plan, 16 * kKiB), Algorithm::kDirect);
  EXPECT_EQ(choose(plan, 512 * kKiB), Algorithm::kMesh);
  EXPECT_EQ(choose(plan, 64 * kMiB), Algorithm::kRing);
  EXPECT_EQ(plan.choices.size(), 3u);
}

TEST(Planner, WhereMembersShareFewCpusTakesTheStarForShortCalls) {
  Measurements measurements = loopback(4);
  for (uint32_t member = 0; member < 4; ++member) {
    measurements.host(member).computer = 5;
    measurements.host(member).cpus = 2;
  }
  const Plan plan = make_plan(measurements);
  EXPECT_EQ(choose(plan, 4 * kKiB), Algorithm::kStar);
  EXPECT_EQ(choose(plan, 64 * kKiB), Algorithm::kStar);
  EXPECT_EQ(choose(plan, 64 * kMiB), Algorithm::kRing);
  Measurements two = loopback(2);
  two.host(0).computer = two.host(1).computer = 5;
  two.host(0).cpus = two.host(1).cpus = 2;
  EXPECT_EQ(choose(make_plan(two), 4 * kKiB), Algorithm::kDirect);
}

TEST(Planner, CutsFinelyAndKeepsMuchInFlightOnLongWaysOnly) {
  EXPECT_EQ(make_plan(loopback(4)).pipelining, Pipelining{});
  const Pipelining home = make_plan(homes(4)).pipelining;
  EXPECT_EQ(home.chunk_bytes, kLongWayChunkBytes);
  // 12.5 MB/s for 32 times 40 ms, in chunks of 64 KiB, is 244 of them.
  EXPECT_EQ(home.segments_in_flight, 256u);
  // A ring is not faster than its slowest edge.
  Measurements measurements = homes(4);
  for (uint32_t to = 0; to < 3; ++to) measurements.pair(3, to).bytes_per_second = k100Mbit / 64;
  EXPECT_EQ(make_plan(measurements).pipelining, (Pipelining{kLongWayChunkBytes, 0}));
  // Near, but so fast that much is on its way.
  const Pipelining site = make_plan(alike(4, 500'000, 100 * k100Mbit, 100 * k100Mbit)).pipelining;
  EXPECT_EQ(site, (Pipelining{0, 128}));
}

TEST(Planner, ChangesAPlanThatLetsTooLittleBeInFlight) {
  const Measurements measurements = homes(4);
  const Plan fresh = make_plan(measurements);
  Plan shallow = fresh;
  shallow.pipelining.segments_in_flight = fresh.pipelining.segments_in_flight / 4;
  EXPECT_TRUE(worth_changing(measurements, shallow, fresh));
  EXPECT_FALSE(worth_changing(measurements, fresh, shallow));
  shallow.pipelining.segments_in_flight = fresh.pipelining.segments_in_flight / 2;
  EXPECT_FALSE(worth_changing(measurements, shallow, fresh)) << "noise";
}

TEST(Planner, WhereHostsLimitTakesTheRingForLargeCalls) {
  const Plan plan = make_plan(homes(4));
  EXPECT_EQ(choose(plan, 64 * kKiB), Algorithm::kDirect);
  EXPECT_EQ(choose(plan, 2 * kMiB), Algorithm::kMesh);
  EXPECT_EQ(choose(plan, 256 * kMiB), Algorithm::kRing);
}

TEST(Planner, WherePairsLimitTakesTheMeshForLargeCalls) {
  const Plan plan = make_plan(alike(4, 40 * kMillisecond, k100Mbit, kUnlimited));
  for (uint64_t bytes = 8 * kMiB; bytes <= 16 * kGiB; bytes *= 2) {
    EXPECT_EQ(choose(plan, bytes), Algorithm::kMesh) << bytes;
  }
}

TEST(Planner, OfTwoTakesTheRingWhereDirectIsTooLarge) {
  const Plan plan = make_plan(homes(2));
  EXPECT_EQ(choose(plan, kKiB), Algorithm::kDirect);
  EXPECT_EQ(choose(plan, kGiB), Algorithm::kRing);
}

TEST(Planner, KeepsLargeCallsAndLargeWorldsFromDirect) {
  for (const uint32_t members : {2u, 3u, 8u, 60u}) {
    const Plan plan = make_plan(alike(members, 500 * kMillisecond, k100Mbit, kUnlimited));
    const uint64_t most = kDirectTrafficMax / (members - 1);
    for (uint64_t bytes = most + 1; bytes < kGiB; bytes += bytes / 3) {
      EXPECT_NE(choose(plan, bytes), Algorithm::kDirect) << bytes << " of " << members;
    }
    EXPECT_EQ(choose(plan, 1), Algorithm::kDirect);
  }
}

TEST(Planner, LeadsTheRingAroundASlowLink) {
  for (const uint32_t members : {4u, 9u, 16u}) {
    Measurements measurements = homes(members);
    measurements.pair(0, 1).bytes_per_second = k100Mbit / 10;
    measurements.pair(1, 0).bytes_per_second = k100Mbit / 10;
    const Plan plan = make_plan(measurements);
    EXPECT_FALSE(next_to_each_other(plan, 0, 1)) << members;
    EXPECT_TRUE(worth_changing(measurements, make_plan(members), plan)) << members;
  }
}

TEST(Planner, LeadsTheRingAroundAMissingLink) {
  Measurements measurements = homes(5);
  cut(measurements, 2, 3);
  const Plan plan = make_plan(measurements);
  EXPECT_FALSE(next_to_each_other(plan, 2, 3));
  EXPECT_TRUE(can_work(measurements, plan));
  EXPECT_NE(choose(plan, 1), Algorithm::kDirect);
  EXPECT_NE(plan.hub, 2u);
  EXPECT_EQ(plan.shares[2] + plan.shares[3], 0u);
  const Plan plain = make_plan(5);
  EXPECT_FALSE(can_work(measurements, plain));
  EXPECT_TRUE(worth_changing(measurements, plain, plan));
  EXPECT_FALSE(worth_changing(measurements, plan, plain));
}

// The others reach only member 3: no ring exists, and everything goes over that member.
TEST(Planner, OfAStarShapedNetworkChoosesTheStar) {
  Measurements measurements = homes(5);
  for (uint32_t a = 0; a < 5; ++a) {
    for (uint32_t b = a + 1; b < 5; ++b) {
      if (a != 3 && b != 3) cut(measurements, a, b);
    }
  }
  const Plan plan = make_plan(measurements);
  EXPECT_EQ(plan.hub, 3u);
  EXPECT_TRUE(can_work(measurements, plan));
  for (uint64_t bytes = 1; bytes <= 16 * kGiB; bytes *= 4) {
    const Algorithm algorithm = choose(plan, bytes);
    EXPECT_TRUE(algorithm == Algorithm::kStar || algorithm == Algorithm::kMesh) << bytes;
  }
}

TEST(Planner, SaysThatNothingWorks) {
  Measurements measurements = homes(4);
  for (uint32_t other = 0; other < 3; ++other) cut(measurements, 3, other);
  const Plan plan = make_plan(measurements);
  EXPECT_TRUE(validate(plan, 4));
  EXPECT_FALSE(can_work(measurements, plan));
  EXPECT_FALSE(worth_changing(measurements, make_plan(4), plan));
}

TEST(Planner, PutsTheHubWhereItIsNearToAll) {
  Measurements measurements = homes(4);
  for (uint32_t other = 0; other < 4; ++other) {
    if (other == 2) continue;
    measurements.pair(2, other).latency_ns = 5 * kMillisecond;
    measurements.pair(other, 2).latency_ns = 5 * kMillisecond;
  }
  const Plan plan = make_plan(measurements);
  EXPECT_EQ(plan.hub, 2u);
  EXPECT_EQ(choose(plan, 64), Algorithm::kStar) << "10 ms over the hub, 40 ms directly";
}

TEST(WorthChanging, IsNotNoise) {
  const Measurements before = homes(8);
  const Plan old = make_plan(before);
  std::mt19937_64 random(7);
  for (uint32_t round = 0; round < 50; ++round) {
    Measurements noisy = before;
    for (uint32_t from = 0; from < 8; ++from) {
      for (uint32_t to = 0; to < 8; ++to) {
        auto& pair = noisy.pair(from, to);
        if (from == to) continue;
        pair.bytes_per_second = *pair.bytes_per_second * (97 + random() % 7) / 100;
        pair.latency_ns = *pair.latency_ns * (97 + random() % 7) / 100;
      }
    }
    EXPECT_FALSE(worth_changing(noisy, old, make_plan(noisy))) << round;
  }
}

TEST(WorthChanging, FromAPlanForOthersToOneForThese) {
  EXPECT_TRUE(worth_changing(homes(4), make_plan(5), make_plan(4)));
  EXPECT_FALSE(worth_changing(homes(4), make_plan(4), make_plan(5)));
}

}  // namespace
}  // namespace atoll_core::topology
