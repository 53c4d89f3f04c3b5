#include "membership/coordinator/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/membership/test_peers.h"

namespace atoll_core::membership {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

class AdmissionTest : public testing::Test {
 protected:
  void add(const wire::PeerInfo& peer, bool ready = true) {
    PeerRecord record;
    record.info = peer;
    record.connection = {peer.id.value};
    roster_.add(record);
    if (ready) updates_.open(peer.id, {});
  }

  void link(uint64_t one, uint64_t other) {
    links_.report({one}, {other}, wire::LinkState::kUp);
    links_.report({other}, {one}, wire::LinkState::kUp);
  }

  Admission choose(const std::vector<Participant>& members, size_t at_least) {
    return choose_admitted(members, find_candidates(roster_, updates_, states_).ready, roster_,
                           links_, failed_, at_least);
  }

  static std::vector<std::string> replicas(const std::vector<Candidate>& candidates) {
    std::vector<std::string> names;
    for (const Candidate& candidate : candidates) names.push_back(candidate.replica);
    return names;
  }

  Roster roster_;
  UpdateBarrier updates_;
  LinkMatrix links_;
  FailedLinks failed_;
  PublishedStates states_;
};

TEST_F(AdmissionTest, OnlyCompleteReplicasThatAreReady) {
  add(info(1, "b1", 1, "rb", 2));
  add(info(2, "a"), false);
  add(info(3, "b0", 0, "rb", 2));
  add(info(4, "c0", 0, "rc", 2));
  const Candidates candidates = find_candidates(roster_, updates_, states_);
  ASSERT_EQ(candidates.ready.size(), 1u);
  EXPECT_THAT(candidates.ready[0].peers, ElementsAre(PeerId{3}, PeerId{1})) << "in shard order";
  EXPECT_THAT(candidates.not_ready,
              ElementsAre("r-a waits for a to call atollUpdate", "rc has 1 of 2 shards"));
}

TEST_F(AdmissionTest, NotBeforeItsFormerSelfIsGone) {
  add(info(1, "a"));
  roster_.mark_member({1});
  roster_.mark_suspect({1}, {}, "reset");
  add(info(2, "a"));
  EXPECT_TRUE(find_candidates(roster_, updates_, states_).ready.empty());
  roster_.erase({1});
  EXPECT_EQ(find_candidates(roster_, updates_, states_).ready.size(), 1u);
}

TEST_F(AdmissionTest, NotBeforeAllItsShardsHoldWhatTheMembersSynced) {
  for (uint32_t shard = 0; shard < 2; ++shard) {
    add(info(1 + shard, "b" + std::to_string(shard), shard, "rb", 2));
    roster_.find(PeerId{1 + shard})->follows = wire::FollowState{5, 0, {}, true, {}};
  }
  EXPECT_EQ(find_candidates(roster_, updates_, states_).ready.size(), 1u) << "nothing was synced";
  wire::SyncPlan plan;
  plan.revision = 7;
  plan.digest = {1, 1};
  states_.commit(kInstance, 5, {{0, plan}, {1, plan}}, {});
  EXPECT_THAT(find_candidates(roster_, updates_, states_).not_ready,
              ElementsAre("rb: b0 waits for revision 7 of the state that the members hold"));
  roster_.find(PeerId{1})->follows = wire::FollowState{5, 7, {1, 1}, true, {}};
  EXPECT_THAT(find_candidates(roster_, updates_, states_).not_ready,
              ElementsAre("rb: b1 waits for revision 7 of the state that the members hold"));
  roster_.find(PeerId{2})->follows = wire::FollowState{5, 7, {2, 2}, true, {}};
  EXPECT_TRUE(find_candidates(roster_, updates_, states_).ready.empty()) << "another content";
  roster_.find(PeerId{2})->follows->waits = false;
  EXPECT_EQ(find_candidates(roster_, updates_, states_).ready.size(), 1u) << "its patience ended";
}

TEST_F(AdmissionTest, WhoHoldsMoreThanTheMembersIsOfferedNothing) {
  add(info(1, "a"));
  wire::SyncPlan plan;
  plan.revision = 7;
  plan.digest = {1, 1};
  states_.commit(kInstance, 5, {{0, plan}}, {});
  PeerRecord& follower = *roster_.find(PeerId{1});
  follower.follows = wire::FollowState{5, 12, {2, 2}, true, {kInstance, 9}};
  EXPECT_FALSE(states_.offer(follower)) << "a sync of this run has committed more";
  EXPECT_EQ(find_candidates(roster_, updates_, states_).ready.size(), 1u) << "it waits for nothing";
  follower.follows->committed = {InstanceId{6, 6}, 9};
  EXPECT_TRUE(states_.offer(follower)) << "what another run has committed does not count";
  follower.follows->committed = {kInstance, 6};
  EXPECT_TRUE(states_.offer(follower));
}

TEST_F(AdmissionTest, AFollowerWaitsWhileACoordinatorDoesNotKnowWhatWasSynced) {
  add(info(1, "a"));
  roster_.find(PeerId{1})->follows = wire::FollowState{0, 7, {1, 1}, true, {}};
  states_.forget();
  EXPECT_TRUE(find_candidates(roster_, updates_, states_).ready.empty());
  states_.commit(kInstance, 3, {}, {});
  EXPECT_EQ(find_candidates(roster_, updates_, states_).ready.size(), 1u);
}

TEST_F(AdmissionTest, OnlySoManyTagsAreRemembered) {
  add(info(1, "a"));
  wire::SyncPlan plan;
  plan.revision = 1;
  for (uint64_t tag = 0; tag <= PublishedStates::kTagsKept; ++tag) {
    states_.commit(kInstance, tag, {{0, plan}}, {});
  }
  roster_.find(PeerId{1})->follows = wire::FollowState{0, 0, {}, true, {}};
  EXPECT_FALSE(states_.offer(*roster_.find(PeerId{1})));
  roster_.find(PeerId{1})->follows = wire::FollowState{1, 0, {}, true, {}};
  EXPECT_TRUE(states_.offer(*roster_.find(PeerId{1})));
}

TEST_F(AdmissionTest, LinkedWithMembersAndWithThoseBefore) {
  add(info(1, "m"));
  roster_.mark_member({1});
  for (uint64_t peer = 2; peer <= 4; ++peer) add(info(peer, "p" + std::to_string(peer)));
  link(1, 2);
  link(1, 3);
  link(3, 4);
  link(2, 3);
  const Admission admission = choose({participant(1, "m")}, 5);
  EXPECT_THAT(replicas(admission.admitted), ElementsAre("r-p2", "r-p3"));
  EXPECT_THAT(admission.left_out,
              ElementsAre(StartsWith("r-p4 is left out: p4 and m are not linked")));
}

TEST_F(AdmissionTest, ShardsOfOneReplicaMustBeLinkedToo) {
  add(info(1, "a0", 0, "ra", 2));
  add(info(2, "a1", 1, "ra", 2));
  EXPECT_TRUE(choose({}, 1).admitted.empty());
  link(1, 2);
  EXPECT_EQ(choose({}, 1).admitted.size(), 1u);
}

TEST_F(AdmissionTest, TheFirstViewSaysWhatItWaitsFor) {
  for (uint64_t peer = 1; peer <= 3; ++peer) add(info(peer, "p" + std::to_string(peer)));
  link(1, 2);
  const std::string sentence =
      "a run starts with 3 replicas that are linked with each other; 3 are ready";
  EXPECT_THAT(choose({}, 3).left_out, ElementsAre(sentence)) << "too few links to look further";
  link(2, 3);
  link(1, 4);
  link(3, 4);
  EXPECT_THAT(choose({}, 3).left_out, ElementsAre(sentence)) << "enough links, of the wrong ones";
  link(1, 3);
  EXPECT_THAT(replicas(choose({}, 3).admitted), ElementsAre("r-p1", "r-p2", "r-p3"));
}

TEST_F(AdmissionTest, WithoutWhoeverIsInTheWay) {
  // 1 and 2 are linked, and each with one more; 3, 4 and 5 with each other.
  for (uint64_t peer = 1; peer <= 5; ++peer) add(info(peer, "p" + std::to_string(peer)));
  link(1, 2);
  link(1, 3);
  link(2, 4);
  link(3, 4);
  link(4, 5);
  link(3, 5);
  const Admission admission = choose({}, 3);
  EXPECT_THAT(replicas(admission.admitted), ElementsAre("r-p5", "r-p3", "r-p4"));
  EXPECT_THAT(admission.left_out,
              ElementsAre(StartsWith("r-p1 is left out: p1 and p5 are not linked"),
                          StartsWith("r-p2 is left out: p2 and p5 are not linked")));
}

TEST_F(AdmissionTest, OneOutOfReachDoesNotKeepTheRunFromStarting) {
  for (uint64_t peer = 1; peer <= 3; ++peer) add(info(peer, "p" + std::to_string(peer)));
  link(2, 3);
  EXPECT_THAT(replicas(choose({}, 2).admitted), ElementsAre("r-p2", "r-p3"));
  EXPECT_TRUE(choose({}, 3).admitted.empty());
  EXPECT_THAT(replicas(choose({}, 1).admitted), ElementsAre("r-p1"));
}

}  // namespace
}  // namespace atoll_core::membership
