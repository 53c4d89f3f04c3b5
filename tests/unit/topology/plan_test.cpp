#include "topology/plan.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/assert.h"

namespace atoll_core::topology {
namespace {

TEST(Plan, NamesEachMemberOnceInViewOrder) {
  const Plan plan = make_plan(5);
  EXPECT_EQ(plan.algorithm, Algorithm::kRing);
  EXPECT_EQ(plan.ring, (std::vector<uint32_t>{0, 1, 2, 3, 4}));
}

TEST(Plan, OfNobodyIsEmpty) { EXPECT_TRUE(make_plan(0).ring.empty()); }

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
  const Plan plan{Algorithm::kRing, {2, 0, 1}};
  EXPECT_EQ(ring_position(plan, 0), (RingPosition{1, 2, 1}));
}

TEST(RingPosition, OfAStrangerIsABrokenInvariant) {
  EXPECT_THROW(ring_position(make_plan(3), 3), BrokenInvariant);
}

}  // namespace
}  // namespace atoll_core::topology
