#include "membership/coordinator/driving_rights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/membership/test_peers.h"

namespace atoll_core::membership {
namespace {

using namespace std::chrono_literals;  // NOLINT: durations
using testing::HasSubstr;

const wire::View kTwoReplicas = first_view(1, {info(1, "a0", 0, "a", 2), info(2, "a1", 1, "a", 2),
                                               info(3, "b0", 0, "b", 2), info(4, "b1", 1, "b", 2)});

TEST(Quorum, CountsReplicasThatAreWhole) {
  const Quorum some = quorum(kTwoReplicas, {{1}, {3}, {4}});
  EXPECT_EQ(some.there, 1u);
  EXPECT_EQ(some.of, 2u);
  EXPECT_FALSE(some.first_is_there);
  EXPECT_FALSE(some.majority()) << "half, without the first";
  EXPECT_TRUE(quorum(kTwoReplicas, {{1}, {2}, {3}}).majority()) << "half, with the first";
  EXPECT_FALSE(quorum({}, {}).first_is_there);
}

TEST(DrivingRights, BeginsNoRunBeforeItsDelay) {
  DrivingRights rights;
  rights.started(TimePoint{10s}, 3s);
  EXPECT_TRUE(rights.too_early(TimePoint{12s}));
  EXPECT_FALSE(rights.too_early(TimePoint{13s}));
  EXPECT_TRUE(rights.may_be_elsewhere());
}

TEST(DrivingRights, OfSeveralOnlyTheFirstBeginsAndOnlyWhenThereIsNone) {
  DrivingRights rights;
  rights.started(TimePoint{10s}, 0s);
  EXPECT_TRUE(rights.may_begin_with({0, 2}).yes);
  EXPECT_THAT(rights.may_begin_with({1, 2}).why, HasSubstr("coordinator 2 of 2"));
  rights.lost_run();
  EXPECT_THAT(rights.may_begin_with({0, 2}).why, HasSubstr("may go on at another"));
  EXPECT_TRUE(rights.may_begin_with({0, 1}).yes) << "with one address the address is the fence";
  rights.has_run(true);
  EXPECT_TRUE(rights.may_begin_with({0, 2}).yes);
}

TEST(DrivingRights, OfSeveralOneNeedsAMajority) {
  DrivingRights rights;
  const Quorum half = quorum(kTwoReplicas, {{3}, {4}});
  EXPECT_TRUE(rights.may_go_on(half, false).yes);
  EXPECT_THAT(rights.may_go_on(half, true).why, HasSubstr("only 1 of 2 replicas"));
  EXPECT_TRUE(rights.may_drop(half));
  rights.met({0, 2});
  EXPECT_TRUE(rights.needs_majority());
  EXPECT_FALSE(rights.may_drop(half));
  rights.met({0, 1});
  EXPECT_FALSE(rights.may_drop(half)) << "what one peer does not know, another one does";
  rights.has_run(false);
  EXPECT_TRUE(rights.may_drop(half)) << "its members know no other";
}

TEST(DrivingRights, YieldsToALaterLife) {
  const DrivingRights rights;
  EXPECT_THAT(rights.must_yield({1, 42}, {2, 7}).why, HasSubstr("newer than"));
  EXPECT_FALSE(rights.must_yield({2, 7}, {1, 42}).yes);
}

}  // namespace
}  // namespace atoll_core::membership
