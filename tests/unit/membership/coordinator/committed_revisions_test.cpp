// What a sync of the run has committed is not replaced by something older while somebody holds it.
#include "membership/coordinator/committed_revisions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "membership/coordinator/coordinator_machine.h"
#include "unit/membership/test_peers.h"

namespace atoll_core::membership {
namespace {

using namespace std::chrono_literals;  // NOLINT: durations
using testing::HasSubstr;

TEST(CommittedRevisions, KeepsTheLatestOfTheLastStates) {
  CommittedRevisions committed;
  committed.note({1, 0, 0}, 9);
  committed.note({1, 1, 0}, 8);
  committed.note({1, 0, 0}, 4);
  EXPECT_EQ(committed.find({1, 0, 0}), 4u) << "the last one, also when a lower one was accepted";
  EXPECT_EQ(committed.find({1, 1, 0}), 8u);
  EXPECT_EQ(committed.find({1, 0, 7}), 0u);
  for (uint64_t tag = 10; tag < 10 + CommittedRevisions::kStatesKept; ++tag) {
    committed.note({tag, 0, 0}, 1);
  }
  EXPECT_EQ(committed.find({1, 0, 0}), 0u);
}

// A run of a, who has synced revision 5.
class SyncAfterALoss : public testing::Test {
 protected:
  void start(bool accept_lower_revision = false) {
    CoordinatorConfig config;
    config.accept_lower_revision = accept_lower_revision;
    machine_ = std::make_unique<CoordinatorMachine>(config, Incarnation{1, 42});
    come(1, "a", {});
    say(1, wire::UpdateRequest{});
    sync(1, state(5));
    say(1, wire::SyncDone{op(), machine_->status().epoch});
    ASSERT_TRUE(verdict(1)->committed);
    said_.clear();
  }

  void absorb() {
    for (auto& item : machine_->take_output().items) {
      if (auto* send = std::get_if<CoordinatorOutput::Send>(&item)) {
        said_[send->connection.value].push_back(send->message);
      } else if (auto* event = std::get_if<CoordinatorOutput::Event>(&item)) {
        events_ += event->text + "\n";
      }
    }
  }

  void say(uint64_t peer, wire::ToCoordinator message) {
    machine_->on_message(now_, {peer}, std::move(message));
    absorb();
  }

  void come(uint64_t peer, const std::string& name, wire::RunMemory memory) {
    machine_->on_connected(now_, {peer}, "somewhere");
    wire::Register hello;
    hello.peer = info(peer, name);
    hello.memory = std::move(memory);
    say(peer, std::move(hello));
  }

  // b, who is let in at the next update of a.
  void admit() {
    say(1, wire::LinkReport{id(2), wire::LinkState::kUp, "", 0});
    say(2, wire::LinkReport{id(1), wire::LinkState::kUp, "", 0});
    say(2, wire::UpdateRequest{});
    wire::UpdateRequest request;
    request.epoch = machine_->status().epoch;
    request.groups = wire::summary_of({{0, 0, syncs_}});
    say(1, request);
    syncs_ = 0;
    ASSERT_EQ(machine_->status().admissions, 2u) << events_;
  }

  static PeerId id(uint64_t number) { return {(uint64_t{1} << 32) | number}; }
  OpId op() const { return {machine_->status().generation, 0, 0, syncs_ - 1}; }

  static wire::StateSummary state(uint64_t revision, wire::CommittedRevision committed = {}) {
    return {revision, wire::SyncStrategy::kPopular, {1, revision}, {}, committed};
  }

  static uint64_t layout() { return wire::state_layout({}); }

  wire::CommittedRevision here(uint64_t revision) const {
    return {machine_->status().instance, revision};
  }

  void sync(uint64_t peer, const wire::StateSummary& state, bool same_call = false) {
    if (!same_call) ++syncs_;
    say(peer, wire::SyncRequest{op(), machine_->status().epoch, state});
  }

  template <class Message>
  const Message* heard(uint64_t peer) {
    for (const wire::ToPeer& message : said_[peer]) {
      if (const auto* typed = std::get_if<Message>(&message)) return typed;
    }
    return nullptr;
  }
  const wire::Verdict* verdict(uint64_t peer) {
    const auto* heard_verdict = heard<wire::OpVerdict>(peer);
    return heard_verdict == nullptr ? nullptr : &heard_verdict->verdict;
  }

