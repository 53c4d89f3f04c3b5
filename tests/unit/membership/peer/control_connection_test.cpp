// The connection of a peer to its coordinator: found, lost, refused, and gone on with.
#include "unit/membership/peer/peer_machine_fixture.h"

namespace atoll_core::membership {
namespace {

TEST_F(PeerMachineTest, RedialsWithAGrowingPause) {
  machine_.start(now_);
  EXPECT_EQ(take<peer_output::DialCoordinator>().size(), 1u);
  for (const Duration pause : {50ms, 100ms, 200ms, 400ms, 400ms, 400ms}) {
    machine_.on_control_failed(now_, "refused");
    advance(pause / 2 - 1ms);  // they do not come all at once: half of it at least
    EXPECT_TRUE(take<peer_output::DialCoordinator>().empty());
    advance(pause / 2 + 1ms);
    EXPECT_EQ(take<peer_output::DialCoordinator>().size(), 1u) << to_ms(pause);
  }
}

// Its kernel accepts connections, or a host swallows them: nothing is refused.
TEST_F(PeerMachineTest, ACoordinatorThatHangsGetsItsShareOfTheTime) {
  start_with_coordinators(3, 9s);
  EXPECT_EQ(addresses_dialled(), std::vector<uint32_t>{0});
  machine_.on_control_connected(now_);
  advance(2999ms);
  EXPECT_TRUE(addresses_dialled().empty());
  advance(1ms);
  EXPECT_EQ(addresses_dialled(), std::vector<uint32_t>{1});
  advance(3s);  // that dial does not end
  EXPECT_EQ(addresses_dialled(), std::vector<uint32_t>{2});
  register_as(1);
  EXPECT_EQ(machine_.standing(), PeerMachine::Standing::kPending);
  advance(3s);
  EXPECT_TRUE(addresses_dialled().empty()) << "it has answered";
}

TEST_F(PeerMachineTest, ACoordinatorThatLetsItWaitAndSaysSoIsNotLeft) {
  start_with_coordinators(2, 10s);
  take<peer_output::DialCoordinator>();
  machine_.on_control_connected(now_);
  for (int beat = 0; beat < 4; ++beat) {
    advance(2s);
    machine_.on_message(now_, wire::CoordinatorHeartbeat{});
  }
  EXPECT_TRUE(addresses_dialled().empty());
}

TEST_F(PeerMachineTest, AMemberGoesOnToAnotherCoordinatorWhenItsOwnHangs) {
  start_with_coordinators(2, 10s);
  register_as(1);
  ASSERT_TRUE(machine_.request_update(now_, {}));
  machine_.on_message(now_, wire::Updated{epoch(1), make_delta(nullptr, view(1, 1), "first")});
  machine_.take_outputs();
  for (int step = 0; step < 8; ++step) advance(500ms);
  EXPECT_EQ(addresses_dialled(), std::vector<uint32_t>{0}) << "the connection may be the fault";
  machine_.on_control_connected(now_);
  for (int step = 0; step < 8; ++step) advance(500ms);
  EXPECT_EQ(addresses_dialled(), std::vector<uint32_t>{1});
  EXPECT_EQ(machine_.standing(), PeerMachine::Standing::kMember);
}

TEST_F(PeerMachineTest, GivesUpWithTheLastReason) {
  machine_.start(now_);
  machine_.on_control_failed(now_, "connection refused");
  advance(10s);
  const auto failed = take<peer_output::Failed>();
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].error.code, ErrorCode::kCoordinatorUnreachable);
  EXPECT_EQ(failed[0].error.message, "no coordinator for 10000 ms: connection refused");
  EXPECT_EQ(machine_.next_deadline(), kNever);
}

TEST_F(PeerMachineTest, EchoesTheHeartbeatItHeardLast) {
  become_member();
  machine_.on_message(now_, wire::CoordinatorHeartbeat{12});
  advance(500ms);
  const auto sent = take_sent<wire::PeerHeartbeat>();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].number, 12u);
}

