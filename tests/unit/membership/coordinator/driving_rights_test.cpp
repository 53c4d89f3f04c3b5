#include "membership/coordinator/driving_rights.h"

#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "membership/common/reconnect_times.h"
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

StartFacts waiting(Duration delay) {
  StartFacts facts;
  facts.delay = delay;
  return facts;
}

wire::RunMemory memory(InstanceId instance, uint64_t syncs = 0, uint64_t updates = 0) {
  return {instance, {syncs, updates, syncs * 100}, {}};
}

constexpr InstanceId kOther{6, 6};

using Standpoint = DrivingRights::Standpoint;

// Drives kInstance, incarnation 2~50, after 10 syncs and 20 updates, with three members connected.
class Judging : public testing::Test {
 protected:
  DrivingRights::Judgement judge(const wire::RunMemory& memory,
                                 std::optional<Incarnation> life = std::nullopt,
                                 bool known = false) {
    return rights_.judge({run_, {2, 50}, view_life_, has_view_, members_here_},
                         {"a", memory, life, life.value_or(Incarnation{}), known, place_});
  }

  DrivingRights rights_;
  DrivenRun run_{kInstance, false, {10, 20, 1000}};
  Incarnation view_life_{2, 50};
  bool has_view_ = true;
  size_t members_here_ = 3;
  CoordinatorPlace place_;
};

TEST(DrivingRights, BeginsNoRunBeforeItsDelay) {
  DrivingRights rights;
  rights.started(TimePoint{10s}, waiting(3s));
  EXPECT_TRUE(rights.too_early(TimePoint{12s}));
  EXPECT_FALSE(rights.too_early(TimePoint{13s}));
  EXPECT_TRUE(rights.may_be_elsewhere());
}

TEST(DrivingRights, WaitsAgainWhenItHasLostTheRun) {
  DrivingRights rights;
  rights.started(TimePoint{10s}, {});
  EXPECT_FALSE(rights.too_early(TimePoint{10s}));
  rights.lost_run(TimePoint{20s});
  EXPECT_TRUE(rights.too_early(TimePoint{26s}));
  EXPECT_FALSE(rights.too_early(TimePoint{27s}));
}

TEST(DrivingRights, OfSeveralOnlyTheFirstBeginsAndOnlyWhenThereIsNone) {
  DrivingRights rights;
  rights.started(TimePoint{10s}, {});
  EXPECT_TRUE(rights.may_begin_with({0, 2}).yes);
  EXPECT_THAT(rights.may_begin_with({1, 2}).why, HasSubstr("coordinator 2 of 2"));
  rights.lost_run(TimePoint{10s});
  EXPECT_THAT(rights.may_begin_with({0, 2}).why, HasSubstr("may go on at another"));
  EXPECT_TRUE(rights.may_begin_with({0, 1}).yes) << "with one address the address is the fence";
  rights.goes_on(kInstance, true);
  EXPECT_TRUE(rights.may_begin_with({0, 2}).yes);
}

TEST(DrivingRights, OfSeveralOneNeedsAMajority) {
  DrivingRights rights;
  const Quorum half = quorum(kTwoReplicas, {{3}, {4}});
  EXPECT_TRUE(rights.may_go_on(half, false).yes);
  EXPECT_THAT(rights.may_go_on(half, true).why, HasSubstr("only 1 of 2 replicas"));
  EXPECT_TRUE(rights.may_drop(half).yes);
  rights.met({0, 2});
  EXPECT_TRUE(rights.needs_majority());
  EXPECT_THAT(rights.may_drop(half).why, HasSubstr("only 1 of 2 replicas would stay"));
  rights.met({0, 1});
  EXPECT_FALSE(rights.may_drop(half).yes) << "what one peer does not know, another one does";
  rights.goes_on(kInstance, false);
  EXPECT_TRUE(rights.may_drop(half).yes) << "its members know no other";
}

