// The peer side of membership: registration, views, updates, rounds.
#include "unit/membership/peer/peer_machine_fixture.h"

namespace atoll_core::membership {
namespace {

TEST_F(PeerMachineTest, SaysWhichVersionsDoNotMeet) {
  machine_.start(now_);
  register_as(1);
  ASSERT_TRUE(take<peer_output::Failed>().empty());
  PeerMachine with_older(config());
  with_older.start(now_);
  with_older.on_control_connected(now_);
  wire::Registered answer;
  answer.peer = {1};
  answer.version = wire::kProtocolVersion - 1;
  with_older.on_message(now_, answer);
  std::optional<Error> failed;
  for (PeerOutput& output : with_older.take_outputs()) {
    if (auto* typed = std::get_if<peer_output::Failed>(&output)) failed = typed->error;
  }
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->code, ErrorCode::kVersionMismatch);
  EXPECT_EQ(failed->message, "the coordinator chose protocol version 2, only 3 is spoken here");
}

// What a coordinator of an older version answers; it reads the versions of a newer Register.
TEST_F(PeerMachineTest, IsRefusedByAnOlderCoordinatorForGood) {
  machine_.start(now_);
  machine_.on_control_connected(now_);
  machine_.on_message(now_, wire::Refused{ErrorCode::kVersionMismatch, "a speaks 3 to 3, I 2"});
  const auto failed = take<peer_output::Failed>();
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].error.code, ErrorCode::kVersionMismatch);
  EXPECT_EQ(failed[0].error.message, "a speaks 3 to 3, I 2");
}

TEST_F(PeerMachineTest, KeepsToItsInstance) {
  machine_.start(now_);
  register_as(1);
  ASSERT_TRUE(machine_.request_update(now_, {}));
  wire::View first = first_view(1, {info(1, "a")});
  machine_.on_message(now_, wire::Updated{first.epoch, make_delta(nullptr, first, ""), 4});
  EXPECT_EQ(machine_.memory().instance, kInstance);
  EXPECT_EQ(machine_.memory().life, machine_.view()->epoch.incarnation);
  EXPECT_EQ(machine_.memory().history.updates, 4u);
  const OpId op{first.generation, 0, 0, 0};
  machine_.on_message(now_, wire::SyncPlan{op, first.epoch, 700, {}, {}, {}, 12});
  EXPECT_EQ(machine_.memory().history.syncs, 0u) << "it may still fail";
  machine_.on_message(now_, wire::OpVerdict{{op, first.epoch, true, true, {}, "", {}, {}, 0}});
  EXPECT_EQ(machine_.memory().history, (wire::RunHistory{12, 4, 700}));
  // In the next session.
  PeerConfig next = config();
  next.memory = machine_.memory();
  PeerMachine again(next);
  again.start(now_);
  again.on_control_connected(now_);
  const auto outputs = again.take_outputs();
  const auto& sent = std::get<peer_output::Send>(outputs.back());
  const auto* hello = std::get_if<wire::Register>(&sent.message);
  ASSERT_NE(hello, nullptr);
  EXPECT_EQ(hello->memory, machine_.memory());
  EXPECT_FALSE(hello->rejoin);
}

TEST_F(PeerMachineTest, AnotherInstanceIsAFinalAnswerAtAnyAddress) {
  PeerConfig two = config();
  two.coordinators = 2;
  two.memory.instance = kInstance;
  PeerMachine machine(two);
  machine.start(now_);
  machine.on_control_connected(now_);
  machine.on_message(now_, wire::Refused{ErrorCode::kOtherInstance, "another one"});
  std::optional<Error> failed;
  for (PeerOutput& output : machine.take_outputs()) {
    if (auto* typed = std::get_if<peer_output::Failed>(&output)) failed = typed->error;
  }
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->code, ErrorCode::kOtherInstance);
}