// An echo tells what else has come. Say a coordinator in its first life had come to heartbeat 12
// and in its second to 15, when the peer lost its connection with the roster that was sent at 9.
// If the peer still echoed 12, that roster would count as heard, and would not be sent again.
TEST_F(PeerMachineTest, EchoesNoHeartbeatOfAnotherLife) {
  become_member();
  machine_.on_message(now_, wire::CoordinatorHeartbeat{12});
  lose_and_dial();
  machine_.on_control_connected(now_);
  machine_.on_message(now_, wire::Resumed{});  // another life: it registers
  wire::Registered again;
  again.peer = {1};
  again.incarnation = {2, 42};
  again.run = "run";
  again.heartbeat_interval_ms = 500;
  again.peer_timeout_ms = 5000;
  again.member = true;
  machine_.on_message(now_, again);
  take<peer_output::Send>();
  advance(500ms);
  const auto sent = take_sent<wire::PeerHeartbeat>();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].number, 0u);
}

TEST_F(PeerMachineTest, TakesSilenceForABrokenConnection) {
  become_member();
  for (int step = 0; step < 7; ++step) advance(500ms);
  EXPECT_TRUE(take<peer_output::CloseControl>().empty());
  advance(500ms);
  EXPECT_EQ(machine_.standing(), PeerMachine::Standing::kMember);
  const auto outputs = machine_.take_outputs();
  EXPECT_TRUE(std::any_of(outputs.begin(), outputs.end(), [](const PeerOutput& output) {
    return std::holds_alternative<peer_output::DialCoordinator>(output);
  }));
  advance(config().coordinator_timeout);
  EXPECT_EQ(machine_.standing(), PeerMachine::Standing::kFailed);
}

// Registered with a peer timeout of 5 s: silence of 3.75 s is one of the coordinator.
TEST_F(PeerMachineTest, BytesOfALongMessageAreNoSilenceForAWhile) {
  become_member();
  machine_.on_message(now_, wire::CoordinatorHeartbeat{1});
  const auto closes_within = [&](Duration time) {
    for (const TimePoint end = now_ + time; now_ < end;) {
      machine_.on_bytes(now_);
      advance(250ms);
      if (!take<peer_output::CloseControl>().empty()) return true;
    }
    return false;
  };
  EXPECT_FALSE(closes_within(11s));
  EXPECT_TRUE(closes_within(5s)) << "not for ever";
}

TEST_F(PeerMachineTest, DoesNotTakeItsOwnSleepForSilence) {
  become_member();
  advance(60s);
  EXPECT_TRUE(take<peer_output::CloseControl>().empty());
  machine_.on_message(now_, wire::CoordinatorHeartbeat{13});
  EXPECT_EQ(machine_.standing(), PeerMachine::Standing::kMember);
}

TEST_F(PeerMachineTest, SendsAgainWhatMayHaveBeenLost) {
  become_member();
  wire::AbortRequest ended, open;
  ended.op.tag = 1;
  open.op.tag = 2;
  machine_.on_message(now_, wire::Roster{{{info(2, "b"), true}, {info(3, "c"), true}}});
  machine_.send(wire::LinkReport{{2}, wire::LinkState::kUp, ""});
  machine_.send(ended);
  machine_.send(open);
  wire::Verdict verdict;
  verdict.op = ended.op;
  machine_.on_message(now_, wire::OpVerdict{verdict});
  ASSERT_TRUE(machine_.request_update(now_, {{0, 5, 6}}));
  lose_and_dial();
  machine_.send(wire::LinkReport{{3}, wire::LinkState::kUp, ""});
  machine_.send(wire::OpDone{});
  machine_.take_outputs();
  machine_.on_control_connected(now_);
  machine_.on_message(now_, wire::Resumed{});
  accept(1, true);
  std::vector<std::string> names;
  for (const auto& send : take<peer_output::Send>()) {
    names.emplace_back(wire::name_of(send.message));
    if (const auto* request = std::get_if<wire::AbortRequest>(&send.message)) {
      EXPECT_EQ(request->op.tag, 2u);
    }
    if (const auto* update = std::get_if<wire::UpdateRequest>(&send.message)) {
      EXPECT_EQ(update->number, 0u);
      EXPECT_EQ(update->groups, wire::summary_of({{0, 5, 6}}));
    }
  }
  EXPECT_THAT(names, testing::ElementsAre("resume", "register", "link_report", "link_report",
                                          "update_request", "abort_request"));
}