TEST(DrivingRights, BeginsTheInstanceOfThoseWhoWait) {
  DrivingRights rights;
  const wire::RunMemory fresh;
  const wire::RunMemory one = memory(kInstance, 3);
  const wire::RunMemory other = memory(kOther, 4);
  EXPECT_FALSE(rights.founding({}, {{fresh, true}}).instance) << "a new one is to be drawn";
  EXPECT_EQ(rights.founding({}, {{fresh, true}, {one, false}}).instance, kInstance);
  EXPECT_EQ(rights.founding({}, {{one, true}, {other, false}, {other, false}}).instance, kInstance)
      << "nobody knows whether those who are not ready will be";
  EXPECT_EQ(rights.founding({}, {{one, true}, {one, true}, {other, true}}).instance, kOther)
      << "it has committed more";
  EXPECT_EQ(rights.founding({kInstance, false, {}}, {{fresh, true}, {other, true}}).instance,
            kInstance)
      << "its members were lost, and may come back";
  const DrivenRun over{kInstance, true, {}};
  EXPECT_EQ(rights.founding(over, {{fresh, true}, {other, true}}).instance, kOther);
  StartFacts facts;
  facts.instance = kInstance;
  rights.started(TimePoint{1s}, facts);
  EXPECT_EQ(rights.founding({}, {{one, false}, {other, true}}).instance, kInstance)
      << "its state folder names that one";
}

TEST(DrivingRights, BeginsNoOtherInstanceThanTheOneThatIsWanted) {
  StartFacts facts;
  facts.instance = kInstance;
  facts.only_instance = true;
  DrivingRights rights;
  rights.started(TimePoint{1s}, facts);
  const wire::RunMemory fresh;
  const wire::RunMemory wanted = memory(kInstance);
  const auto nobody = rights.founding({}, {{fresh, true}});
  EXPECT_FALSE(nobody.may.yes);
  EXPECT_THAT(nobody.may.why, HasSubstr(to_string(kInstance)));
  EXPECT_EQ(rights.founding({}, {{fresh, true}, {wanted, false}}).instance, kInstance);
  const DrivenRun none;
  const auto judged =
      rights.judge({none, {1, 1}, {1, 1}, false, 0}, {"z", memory(kOther), {}, {}, false, {}});
  EXPECT_EQ(judged.as, Standpoint::kOther);
  EXPECT_THAT(judged.why, HasSubstr("only"));
}

TEST_F(Judging, ANewcomerIsOne) {
  EXPECT_EQ(judge({}).as, Standpoint::kNewcomer);
  EXPECT_EQ(judge(memory(kInstance, 9)).as, Standpoint::kNewcomer) << "it lost its membership";
}

TEST_F(Judging, AnotherInstanceIsRefusedForGoodWhateverItHasCommitted) {
  const auto judged = judge(memory(kOther, 5000, 7000), Incarnation{9, 99});
  EXPECT_EQ(judged.as, Standpoint::kOther);
  for (const char* part : {"00000000000000060000000000000006", "00000000000000050000000000000005",
                           "5000 state syncs", "10 state syncs, the last of revision 1000",
                           "--instance 00000000000000060000000000000006"}) {
    EXPECT_THAT(judged.why, HasSubstr(part));
  }
  EXPECT_EQ(judge(memory(kOther)).as, Standpoint::kOther) << "one that has no view any more, too";
}

TEST_F(Judging, AfterAnOrderlyEndAnotherInstanceMayBeTakenUp) {
  run_.over = true;
  has_view_ = false;
  EXPECT_EQ(judge(memory(kOther), Incarnation{1, 1}).as, Standpoint::kClaimant);
  EXPECT_EQ(judge(memory(kOther)).as, Standpoint::kNewcomer);
}

TEST_F(Judging, ANewRunTakesNobodysClaim) {
  StartFacts facts;
  facts.no_former_run = true;
  rights_.started(TimePoint{1s}, facts);
  run_ = {};
  has_view_ = false;
  const auto judged = judge(memory(kOther, 3), Incarnation{7, 7});
  EXPECT_EQ(judged.as, Standpoint::kOther);
  EXPECT_THAT(judged.why, HasSubstr("for a new run"));
  EXPECT_EQ(judge(memory(kOther)).as, Standpoint::kOther);
  EXPECT_EQ(judge({}).as, Standpoint::kNewcomer);
  place_ = {1, 2};
  EXPECT_EQ(judge(memory(kOther), Incarnation{7, 7}).as, Standpoint::kClaimant)
      << "the second of two stands by for the first";
  place_ = {0, 2};
  run_ = {kInstance, true, {}};
  EXPECT_EQ(judge(memory(kOther)).as, Standpoint::kOther) << "also when its first run has ended";
  EXPECT_EQ(judge(memory(kInstance)).as, Standpoint::kNewcomer);
}

