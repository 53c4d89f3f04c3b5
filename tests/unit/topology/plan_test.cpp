#include "topology/plan.h"

#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/assert.h"

namespace atoll_core::topology {
namespace {

using Members = std::vector<uint32_t>;

Members shuffled(uint32_t members) {
  Members all(members);
  std::iota(all.begin(), all.end(), 0u);
  for (uint32_t i = members; i > 1; --i) {
    std::swap(all[i - 1], all[*rc::gen::inRange<uint32_t>(0, i)]);
  }
  return all;
}

// Distinct members out of `members`, in any order; may be none.
Members some_of(uint32_t members) {
  Members kept = shuffled(members);
  kept.resize(*rc::gen::inRange<uint32_t>(0, members + 1));
  return kept;
}

Plan any_plan(uint32_t members) {
  Plan plan;
  plan.ring = shuffled(members);
  for (uint32_t i = 0; i < members; ++i) {
    plan.shares.push_back(*rc::gen::inRange<uint32_t>(0, 4));
  }
  plan.shares[*rc::gen::inRange<uint32_t>(0, members)] = 2;
  plan.hub = *rc::gen::inRange<uint32_t>(0, members);
  plan.choices = {{100, Algorithm::kDirect}, {Choice::kUnbounded, Algorithm::kMesh}};
  return plan;
}

TEST(Plan, WithoutMeasurementsIsAnEvenRingInViewOrder) {
  const Plan plan = make_plan(5);
  EXPECT_EQ(plan.ring, (Members{0, 1, 2, 3, 4}));
  EXPECT_EQ(plan.shares, (Members{1, 1, 1, 1, 1}));
  EXPECT_EQ(plan.hub, 0u);
}

TEST(Plan, WithoutMeasurementsIsValidForAnyWorld) {
  for (const uint32_t world : {0u, 1u, 2u, 3u, 8u, 9u, 100u, 4096u}) {
    EXPECT_TRUE(validate(make_plan(world), world)) << world;
  }
  EXPECT_TRUE(make_plan(0).ring.empty());
}

TEST(Plan, WithoutMeasurementsTakesMoreHopsForMoreBytes) {
  const Plan plan = make_plan(4);
  EXPECT_EQ(choose(plan, 0), Algorithm::kDirect);
  EXPECT_EQ(choose(plan, 64u << 10), Algorithm::kDirect);
  EXPECT_EQ(choose(plan, (64u << 10) + 1), Algorithm::kMesh);
  EXPECT_EQ(choose(plan, 4u << 20), Algorithm::kMesh);
  EXPECT_EQ(choose(plan, (4u << 20) + 1), Algorithm::kRing);
  EXPECT_EQ(choose(plan, Choice::kUnbounded), Algorithm::kRing);
}

TEST(Plan, WithoutMeasurementsBoundsWhatDirectSends) {
  for (uint64_t world = 2; world <= 4096; ++world) {
    const Plan plan = make_plan(static_cast<uint32_t>(world));
    ASSERT_EQ(plan.choices[0].algorithm, Algorithm::kDirect);
    ASSERT_LE((plan.choices[0].bytes_below - 1) * (world - 1), kUnmeasuredDirectTraffic);
  }
}

TEST(Choose, TakesTheFirstBoundThatIsAbove) {
  Plan plan = make_plan(3);
  plan.choices = {{1, Algorithm::kStar},
                  {10, Algorithm::kDirect},
                  {Choice::kUnbounded, Algorithm::kMesh}};
  EXPECT_EQ(choose(plan, 0), Algorithm::kStar);
  EXPECT_EQ(choose(plan, 1), Algorithm::kDirect);
  EXPECT_EQ(choose(plan, 9), Algorithm::kDirect);
  EXPECT_EQ(choose(plan, 10), Algorithm::kMesh);
  EXPECT_EQ(choose(plan, Choice::kUnbounded - 1), Algorithm::kMesh);
  EXPECT_EQ(choose(plan, Choice::kUnbounded), Algorithm::kMesh);
}

TEST(Restrict, RenumbersAndKeepsOrderSharesAndHub) {
  Plan plan = make_plan(5);
  plan.ring = {3, 1, 4, 0, 2};
  plan.shares = {10, 20, 30, 40, 50};
  plan.hub = 3;
  plan.pipelining = {5000, 77};
  const Plan rest = restrict(plan, {0, 2, 3});
  EXPECT_EQ(rest.pipelining, plan.pipelining);
  EXPECT_EQ(rest.ring, (Members{2, 0, 1}));
  EXPECT_EQ(rest.shares, (Members{10, 30, 40}));
  EXPECT_EQ(rest.hub, 2u);
  EXPECT_EQ(rest.choices, plan.choices);
}

TEST(Restrict, ReplacesALostHubByTheLargestShare) {
  Plan plan = make_plan(4);
  plan.ring = {3, 2, 1, 0};
  plan.shares = {5, 9, 9, 100};
  plan.hub = 3;
  EXPECT_EQ(restrict(plan, {0, 1, 2}).hub, 2u) << "of two the first in the ring";
}

TEST(Restrict, SharesEvenlyWhenOnlyThoseWithoutAShareAreLeft) {
  Plan plan = make_plan(3);
  plan.shares = {0, 7, 0};
  EXPECT_EQ(restrict(plan, {0, 2}).shares, (Members{1, 1}));
}

TEST(Restrict, ToStrangersOrTwiceTheSameIsABrokenInvariant) {
  EXPECT_THROW(restrict(make_plan(3), {0, 3}), BrokenInvariant);
  EXPECT_THROW(restrict(make_plan(3), {1, 1}), BrokenInvariant);
}

RC_GTEST_PROP(Restrict, GivesAValidPlanAndTwiceIsOnce, ()) {
  const auto members = *rc::gen::inRange<uint32_t>(1, 12);
  const Plan plan = any_plan(members);
  RC_ASSERT(validate(plan, members).has_value());
  const Members kept = some_of(members);
  const Plan once = restrict(plan, kept);
  RC_ASSERT(validate(once, static_cast<uint32_t>(kept.size())).has_value());
  const Members kept_again = some_of(static_cast<uint32_t>(kept.size()));
  Members directly;
  for (const uint32_t member : kept_again) directly.push_back(kept[member]);
  if (!kept_again.empty()) RC_ASSERT(restrict(once, kept_again) == restrict(plan, directly));
}

RC_GTEST_PROP(Restrict, ToAllChangesNothing, ()) {
  const auto members = *rc::gen::inRange<uint32_t>(1, 12);
  const Plan plan = any_plan(members);
  Members all(members);
  std::iota(all.begin(), all.end(), 0u);
  RC_ASSERT(restrict(plan, all) == plan);
}

struct Fault {
  const char* sentence;  // a part of it
  void (*make)(Plan& plan);
};

TEST(Validate, NamesWhatIsWrong) {
  const std::vector<Fault> faults = {
      {"has a ring of 2", [](Plan& plan) { plan.ring = {0, 1}; }},
      {"member 1 is twice", [](Plan& plan) { plan.ring = {0, 1, 1}; }},
      {"member 3 is twice in the plan's ring or not one of 3",
       [](Plan& plan) { plan.ring = {0, 1, 3}; }},
      {"has 4 shares", [](Plan& plan) { plan.shares = {1, 1, 1, 1}; }},
      {"add up to 0", [](Plan& plan) { plan.shares = {0, 0, 0}; }},
      {"add up to 8589934591",
       [](Plan& plan) { plan.shares = {0xffffffffu, 0xffffffffu, 1}; }},
      {"hub is member 3 of 3", [](Plan& plan) { plan.hub = 3; }},
      {"has 0 choices", [](Plan& plan) { plan.choices.clear(); }},
      {"has 65 choices", [](Plan& plan) { plan.choices.resize(65); }},
      {"unknown algorithm 0", [](Plan& plan) { plan.choices[0].algorithm = Algorithm::kAuto; }},
      {"unknown algorithm 5",
       [](Plan& plan) { plan.choices[0].algorithm = static_cast<Algorithm>(5); }},
      {"comes after", [](Plan& plan) { plan.choices[1].bytes_below = 1; }},
      {"comes after", [](Plan& plan) { plan.choices[0].bytes_below = 0; }},
      {"no choice from 9999999 bytes",
       [](Plan& plan) { plan.choices.back().bytes_below = 9999999; }},
      {"chunks of 4095 bytes", [](Plan& plan) { plan.pipelining.chunk_bytes = 4095; }},
      {"chunks of 4194305 bytes", [](Plan& plan) { plan.pipelining.chunk_bytes = 4194305; }},
      {"4097 segments in flight", [](Plan& plan) { plan.pipelining.segments_in_flight = 4097; }},
  };
  for (const Fault& fault : faults) {
    Plan plan = make_plan(3);
    ASSERT_TRUE(validate(plan, 3));
    fault.make(plan);
    const auto result = validate(plan, 3);
    ASSERT_FALSE(result) << fault.sentence;
    EXPECT_NE(result.error().message.find(fault.sentence), std::string::npos)
        << result.error().message;
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(RingPosition, NeighboursAgree) {
  for (uint32_t world = 1; world <= 9; ++world) {
    Plan plan = make_plan(world);
    std::rotate(plan.ring.begin(), plan.ring.begin() + world / 2, plan.ring.end());
    for (uint32_t member = 0; member < world; ++member) {
      const RingPosition position = ring_position(plan, member);
      EXPECT_EQ(plan.ring[position.index], member);
      EXPECT_EQ(ring_position(plan, position.next).previous, member);
      EXPECT_EQ(ring_position(plan, position.previous).next, member);
    }
  }
}

TEST(RingPosition, AloneIsItsOwnNeighbour) {
  EXPECT_EQ(ring_position(make_plan(1), 0), (RingPosition{0, 0, 0}));
}

TEST(RingPosition, FollowsTheRingAndNotTheView) {
  Plan plan;
  plan.ring = {2, 0, 1};
  EXPECT_EQ(ring_position(plan, 0), (RingPosition{1, 2, 1}));
}

TEST(RingPosition, OfAStrangerIsABrokenInvariant) {
  EXPECT_THROW(ring_position(make_plan(3), 3), BrokenInvariant);
}

}  // namespace
}  // namespace atoll_core::topology
