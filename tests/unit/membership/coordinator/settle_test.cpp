#include <map>

#include <gtest/gtest.h>

#include "base/assert.h"
#include "membership/coordinator/settle_decision.h"
#include "membership/coordinator/settle_rounds.h"
#include "unit/membership/test_peers.h"

namespace atoll_core::membership {
namespace {

constexpr TimePoint kSoon{std::chrono::seconds(5)};
constexpr TimePoint kLater{std::chrono::seconds(9)};

wire::SettleReport report(uint64_t round) { return {round, {}}; }

TEST(SettleRounds, ARestartDoesNotTakeEarlierReports) {
  SettleRounds rounds;
  const uint64_t first = rounds.open_about_all({{1}, {2}}, kSoon).number;
  EXPECT_TRUE(rounds.answer({1}, report(first)));
  const uint64_t second = rounds.open_about_all({{1}, {2}}, kLater).number;
  EXPECT_NE(first, second);
  EXPECT_FALSE(rounds.answer({2}, report(first)));
  EXPECT_TRUE(rounds.answer({1}, report(second)));
  EXPECT_FALSE(rounds.about_all()->reports.complete());
  EXPECT_TRUE(rounds.answer({2}, report(second)));
  EXPECT_TRUE(rounds.about_all()->reports.complete());
}

TEST(SettleRounds, WhoDoesNotReportIsOverdueHoweverOftenItRestarts) {
  SettleRounds rounds;
  const uint64_t first = rounds.open_about_all({{1}, {2}}, kSoon).number;
  rounds.answer({1}, report(first));
  rounds.open_about_all({{1}, {2}}, kLater);
  EXPECT_EQ(rounds.next_deadline(), kSoon);
  EXPECT_EQ(rounds.overdue(kSoon), PeerId{2});
  rounds.excuse({2});
  EXPECT_EQ(rounds.overdue(kSoon), std::nullopt);
  EXPECT_EQ(rounds.overdue(kLater), PeerId{1}) << "it has reported, but not in this round";
}

TEST(SettleRounds, ARoundAboutAllAbsorbsThoseAboutOne) {
  SettleRounds rounds;
  rounds.open_about(key(1, 0), {{1}}, kSoon);
  const uint64_t other = rounds.open_about(key(1, 1), {{1}, {2}}, kSoon).number;
  rounds.answer({1}, report(other));
  EXPECT_EQ(rounds.complete_about_one(), std::nullopt);
  rounds.answer({2}, report(other));
  EXPECT_EQ(rounds.complete_about_one(), key(1, 1));
  rounds.open_about_all({{1}}, kSoon);
  EXPECT_FALSE(rounds.open_for(key(1, 0)));
  EXPECT_THROW(rounds.open_about(key(2, 0), {{1}}, kSoon), BrokenInvariant);
}

TEST(SettleRounds, EachRoundAboutOneHasItsOwnReports) {
  SettleRounds rounds;
  const uint64_t first = rounds.open_about(key(1, 0), {{1}, {2}}, kSoon).number;
  const uint64_t second = rounds.open_about(key(1, 1), {{1}, {2}}, kLater).number;
  for (const PeerId peer : {PeerId{1}, PeerId{2}}) {
    EXPECT_TRUE(rounds.answer(peer, report(second)));
    EXPECT_TRUE(rounds.answer(peer, report(second))) << "said again";
    EXPECT_EQ(rounds.next_deadline(), kSoon) << "it owes another one";
  }
  EXPECT_EQ(rounds.complete_about_one(), key(1, 1));
  EXPECT_EQ(rounds.close_about(key(1, 1)).number, second);
  EXPECT_FALSE(rounds.answer({1}, report(second)));
  EXPECT_EQ(rounds.complete_about_one(), std::nullopt);
  EXPECT_TRUE(rounds.answer({1}, report(first)));
  EXPECT_EQ(rounds.overdue(kSoon), PeerId{2});
  rounds.close_about(key(1, 0));
  EXPECT_EQ(rounds.next_deadline(), kNever);
  EXPECT_EQ(rounds.open(), 0u);
}

class Decision : public testing::Test {
 protected:
  Decision() {
    settle_.key = key(7, 4);
    settle_.attempt = epoch(3);
    settle_.survivors = {a_, b_};
    settle_.reason = "c is lost";
  }

  void reports(const Participant& who, wire::OpPhase phase, uint64_t number = 3) {
    wire::OpReport report;
    report.op = op_for(settle_.key, 0);
    report.epoch = epoch(number);
    report.phase = phase;
    report.call = call_;
    settle_.reports.push_back({who, std::move(report)});
  }