TEST_F(PeerMachineTest, SettledComesInOrder) {
  become_member();
  machine_.on_message(now_, wire::Freeze{7, {}, "b is lost"});
  EXPECT_TRUE(machine_.frozen());
  const wire::View before = view(1, 1);
  wire::View next = without(before, {{2}});
  next.epoch = epoch(2);
  wire::Verdict verdict;
  verdict.op.tag = 3;
  const wire::ViewDelta delta = make_delta(&before, next, "b is lost");
  machine_.on_message(now_, wire::Settled{7, {}, delta, {verdict}});
  const auto outputs = machine_.take_outputs();
  ASSERT_EQ(outputs.size(), 4u);
  EXPECT_TRUE(std::holds_alternative<peer_output::FreezeOps>(outputs[0]));
  ASSERT_TRUE(std::holds_alternative<peer_output::ViewChanged>(outputs[1]));
  const auto& change = std::get<peer_output::ViewChanged>(outputs[1]);
  EXPECT_FALSE(change.admission);
  ASSERT_EQ(change.lost.size(), 1u);
  EXPECT_EQ(change.lost[0].name, "b");
  EXPECT_TRUE(std::holds_alternative<peer_output::VerdictHeard>(outputs[2]));
  EXPECT_TRUE(std::holds_alternative<peer_output::Thaw>(outputs[3]));
  EXPECT_FALSE(machine_.frozen());
}

TEST_F(PeerMachineTest, ADigestThatDoesNotMatchEndsTheMembership) {
  become_member();
  wire::ViewDelta delta = make_delta(nullptr, view(2, 1), "");
  delta.digest.low ^= 1;
  machine_.on_message(now_, wire::Settled{7, {}, delta, {}});
  const auto failed = take<peer_output::Failed>();
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].error.code, ErrorCode::kInternalError);
}

TEST_F(PeerMachineTest, AViewWithoutThisPeerEndsTheMembership) {
  machine_.start(now_);
  register_as(3);
  ASSERT_TRUE(machine_.request_update(now_, {}));
  machine_.on_message(now_, wire::Updated{epoch(1), make_delta(nullptr, view(1, 1), "first")});
  const auto failed = take<peer_output::Failed>();
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_NE(failed[0].error.message.find("does not name a"), std::string::npos);
}

TEST_F(PeerMachineTest, AMemberIsGivenNoOtherId) {
  become_member();
  lose_and_dial();
  machine_.on_control_connected(now_);
  machine_.on_message(now_, wire::Resumed{});
  machine_.take_outputs();
  accept(2, true);
  const auto failed = take<peer_output::Failed>();
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_NE(failed[0].error.message.find("calls a peer"), std::string::npos);
}

TEST_F(PeerMachineTest, AnUpdateThatFailedLeavesTheMembershipAsItIs) {
  become_member();
  ASSERT_TRUE(machine_.request_update(now_, {}));
  EXPECT_FALSE(machine_.request_update(now_, {})) << "one at a time";
  machine_.on_message(now_, wire::UpdateFailed{ErrorCode::kMismatch, "differ"});
  EXPECT_EQ(take<peer_output::UpdateFailed>().size(), 1u);
  EXPECT_EQ(machine_.standing(), PeerMachine::Standing::kMember);
  ASSERT_TRUE(machine_.request_update(now_, {}));
  const auto sent = take_sent<wire::UpdateRequest>();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].number, 1u) << "the failed one has its number";
}

TEST_F(PeerMachineTest, TellsWithWhichCallsItsOpenUpdateIs) {
  become_member();
  const std::vector<wire::CallPosition> positions{{0, 5, 6}, {0, 6, 1}};
  machine_.on_message(now_, wire::TellPositions{});
  EXPECT_TRUE(take_sent<wire::Positions>().empty()) << "no update is open";
  ASSERT_TRUE(machine_.request_update(now_, positions));
  const auto sent = take_sent<wire::UpdateRequest>();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].groups, wire::summary_of(positions));
  machine_.cancel_update();
  machine_.on_message(now_, wire::TellPositions{});
  const auto told = take_sent<wire::Positions>();
  ASSERT_EQ(told.size(), 1u) << "whether its caller waits or not";
  EXPECT_EQ(told[0].positions, positions);
}