TEST_F(Judging, WhoKnowsTheRunIsAMemberOrWasLost) {
  EXPECT_EQ(judge(memory(kInstance), Incarnation{1, 7}, true).as, Standpoint::kMember);
  EXPECT_EQ(judge(memory(kInstance), Incarnation{2, 50}, true).as, Standpoint::kMember);
  EXPECT_EQ(judge(memory(kInstance), Incarnation{2, 50}).as, Standpoint::kLost);
  EXPECT_EQ(judge(memory(kInstance), Incarnation{1, 7}).as, Standpoint::kLost);
  has_view_ = false;
  EXPECT_EQ(judge(memory(kInstance), Incarnation{1, 7}).as, Standpoint::kClaimant);
}

TEST_F(Judging, ALaterLifeGoesOn) {
  EXPECT_EQ(judge(memory(kInstance), Incarnation{3, 1}).as, Standpoint::kSuperior);
  EXPECT_EQ(judge(memory(kInstance), Incarnation{3, 1}, true).as, Standpoint::kSuperior)
      << "also one whose session is known";
}

TEST_F(Judging, OfTwoThatCountedAlikeTheOneThatCommittedMoreGoesOn) {
  for (const uint32_t nonce : {1u, 99u}) {  // below and above that of this life
    const Incarnation other{2, nonce};
    for (const bool known : {false, true}) {
      EXPECT_EQ(judge(memory(kInstance, 11, 0), other, known).as, Standpoint::kSuperior);
      EXPECT_EQ(judge(memory(kInstance, 10, 21), other, known).as, Standpoint::kSuperior);
      EXPECT_EQ(judge(memory(kInstance, 10, 19), other, known).as, Standpoint::kLost);
      EXPECT_EQ(judge(memory(kInstance, 9, 90), other, known).as, Standpoint::kLost);
    }
  }
}

TEST_F(Judging, OfTwoAlikeInEverythingTheOneThatHasMembersStays) {
  for (const uint32_t nonce : {1u, 99u}) {
    members_here_ = 1;
    EXPECT_EQ(judge(memory(kInstance, 10, 20), Incarnation{2, nonce}).as, Standpoint::kLost);
    members_here_ = 0;
    EXPECT_EQ(judge(memory(kInstance, 10, 20), Incarnation{2, nonce}).as, Standpoint::kSuperior);
  }
}

TEST_F(Judging, WhoWasOnlyRegisteredByAnotherLifeHasNothingOfIt) {
  // Accepted by 2~7, which never settled: all it was told is of life 1.
  const auto judged = rights_.judge({run_, {2, 50}, {2, 50}, true, 3},
                                    {"a", memory(kInstance, 10, 20), Incarnation{2, 7},
                                     Incarnation{1, 3}, true, {}});
  EXPECT_EQ(judged.as, Standpoint::kMember);
}

// Before a run that goes on has settled, its view is of the life before.
TEST_F(Judging, UntilItHasSettledTheLifeOfItsViewIsCompared) {
  view_life_ = {1, 5};
  EXPECT_EQ(judge(memory(kInstance, 10, 20), Incarnation{1, 5}, true).as, Standpoint::kMember);
  EXPECT_EQ(judge(memory(kInstance, 10, 20), Incarnation{1, 6}, true).as, Standpoint::kLost);
  EXPECT_EQ(judge(memory(kInstance, 11, 0), Incarnation{1, 6}, true).as, Standpoint::kSuperior);
}

// The run goes on here from life 1; life 2~7 went on from it too, and has made a view of its own.
TEST_F(Judging, UntilItHasSettledALaterViewIsOfAnotherLife) {
  view_life_ = {1, 5};
  const Incarnation later{2, 7};
  for (const bool known : {true, false}) {
    EXPECT_EQ(judge(memory(kInstance, 10, 20), later, known).as, Standpoint::kLost);
    EXPECT_EQ(judge(memory(kInstance, 9, 0), later, known).as, Standpoint::kLost);
    EXPECT_EQ(judge(memory(kInstance, 11, 0), later, known).as, Standpoint::kSuperior);
  }
  members_here_ = 0;
  EXPECT_EQ(judge(memory(kInstance, 10, 20), later).as, Standpoint::kSuperior);
}