// A blip of the connection: what one end has not heard comes, in order, and nothing else happens.
TEST_F(PeerMachineTest, ASessionGoesOnOverANewConnection) {
  become_member();
  for (uint64_t tag = 1; tag <= 3; ++tag) machine_.send(done(tag));
  machine_.on_message(now_, wire::Freeze{7, {}, "b is lost"});
  machine_.on_message(now_, wire::Roster{});
  lose_and_dial();
  machine_.send(done(4));
  EXPECT_TRUE(machine_.request_update(now_, {{0, 5, 6}}));
  machine_.take_outputs();
  machine_.on_control_connected(now_);
  const auto resume = take_sent<wire::Resume>();
  ASSERT_EQ(resume.size(), 1u);
  EXPECT_EQ(resume[0].session, config().self.session);
  EXPECT_EQ(resume[0].received, 2u) << "the first view and the freeze; rosters do not count";
  machine_.on_message(now_, wire::CoordinatorHeartbeat{1});
  machine_.on_message(now_, wire::Resumed{true, resume[0].repeats_from + 1});
  const auto outputs = machine_.take_outputs();
  std::vector<std::string> names;
  for (const PeerOutput& output : outputs) {
    ASSERT_TRUE(std::holds_alternative<peer_output::Send>(output));
    const auto& message = std::get<peer_output::Send>(output).message;
    const auto* op = std::get_if<wire::OpDone>(&message);
    names.emplace_back(op != nullptr ? std::to_string(op->op.tag) : wire::name_of(message));
  }
  EXPECT_THAT(names, testing::ElementsAre("3", "4", "update_request"));
  EXPECT_TRUE(machine_.frozen());
  EXPECT_EQ(machine_.standing(), PeerMachine::Standing::kMember);
}

// Frames of calls are lost that nobody will send again: only new attempts help.
TEST_F(PeerMachineTest, ASessionThatIsToBeginAnewIsNotResumed) {
  become_member();
  machine_.take_outputs();
  machine_.begin_session_anew(now_, "a link has begun anew");
  const auto outputs = machine_.take_outputs();
  ASSERT_EQ(outputs.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<peer_output::CloseControl>(outputs[0]));
  EXPECT_TRUE(std::holds_alternative<peer_output::DialCoordinator>(outputs[1]));
  machine_.on_control_connected(now_);
  const auto registers = take_sent<wire::Register>();
  ASSERT_EQ(registers.size(), 1u);
  EXPECT_TRUE(registers[0].rejoin.has_value());
  lose_and_dial();
  machine_.on_control_connected(now_);
  EXPECT_EQ(take_sent<wire::Register>().size(), 1u) << "nobody may have read the first one";
  machine_.begin_session_anew(now_, "another one has");
  EXPECT_TRUE(machine_.take_outputs().empty()) << "what it wants is on its way";
  accept(1, true);
  lose_and_dial();
  machine_.on_control_connected(now_);
  EXPECT_EQ(take_sent<wire::Resume>().size(), 1u) << "the next one goes on as usual";
  machine_.begin_session_anew(now_, "a link has begun anew");
  EXPECT_EQ(take<peer_output::DialCoordinator>().size(), 1u) << "not to be answered by Resumed";
  machine_.on_control_connected(now_);
  EXPECT_EQ(take_sent<wire::Register>().size(), 1u);
}

TEST_F(PeerMachineTest, ARoundThatIsOpenBringsNewAttemptsAnyway) {
  become_member();
  machine_.on_message(now_, wire::Freeze{7, {}, "b is lost"});
  machine_.take_outputs();
  machine_.begin_session_anew(now_, "a link has begun anew");
  EXPECT_TRUE(machine_.take_outputs().empty());
}

TEST_F(PeerMachineTest, HeartbeatsTellWhatNeedNotBeRepeated) {
  become_member();
  const uint64_t before = sent_so_far();
  machine_.send(done(1));
  machine_.send(done(2));
  machine_.on_message(now_, wire::CoordinatorHeartbeat{1, before + 1});
  machine_.on_message(now_, wire::OpVerdict{});
  advance(500ms);
  const auto beats = take_sent<wire::PeerHeartbeat>();
  ASSERT_EQ(beats.size(), 1u);
  EXPECT_EQ(beats[0].received, 2u) << "the first view and the verdict";
  lose_and_dial();
  machine_.on_control_connected(now_);
  EXPECT_EQ(take_sent<wire::Resume>()[0].repeats_from, before + 2);
}

TEST_F(PeerMachineTest, ACoordinatorThatHasHeardOfMoreThanWasSentIsLeft) {
  become_member();
  lose_and_dial();
  machine_.on_control_connected(now_);
  machine_.on_message(now_, wire::Resumed{true, 1000});
  EXPECT_EQ(machine_.standing(), PeerMachine::Standing::kFailed);
}

