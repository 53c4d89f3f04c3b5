#include <gtest/gtest.h>

#include "base/assert.h"
#include "base/limits.h"
#include "membership/coordinator/verdict_history.h"
#include "unit/membership/test_peers.h"

namespace atoll_core::membership {
namespace {

EndedOp ended(uint64_t sequence) {
  return {key(1, sequence), epoch(1), {true, true, {}, ""},
          {participant(1, "a", 0), participant(2, "b", 1), participant(3, "c", 0)}};
}

TEST(VerdictHistory, PersonalisesGroupAndContributors) {
  const wire::Verdict even = verdict_for(ended(4), 0);
  EXPECT_EQ(even.op.group, 0u);
  EXPECT_EQ(even.contributors, (std::vector<PeerId>{{1}, {3}}));
  const wire::Verdict odd = verdict_for(ended(4), 1);
  EXPECT_EQ(odd.op.group, 1u);
  EXPECT_EQ(odd.contributors, (std::vector<PeerId>{{2}}));
}

TEST(VerdictHistory, OfATellersAttemptOnlyItsGroupIsKnown) {
  EndedOp told = ended(4);
  told.participants = {participant(1, "a", 0), participant(2, "b", 1)};  // the rest is lost
  told.told = {{participant(2, "b", 1), {{2}, {4}}, true}};
  EXPECT_EQ(verdict_for(told, 1).contributors, (std::vector<PeerId>{{2}, {4}}));
  EXPECT_EQ(verdict_for(told, 1).holders, (std::vector<PeerId>{{2}}));
  EXPECT_TRUE(verdict_for(told, 0).contributors.empty()) << "who has completed it knows them";
}

TEST(VerdictHistory, KeepsAVerdictUntilAllHaveHeardALaterHeartbeat) {
  VerdictHistory history;
  history.add(ended(1), 5);
  history.add(ended(2), 6);
  history.prune(5);
  EXPECT_EQ(history.size(), 2u);
  history.prune(6);
  EXPECT_EQ(history.find(key(1, 1)), nullptr);
  EXPECT_NE(history.find(key(1, 2)), nullptr);
}

TEST(VerdictHistory, TakesOnlyFinalVerdictsAndEachOnce) {
  VerdictHistory history;
  history.add(ended(1), 5);
  EXPECT_THROW(history.add(ended(1), 5), BrokenInvariant);
  EndedOp again = ended(2);
  again.outcome = {false, false, ErrorCode::kPeerLost, "b is lost"};
  EXPECT_THROW(history.add(again, 5), BrokenInvariant);
}

TEST(VerdictHistory, ForgetsTheOldestBeyondItsBound) {
  VerdictHistory history;
  for (uint64_t sequence = 0; sequence <= limits::kVerdictsKept; ++sequence) {
    history.add({key(1, sequence), epoch(1), {}, {}}, 1);
  }
  EXPECT_EQ(history.size(), limits::kVerdictsKept);
  EXPECT_EQ(history.find(key(1, 0)), nullptr);
  EXPECT_NE(history.find(key(1, 1)), nullptr);
}

}  // namespace
}  // namespace atoll_core::membership