TEST(ReconnectTimes, ALongPeerTimeoutMakesTheWaitLongerWithinBounds) {
  EXPECT_EQ(former_members_may_come(1s), kFormerMembersMayCome);
  EXPECT_EQ(former_members_may_come(5s), kFormerMembersMayCome);
  EXPECT_EQ(former_members_may_come(25s), kFormerMembersMayCome + 15s);
  EXPECT_EQ(former_members_may_come(24h), kFormerMembersMayCome + 30s);
}

TEST_F(Judging, ANewRunTakesItsOwnMembersBackWhenItHasLostThem) {
  StartFacts facts;
  facts.no_former_run = true;
  rights_.started(TimePoint{1s}, facts);
  rights_.begun(kInstance);
  rights_.lost_run(TimePoint{2s});
  run_ = {};
  has_view_ = false;
  EXPECT_EQ(judge(memory(kInstance), Incarnation{3, 1}).as, Standpoint::kClaimant);
  EXPECT_EQ(judge(memory(kOther), Incarnation{3, 1}).as, Standpoint::kOther);
}

TEST(DrivingRights, PrefersTheRunOfWhichMoreHaveCome) {
  DrivingRights rights;
  const DrivingRights::ClaimFacts stray{kOther, {1, 8, true}, {99, 99, 99}, false, TimePoint{15s}};
  const DrivingRights::ClaimFacts some{kInstance, {3, 7, false}, {1, 1, 1}, false, TimePoint{14s}};
  EXPECT_TRUE(rights.prefers(some, stray));
  EXPECT_FALSE(rights.prefers(stray, some));
  DrivingRights::ClaimFacts several = some;
  several.several_coordinators = true;
  const DrivingRights::ClaimFacts whole{kOther, {2, 2, true}, {}, true, TimePoint{14s}};
  EXPECT_TRUE(rights.prefers(whole, several)) << "of several coordinators only a majority may";
  StartFacts facts;
  facts.delay = 6s;
  facts.instance = kOther;
  rights.started(TimePoint{10s}, facts);
  EXPECT_TRUE(rights.prefers(stray, some)) << "its state folder knows that one";
}

TEST(DrivingRights, GoesOnAtOnceWhereAllHaveComeAndItIsNotOneAlone) {
  DrivingRights rights;
  const TimePoint now{11s};
  const DrivingRights::ClaimFacts two{kInstance, {2, 2, true}, {}, false, TimePoint{12s}};
  const DrivingRights::ClaimFacts part{kInstance, {2, 3, true}, {}, false, TimePoint{12s}};
  const DrivingRights::ClaimFacts alone{kInstance, {1, 1, true}, {}, false, TimePoint{12s}};
  EXPECT_EQ(rights.may_be_adopted_at(two, now), now);
  EXPECT_EQ(rights.may_be_adopted_at(part, now), TimePoint{12s});
  EXPECT_EQ(rights.may_be_adopted_at(alone, now), TimePoint{12s}) << "it may be left over";
  StartFacts facts;
  facts.delay = 6s;
  facts.instance = kInstance;
  rights.started(TimePoint{10s}, facts);
  EXPECT_EQ(rights.may_be_adopted_at(alone, now), now) << "its state folder knows that one";
  DrivingRights::ClaimFacts other = two;
  other.instance = kOther;
  EXPECT_EQ(rights.may_be_adopted_at(other, now), TimePoint{16s});
}

TEST_F(Judging, RemembersOnlySoManyInstancesThatItHasDriven) {
  StartFacts facts;
  facts.no_former_run = true;
  rights_.started(TimePoint{1s}, facts);
  const auto claim = [this](uint64_t instance) {
    run_ = {};
    has_view_ = false;
    members_here_ = 0;
    return judge(memory({instance, instance}), Incarnation{1, 1}).as;
  };
  rights_.begun({1, 1});
  const Standpoint remembered = claim(1);
  for (uint64_t instance = 2; instance <= limits::kDrivenInstances; ++instance) {
    rights_.begun({instance, instance});
  }
  EXPECT_EQ(claim(1), remembered);
  rights_.begun({9999, 9999});
  EXPECT_NE(claim(1), remembered) << "as one that was never driven here";
}

}  // namespace
}  // namespace atoll_core::membership