  const Participant a_ = participant(1, "a");
  const Participant b_ = participant(2, "b");
  wire::CallDescription call_;
  OpRecord record_;
  SettleCase settle_;
};

TEST_F(Decision, NobodyHasCalled) { EXPECT_EQ(decide(settle_), std::nullopt); }

TEST_F(Decision, AllSurvivorsAreDone) {
  reports(a_, wire::OpPhase::kDone);
  record_.done = {{2}};
  settle_.record = &record_;
  EXPECT_TRUE(decide(settle_)->committed);
}

TEST_F(Decision, DoneInAnEarlierAttemptIsNotDone) {
  reports(a_, wire::OpPhase::kDone);
  reports(b_, wire::OpPhase::kDone, 2);
  EXPECT_EQ(decide(settle_), (Outcome{false, false, ErrorCode::kPeerLost, "c is lost"}));
}

TEST_F(Decision, OneHasReturnedIt) {
  reports(a_, wire::OpPhase::kBegun);
  reports(b_, wire::OpPhase::kCommitted);
  EXPECT_TRUE(decide(settle_)->committed);
}

TEST_F(Decision, WithoutRetryTheAbortIsFinal) {
  call_.retry = false;
  reports(a_, wire::OpPhase::kDone);
  EXPECT_EQ(decide(settle_), (Outcome{false, true, ErrorCode::kPeerLost, "c is lost"}));
}

TEST_F(Decision, WhereNobodyIsLostAllBeginAgainWhateverTheyAllow) {
  call_.retry = false;
  settle_.all_live = true;
  settle_.code = ErrorCode::kAborted;
  settle_.reason = "b came back";
  reports(a_, wire::OpPhase::kDone);
  EXPECT_EQ(decide(settle_), (Outcome{false, false, ErrorCode::kAborted, "b came back"}));
  reports(b_, wire::OpPhase::kAborted);
  EXPECT_TRUE(decide(settle_)->final) << "what was returned stands";
}

TEST_F(Decision, TheRootIsLost) {
  call_.kind = wire::OpKind::kBroadcast;
  call_.root = {9};
  reports(a_, wire::OpPhase::kDone);
  EXPECT_EQ(decide(settle_)->code, ErrorCode::kRootLost);
  EXPECT_TRUE(decide(settle_)->final);
  reports(b_, wire::OpPhase::kDone);
  EXPECT_TRUE(decide(settle_)->committed) << "all have what the root sent";
}

TEST_F(Decision, ARequestedEndIsFinalUnlessAllAreDone) {
  reports(a_, wire::OpPhase::kDone);
  record_.abort = AbortNote{b_, ErrorCode::kCancelled, "by hand", std::nullopt};
  settle_.record = &record_;
  settle_.about_all = false;
  EXPECT_EQ(decide(settle_),
            (Outcome{false, true, ErrorCode::kCancelled, "b asked for it: by hand"}));
  reports(b_, wire::OpPhase::kDone);
  EXPECT_TRUE(decide(settle_)->committed);
}

TEST_F(Decision, CallsThatDifferAreAMismatch) {
  call_.count = 5;
  reports(a_, wire::OpPhase::kBegun);
  call_.count = 6;
  reports(b_, wire::OpPhase::kBegun);
  EXPECT_EQ(decide(settle_)->code, ErrorCode::kMismatch);
  EXPECT_EQ(decide(settle_)->reason,
            "all-reduce tag 7 #4 differs between a (here) and b (there): count 5 here, 6 there");
}

class KeepingDecision : public Decision {
 protected:
  KeepingDecision() {
    call_.keep = true;
    call_.count = 1000;
  }
  void progress(const Participant& who, uint64_t kept, uint64_t complete, uint64_t stable,
                uint64_t number = 3) {
    reports(who, wire::OpPhase::kBegun, number);
    wire::OpReport& report = settle_.reports.back().report;
    report.op = op_for(settle_.key, who.shard);
    report.kept_below = kept;
    report.complete_below = complete;
    report.stable_below = stable;
  }
  using Kept = std::map<Group, uint64_t>;
};

TEST_F(KeepingDecision, WhatIsCompleteOnAllStands) {
  progress(a_, 0, 700, 0);
  progress(b_, 0, 300, 0);
  EXPECT_EQ(decide(settle_), (Outcome{false, false, ErrorCode::kPeerLost, "c is lost"}));
  EXPECT_EQ(kept_below(settle_), (Kept{{0, 300}}));
  EXPECT_FALSE(must_go_on(settle_));
}

TEST_F(KeepingDecision, NothingStandsThatOneHasNotCalled) {
  progress(a_, 0, 700, 0);
  EXPECT_EQ(kept_below(settle_), Kept{});
}

TEST_F(KeepingDecision, WhereInputIsGoneThereIsNoAbort) {
  call_.retry = false;
  progress(a_, 0, 700, 200);
  progress(b_, 0, 300, 0);
  EXPECT_EQ(decide(settle_), (Outcome{false, false, ErrorCode::kPeerLost, "c is lost"}));
  record_.abort = AbortNote{b_, ErrorCode::kCancelled, "by hand", std::nullopt};
  settle_.record = &record_;
  EXPECT_FALSE(decide(settle_)->final);
  settle_.about_all = false;
  EXPECT_EQ(decide(settle_), std::nullopt);
  EXPECT_TRUE(must_go_on(settle_));
  record_.abort->code = ErrorCode::kMismatch;
  EXPECT_EQ(decide(settle_)->code, ErrorCode::kMismatch);
}

TEST_F(KeepingDecision, WithoutRetryAndWithAllInputTheAbortIsFinal) {
  call_.retry = false;
  progress(a_, 0, 700, 0);
  progress(b_, 0, 300, 0);
  EXPECT_TRUE(decide(settle_)->final);
}

// b has missed the verdict that began attempt 3 at 400: it took no part in it.
TEST_F(KeepingDecision, WhoHasMissedAVerdictTakesTheLatestBeginning) {
  progress(a_, 400, 400, 400, 3);
  progress(b_, 0, 600, 300, 2);
  EXPECT_EQ(kept_below(settle_), (Kept{{0, 400}}));
}

TEST_F(KeepingDecision, EachGroupHasItsOwn) {
  settle_.survivors = {participant(1, "a0", 0), participant(2, "a1", 1), participant(3, "b0", 0),
                       participant(4, "b1", 1)};
  progress(settle_.survivors[0], 0, 500, 100);
  progress(settle_.survivors[2], 0, 300, 0);
  progress(settle_.survivors[1], 0, 900, 0);
  progress(settle_.survivors[3], 0, 0, 0);
  EXPECT_EQ(kept_below(settle_), (Kept{{0, 300}}));
  EXPECT_TRUE(must_go_on(settle_)) << "one group is enough";
}

}  // namespace
}  // namespace atoll_core::membership
