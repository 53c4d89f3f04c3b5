#include <deque>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "membership/coordinator/sync_election.h"
#include "membership/coordinator/sync_ledger.h"
#include "unit/membership/test_peers.h"

namespace atoll_core::membership {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using wire::SyncStrategy;

wire::StateSummary state(uint64_t revision, uint64_t digest,
                         SyncStrategy strategy = SyncStrategy::kPopular) {
  wire::StateSummary made{revision, strategy, {1, digest}, {}, {}};
  made.tensors.push_back({"w0", DataType::kFloat32, 8, {1, 1}});
  made.tensors.push_back({"w1", DataType::kFloat32, 9, {1, digest}});
  return made;
}

class Election : public testing::Test {
 protected:
  void voter(const std::string& name, wire::StateSummary brought, bool gap = false) {
    states_.push_back(std::move(brought));
    voters_.push_back({participant(states_.size(), name), &states_.back(), gap});
  }

  std::deque<wire::StateSummary> states_;
  std::vector<SyncVoter> voters_;
};

TEST_F(Election, HighestRevisionThenMostPopularThenViewOrder) {
  voter("a", state(4, 10));
  voter("b", state(5, 20));
  voter("c", state(5, 30));
  EXPECT_THAT(elect(voters_)->holders, ElementsAre(PeerId{2})) << "view order";
  voter("d", state(5, 30));
  const Result<Elected> elected = elect(voters_);
  EXPECT_THAT(elected->holders, ElementsAre(PeerId{3}, PeerId{4}));
  EXPECT_TRUE(elected->disagreement);
  EXPECT_EQ(elected->sentence,
            "revision 5 as 2 of 4 voters hold it; tensor w1 differs between c and b");
}

TEST_F(Election, AGapHasNoVoteButMayServe) {
  voter("a", state(4, 10));
  voter("n", state(9, 50), true);
  voter("m", state(4, 10), true);
  const Result<Elected> elected = elect(voters_);
  EXPECT_EQ(elected->state->revision, 4u);
  EXPECT_THAT(elected->holders, ElementsAre(PeerId{1}, PeerId{3}));
}

TEST_F(Election, AllVoteWhenAllHaveAGap) {
  voter("a", state(4, 10), true);
  voter("b", state(9, 50), true);
  EXPECT_EQ(elect(voters_)->state->revision, 9u);
}

TEST_F(Election, WhoOnlyReceivesHasNoVote) {
  voter("a", state(9, 10, SyncStrategy::kReceiveOnly));
  voter("b", state(4, 20));
  EXPECT_EQ(elect(voters_)->state->revision, 4u);
  voters_.pop_back();
  EXPECT_EQ(elect(voters_).error().code, ErrorCode::kStateConflict);
}

TEST_F(Election, SendersMustAgree) {
  voter("a", state(9, 10));
  voter("b", state(4, 20, SyncStrategy::kSendOnly));
  voter("c", state(4, 20, SyncStrategy::kSendOnly));
  EXPECT_THAT(elect(voters_)->holders, ElementsAre(PeerId{2}, PeerId{3}));
  voter("d", state(4, 30, SyncStrategy::kSendOnly));
  EXPECT_EQ(elect(voters_).error().message,
            "both only send, but tensor w1 differs between b and d");
  voters_.pop_back();
  voter("e", state(5, 20, SyncStrategy::kSendOnly));
  EXPECT_THAT(elect(voters_).error().message, HasSubstr("revision 4 here, 5 there"));
}

TEST_F(Election, TablesMustBeTheSame) {
  voter("a", state(4, 10));
  wire::StateSummary other = state(4, 10);
  other.tensors[1].count = 7;
  voter("b", other);
  EXPECT_EQ(elect(voters_).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(elect(voters_).error().message,
            "the shared states differ in tensor 1: a has w1 of 9 float32, b has w1 of 7 float32");
  voters_.pop_back();
  other.tensors.pop_back();
  voter("c", other);
  EXPECT_THAT(elect(voters_).error().message, HasSubstr("a has 2 tensors, c has 1"));
}

TEST(SyncLedger, ShardsElectApartButTheSameRevision) {
  const std::vector<Participant> peers{
      participant(1, "a0", 0, "ra"), participant(2, "a1", 1, "ra"), participant(3, "b0", 0, "rb"),
      participant(4, "b1", 1, "rb")};
  SyncLedger ledger;
  SyncRecord& record = *ledger.open(key(9, 0));
  record.requests = {{{1}, state(4, 10)}, {{2}, state(4, 20)}, {{3}, state(4, 10)}};
  EXPECT_FALSE(all_asked(record, peers));
  record.requests.emplace(PeerId{4}, state(3, 5));
  EXPECT_TRUE(all_asked(record, peers));
  const Result<SyncPlans> plans = plan_sync(key(9, 0), record, peers, {});
  ASSERT_TRUE(plans);
  EXPECT_THAT(plans->by_shard.at(0).holders, ElementsAre(PeerId{1}, PeerId{3}));
  EXPECT_THAT(plans->by_shard.at(1).holders, ElementsAre(PeerId{2}));
  record.requests.at({4}).revision = 5;
  EXPECT_EQ(plan_sync(key(9, 0), record, peers, {}).error().code, ErrorCode::kStateConflict);
}

TEST(SyncLedger, IsDoneOnlyAfterThePlan) {
  SyncRecord record;
  record.done = {{1}};
  EXPECT_FALSE(all_done(record, {participant(1, "a")}));
  record.planned = true;
  EXPECT_TRUE(all_done(record, {participant(1, "a")}));
}

}  // namespace
}  // namespace atoll_core::membership