TEST_F(PeerMachineTest, RefusalsWhileRegisteringAreErrorsButASlowOneIsNot) {
  machine_.start(now_);
  machine_.on_control_connected(now_);
  machine_.on_message(now_, wire::Refused{ErrorCode::kTimeout, "no register within 10000 ms"});
  EXPECT_EQ(machine_.standing(), PeerMachine::Standing::kConnecting);
  advance(50ms);
  machine_.on_control_connected(now_);
  machine_.on_message(now_, wire::Refused{ErrorCode::kDuplicatePeer, "taken by b"});
  EXPECT_EQ(machine_.standing(), PeerMachine::Standing::kFailed);
  EXPECT_EQ(take<peer_output::Failed>()[0].error.code, ErrorCode::kDuplicatePeer);
}

// Whether the former life of this process still lives: only then it is refused for good.
TEST_F(PeerMachineTest, AnUndecidedRefusalIsComeBackTo) {
  machine_.start(now_);
  for (int tries = 0; tries < 5; ++tries) {
    machine_.on_control_connected(now_);
    machine_.on_message(now_, wire::Refused{ErrorCode::kDuplicatePeer, "taken by b", true});
    EXPECT_EQ(machine_.standing(), PeerMachine::Standing::kConnecting);
    advance(400ms);
    EXPECT_EQ(take<peer_output::DialCoordinator>().size(), tries == 0 ? 2u : 1u);
  }
  register_as(1);
  EXPECT_EQ(machine_.standing(), PeerMachine::Standing::kPending);
}

TEST_F(PeerMachineTest, WhatIsStillUndecidedWhenTheTimeHasPassedIsTheError) {
  machine_.start(now_);
  machine_.on_control_connected(now_);
  machine_.on_message(now_, wire::Refused{ErrorCode::kDuplicatePeer, "taken by b", true});
  advance(10s);
  EXPECT_EQ(machine_.standing(), PeerMachine::Standing::kFailed);
  const Error error = take<peer_output::Failed>()[0].error;
  EXPECT_EQ(error.code, ErrorCode::kDuplicatePeer);
  EXPECT_THAT(error.message, testing::HasSubstr("taken by b"));
}

TEST_F(PeerMachineTest, ACoordinatorThatHasGoneSinceIsTheError) {
  machine_.start(now_);
  machine_.on_control_connected(now_);
  machine_.on_message(now_, wire::Refused{ErrorCode::kDuplicatePeer, "taken by b", true});
  advance(400ms);
  machine_.on_control_failed(now_, "connection refused");
  advance(10s);
  const Error error = take<peer_output::Failed>()[0].error;
  EXPECT_EQ(error.code, ErrorCode::kCoordinatorUnreachable);
  EXPECT_THAT(error.message, testing::HasSubstr("connection refused"));
}

TEST_F(PeerMachineTest, TheErrorSaysWhatHasNotCome) {
  machine_.start(now_);
  machine_.on_control_waiting("the name 'x' could not be resolved so far");
  advance(10s);
  const Error error = take<peer_output::Failed>()[0].error;
  EXPECT_EQ(error.code, ErrorCode::kCoordinatorUnreachable);
  EXPECT_THAT(error.message, testing::HasSubstr("the name 'x'"));
}

TEST_F(PeerMachineTest, ARefusalForOverloadIsNotForGood) {
  for (const ErrorCode code : {ErrorCode::kSystemError, ErrorCode::kOutOfMemory,
                               ErrorCode::kTimeout, ErrorCode::kCoordinatorUnreachable}) {
    SCOPED_TRACE(error_name(code));
    machine_ = PeerMachine(config());
    become_member();
    lose_and_dial();
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(take<peer_output::DialCoordinator>().size(), 1u);
      machine_.on_control_connected(now_);
      machine_.on_message(now_, wire::Refused{code, "all places are taken"});
      EXPECT_EQ(machine_.standing(), PeerMachine::Standing::kMember);
      advance(1s);
    }
    advance(config().coordinator_timeout);
    const auto failed = take<peer_output::Failed>();
    ASSERT_EQ(failed.size(), 1u) << "its patience has an end";
    EXPECT_EQ(failed[0].error.code, ErrorCode::kCoordinatorUnreachable);
    EXPECT_NE(failed[0].error.message.find("all places are taken"), std::string::npos)
        << failed[0].error.message;
  }
}

}  // namespace
}  // namespace atoll_core::membership