TEST_F(PeerMachineTest, TellsWhatHasBecomeOfReceivesFromWhoeverSends) {
  become_member();
  const Group pair = pair_group({1, 0});
  machine_.note_receives({{5, 0, 1}}, wire::CallPosition{pair, 5, 0});
  EXPECT_TRUE(take_sent<wire::UpdateRequest>().empty()) << "no update is open";
  ASSERT_TRUE(machine_.request_update(now_, {{0, 5, 6}, {kGroupAll, 1, 1}}, {{5, 2, 0}}));
  auto sent = take_sent<wire::UpdateRequest>();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_FALSE(sent[0].again);
  EXPECT_EQ(sent[0].receives, (std::vector<wire::AnyReceives>{{5, 2, 0}}));
  for (uint64_t taken = 1; taken <= 2; ++taken) {
    machine_.note_receives({{5, 2 - taken, taken}}, wire::CallPosition{pair, 5, 0});
    sent = take_sent<wire::UpdateRequest>();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_TRUE(sent[0].again);
    EXPECT_EQ(sent[0].receives, (std::vector<wire::AnyReceives>{{5, 2 - taken, taken}}));
    EXPECT_EQ(sent[0].groups,
              wire::summary_of({{0, 5, 6}, {pair, 5, taken}, {kGroupAll, 1, 1}}));
  }
  // The caller gives up and asks again with the positions that it has by then.
  machine_.cancel_update();
  EXPECT_TRUE(machine_.request_update(now_, {{0, 5, 6}, {pair, 5, 2}, {kGroupAll, 1, 1}}));
}

TEST_F(PeerMachineTest, AnUpdateThatEndsWithoutAnyViewEndsTheMembership) {
  machine_.start(now_);
  register_as(1);
  ASSERT_TRUE(machine_.request_update(now_, {}));
  machine_.take_outputs();
  machine_.on_message(now_, wire::Updated{epoch(1), {}, 1});
  const auto failed = take<peer_output::Failed>();
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].error.code, ErrorCode::kInternalError);
  EXPECT_NE(failed[0].error.message.find("without a view"), std::string::npos);
}

TEST_F(PeerMachineTest, AnAnswerThatNobodyWaitsForIsKept) {
  become_member();
  ASSERT_TRUE(machine_.request_update(now_, {{0, 1, 2}}));
  machine_.cancel_update();
  EXPECT_TRUE(machine_.update_open());
  EXPECT_FALSE(machine_.request_update(now_, {{0, 1, 3}})) << "calls were made in between";
  machine_.on_message(now_, wire::Updated{epoch(1), {}});
  EXPECT_TRUE(take<peer_output::UpdateFinished>().empty());
  EXPECT_FALSE(machine_.update_open());
  ASSERT_TRUE(machine_.request_update(now_, {{0, 1, 3}}));
  EXPECT_EQ(take<peer_output::UpdateFinished>().size(), 1u);
  EXPECT_FALSE(machine_.update_open());
}

TEST_F(PeerMachineTest, WhatAnUpdateWaitsForIsPassedOnWhileItIsOpen) {
  become_member();
  machine_.on_message(now_, wire::UpdateWaits{{"b has not called atollUpdate"}});
  EXPECT_TRUE(take<peer_output::UpdateWaitsFor>().empty());
  ASSERT_TRUE(machine_.request_update(now_, {}).has_value());
  machine_.on_message(now_, wire::UpdateWaits{{"b has not called atollUpdate"}});
  const auto waits = take<peer_output::UpdateWaitsFor>();
  ASSERT_EQ(waits.size(), 1u);
  EXPECT_EQ(waits[0].reasons, std::vector<std::string>{"b has not called atollUpdate"});
}

TEST_F(PeerMachineTest, AMemberThatIsNotKnownAnyMoreHasLeftTheRun) {
  become_member();
  lose_and_dial();
  machine_.on_control_connected(now_);
  machine_.on_message(now_, wire::Resumed{});
  accept(9, false);
  EXPECT_EQ(machine_.standing(), PeerMachine::Standing::kFailed);
}

TEST_F(PeerMachineTest, CommandsNeedARegistration) {
  EXPECT_EQ(machine_.request_update(now_, {}).error().code, ErrorCode::kNotConnected);
  machine_.start(now_);
  machine_.send(wire::OpDone{});
  EXPECT_TRUE(take<peer_output::Send>().empty());
  machine_.leave(now_, "enough");
  EXPECT_EQ(machine_.standing(), PeerMachine::Standing::kLeft);
}

}  // namespace
}  // namespace atoll_core::membership