  void expect_conflict(uint64_t peer, const std::string& part) {
    ASSERT_NE(verdict(peer), nullptr) << events_;
    EXPECT_EQ(verdict(peer)->code, ErrorCode::kStateConflict);
    EXPECT_THAT(verdict(peer)->reason, HasSubstr(part));
    EXPECT_THAT(verdict(peer)->reason, HasSubstr("--accept-lower-revision"));
  }

  TimePoint now_{1s};
  uint64_t syncs_ = 0;
  std::unique_ptr<CoordinatorMachine> machine_;
  std::map<uint64_t, std::vector<wire::ToPeer>> said_;
  std::string events_;
};

TEST_F(SyncAfterALoss, WhoIsBackAsANewcomerKeepsWhatTheRunHasCommitted) {
  start();
  come(2, "b", {machine_->status().instance, {}, {}});
  admit();
  sync(1, state(6, here(5)));
  sync(2, state(12, here(9)), true);
  expect_conflict(1, "revision 6 of a would be taken over, but b still holds revision 9");
  expect_conflict(2, "revision 9");
}

TEST_F(SyncAfterALoss, AlsoBeforeItIsLetIn) {
  start();
  come(2, "b", {machine_->status().instance, {}, {{0, layout(), 9}, {1, layout(), 700}}});
  sync(1, state(6, here(5)));
  expect_conflict(1, "b still holds revision 9");
}

TEST_F(SyncAfterALoss, OneThatIsNotLowerIsTakenOver) {
  start();
  come(2, "b", {machine_->status().instance, {}, {{0, layout(), 9}}});
  sync(1, state(9, here(5)));
  ASSERT_NE(heard<wire::SyncPlan>(1), nullptr);
  EXPECT_EQ(heard<wire::SyncPlan>(1)->revision, 9u);
  EXPECT_EQ(heard<wire::SyncPlan>(1)->number, 2u);
}

TEST_F(SyncAfterALoss, WhatOnePeerAlonePublishedOrAnotherRunCommittedDoesNotCount) {
  start();
  come(2, "b", {});
  admit();
  sync(1, state(6, here(5)));
  sync(2, state(12, {InstanceId{77, 77}, 11}), true);
  ASSERT_NE(heard<wire::SyncPlan>(2), nullptr) << events_;
  EXPECT_EQ(heard<wire::SyncPlan>(2)->revision, 6u);
}

TEST_F(SyncAfterALoss, AnotherStateUnderTheSameTagIsAnotherState) {
  start();
  come(2, "b", {machine_->status().instance, {}, {{0, layout() + 1, 9}}});
  sync(1, state(6, here(5)));
  EXPECT_NE(heard<wire::SyncPlan>(1), nullptr) << events_;
}

TEST_F(SyncAfterALoss, WhoOnlyReceivesGivesUpWhatItHolds) {
  start();
  come(2, "b", {machine_->status().instance, {}, {}});
  admit();
  sync(1, state(6, here(5)));
  wire::StateSummary given_up = state(12, here(9));
  given_up.strategy = wire::SyncStrategy::kReceiveOnly;
  sync(2, given_up, true);
  ASSERT_NE(heard<wire::SyncPlan>(2), nullptr) << events_;
  EXPECT_EQ(heard<wire::SyncPlan>(2)->revision, 6u);
}

TEST_F(SyncAfterALoss, AnOperatorMayAcceptIt) {
  start(true);
  come(2, "b", {machine_->status().instance, {}, {{0, layout(), 9}}});
  sync(1, state(6, here(5)));
  ASSERT_NE(heard<wire::SyncPlan>(1), nullptr);
  EXPECT_THAT(events_, HasSubstr("b still holds revision 9"));
  EXPECT_THAT(events_, HasSubstr("was told to accept that"));
}

TEST_F(SyncAfterALoss, WhenAllHoldersAreGoneTheHighestThatIsOfferedIsTaken) {
  start();
  sync(1, state(3));  // its process was started again, with an older checkpoint
  ASSERT_NE(heard<wire::SyncPlan>(1), nullptr);
  EXPECT_THAT(events_, HasSubstr("nobody who is connected holds revision 5"));
  EXPECT_THAT(events_, HasSubstr("goes on from revision 3"));
}

TEST_F(SyncAfterALoss, AFollowerThatHoldsMoreIsOfferedNothing) {
  start();
  come(2, "b", {machine_->status().instance, {}, {}});
  say(2, wire::FollowState{0, 9, {3, 3}, true, here(9)});
  EXPECT_EQ(heard<wire::StateOffer>(2), nullptr);
  admit();
}

}  // namespace
}  // namespace atoll_core::membership
