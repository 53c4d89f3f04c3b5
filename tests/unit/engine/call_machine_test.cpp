// The table of states in call_machine.h, line by line, without links, coordinator or other peers.
#include "engine/call_machine.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace atoll_core::engine {
namespace {

using State = CallMachine::Phase;
using std::chrono::milliseconds;
using std::chrono::seconds;

const Epoch kEpoch{Incarnation{1, 7}, 3};
const Epoch kNextEpoch{Incarnation{1, 7}, 4};
const OpId kOp{Generation{kEpoch}, 0, 5, 0};
const PeerId kSelf{1}, kOther{2};

// What the machine has asked for is what the test looks at.
struct Host final : CallHost {
  Host() {
    here.epoch = kEpoch;
    for (const PeerId peer : {kSelf, kOther}) {
      wire::PeerInfo member;
      member.id = peer;
      member.name = "island-" + to_string(peer);
      here.members.push_back(member);
    }
  }

  void tell(wire::ToCoordinator message) override { told.push_back(std::move(message)); }
  void send_posted(const AttemptId&, uint64_t, PeerId to, PostedNotice notice) override {
    (notice == PostedNotice::kPosted ? posted_to : asked_for_done).push_back(to);
  }
  void ask_result(const AttemptId&, uint64_t, PeerId holder) override { asked.push_back(holder); }
  void grant(PeerId from, const AttemptId&, uint64_t) override { granted.insert(from); }
  void revoke(const AttemptId& attempt) override { revoked.push_back(attempt); }
  void cannot_stay(Error why) override { lost = std::move(why); }
  void lacks_room() override { ++short_of_room; }
  void warn(std::string what) override { warnings.push_back(std::move(what)); }
  const wire::View& view() const override { return here; }
  const wire::PeerInfo& self() const override { return here.members.front(); }
  bool frozen(const OpId&) const override { return is_frozen; }
  TimePoint freeze_ends() const override { return {}; }
  bool results_full() const override { return full; }
  uint64_t ended_below(const OpId&) const override { return 0; }
  std::shared_ptr<const topology::Plan> plan_of(const Generation&,
                                                const std::vector<PeerId>&) override {
    return std::make_shared<topology::Plan>();
  }
  Stash::Entry take_stash(const AttemptId&) override { return {}; }

  template <class Message>
  size_t count() const {
    size_t found = 0;
    for (const auto& message : told) found += std::holds_alternative<Message>(message);
    return found;
  }

  wire::View here;
  bool is_frozen = false;
  bool full = false;
  std::vector<wire::ToCoordinator> told;
  std::vector<PeerId> posted_to, asked, asked_for_done;
  std::set<PeerId> granted;
  std::vector<AttemptId> revoked;
  std::vector<std::string> warnings;
  std::optional<Error> lost;
  int short_of_room = 0;
};

// Is complete with the first chunk that comes.
struct Body final : CallBody {
  explicit Body(bool is_small) : small_(is_small) {}
  void begin(AttemptContext) override { complete_ = false, ++begun; }
  void abandon() override { ++abandoned; }
  Result<link::Placement> place(PeerId, const wire::FrameHeader&) override {
    return link::Placement{};
  }
  Result<void> deliver(PeerId, const wire::FrameHeader&, const link::Payload&) override {
    complete_ = true;
    return {};
  }
  void on_plan(const wire::SyncPlan&) override {}
  bool complete() const override { return complete_; }
  bool small() const override { return small_; }
  const Error* failure() const override { return nullptr; }
  wire::ToCoordinator done_message() const override { return wire::OpDone{kOp, kEpoch, {}}; }
  std::vector<PeerId> senders() const override { return {kOther}; }
  uint64_t progress() const override { return 0; }
  Traffic traffic() const override { return {}; }
  Result<CallInfo> commit(const std::vector<PeerId>&, uint32_t) override {
    return CallInfo{CollectiveInfo{}};
  }
  std::shared_ptr<const ByteBuffer> result() const override {
    return small_ ? std::make_shared<ByteBuffer>(4) : nullptr;
  }
  Result<void> take_result(ByteSpan, bool, const std::vector<PeerId>&) override {
    complete_ = true;
    return {};
  }

  const bool small_;
  bool complete_ = false;
  int begun = 0, abandoned = 0;
};

class Life : public ::testing::Test {
 protected:
  CallMachine& make(bool small) {
    NewCall call;
    call.place.members = {kSelf, kOther};
    auto body = std::make_unique<Body>(small);
    body_ = body.get();
    call.body = std::move(body);
    return call_.emplace(std::move(call), kOp, context_, host_);
  }
  CallMachine& moving(bool small) {
    CallMachine& call = make(small);
    call.begin();
    EXPECT_EQ(call.phase(), State::kMoving);
    return call;
  }
  CallMachine& complete(bool small) {
    CallMachine& call = moving(small);
    data(call);
    return call;
  }
  CallMachine& fetching() {
    CallMachine& call = moving(true);
    call.on_verdict(commit());
    EXPECT_EQ(call.phase(), State::kFetching);
    return call;
  }
  void data(CallMachine& call) {
    wire::FrameHeader header;
    header.kind = wire::FrameKind::kData;
    header.fingerprint = call.fingerprint();
    EXPECT_TRUE(call.deliver(kOther, header, {}).has_value());
  }
  static void result(CallMachine& call, wire::FrameKind kind) {
    wire::FrameHeader header;
    header.kind = kind;
    header.attempt = {kOp, kEpoch};
    call.hear_result(kOther, header, {});
  }
  static wire::Verdict commit(const Epoch& epoch = kEpoch) {
    return {kOp, epoch, true, true, {}, "", {kSelf, kOther}, {kOther}, 0};
  }
  static wire::Verdict abort(bool final) {
    return {kOp, kEpoch, false, final, ErrorCode::kPeerLost, "lost", {}, {}, 0};
  }

  Context context_{EngineConfig{}, TimePoint{} + seconds(100), {}};
  Host host_;
  Body* body_ = nullptr;
  std::optional<CallMachine> call_;
};

// It was called while a round was open, and then its caller went into atollUpdate. The others have
// begun in the view in which they had called; a new view that the update brings is none of theirs.
TEST_F(Life, AnUpdateDoesNotChangeTheEpochInWhichACallBegins) {
  CallMachine& call = make(true);
  host_.here.epoch = kNextEpoch;
  EXPECT_EQ(call.freeze(seconds(1), false).epoch, kEpoch);
  call.begin();
  EXPECT_EQ(call.attempt().epoch, kEpoch);
}

TEST_F(Life, ASettleRoundDoes) {
  CallMachine& call = make(true);
  host_.here.epoch = kNextEpoch;
  call.begin_in(kNextEpoch);
  call.begin();
  EXPECT_EQ(call.attempt().epoch, kNextEpoch);
}

// The verdict is about an attempt of others, which this peer has not begun.
TEST_F(Life, ACallThatIsToBeginAnewBeginsInTheEpochOfTheRound) {
  CallMachine& call = make(true);
  host_.here.epoch = kNextEpoch;
  call.on_verdict(abort(false));
  call.begin();
  EXPECT_EQ(call.attempt().epoch, kNextEpoch);
}

TEST_F(Life, ASmallCallEndsWhenAllIsHere) {
  CallMachine& call = complete(true);
  ASSERT_TRUE(call.ended());
  EXPECT_TRUE(host_.told.empty());
  const CallMachine::Ending ending = call.take_ending();
  EXPECT_TRUE(ending.result.has_value());
  ASSERT_TRUE(ending.record.has_value());
  EXPECT_TRUE(ending.record->committed);
  EXPECT_NE(ending.record->result, nullptr);
}

TEST_F(Life, ASmallCallWithoutRoomEndsByTheVerdictAndItsResultIsNotKept) {
  host_.full = true;
  CallMachine& call = complete(true);
  EXPECT_EQ(call.phase(), State::kComplete);
  EXPECT_EQ(host_.short_of_room, 1);
  call.on_room();  // there is none
  EXPECT_EQ(host_.count<wire::OpDone>(), 1u);
  EXPECT_EQ(host_.asked_for_done, std::vector<PeerId>{kOther});
  wire::Verdict all_are_done = commit();
  all_are_done.holders.clear();
  call.on_verdict(all_are_done);
  ASSERT_TRUE(call.ended());
  EXPECT_FALSE(host_.revoked.empty());
  const CallMachine::Ending ending = call.take_ending();
  EXPECT_TRUE(ending.record->committed);
  EXPECT_EQ(ending.record->result, nullptr);
}

TEST_F(Life, ASmallCallThatASettleRoundCommitsKeepsItsResultForThoseThatLackIt) {
  host_.full = true;
  CallMachine& call = complete(true);
  call.on_verdict(commit());
  ASSERT_TRUE(call.ended());
  EXPECT_NE(call.take_ending().record->result, nullptr);
}

TEST_F(Life, ASmallCallEndsWhenThereIsRoomAfterAll) {
  host_.full = true;
  CallMachine& call = complete(true);
  host_.full = false;
  host_.is_frozen = true;
  call.on_room();
  EXPECT_EQ(call.phase(), State::kComplete);
  host_.is_frozen = false;
  call.thaw(false);
  ASSERT_TRUE(call.ended());
  EXPECT_NE(call.take_ending().record->result, nullptr);
}

TEST_F(Life, WhereAnotherHasNoRoomItTellsThatItIsDoneAndEnds) {
  CallMachine& call = moving(true);
  call.hear_done_wanted();
  EXPECT_EQ(host_.count<wire::OpDone>(), 0u);
  data(call);
  EXPECT_TRUE(call.ended());
  EXPECT_EQ(host_.count<wire::OpDone>(), 1u);
}

TEST_F(Life, AFetchedResultNeedsNoRoom) {
  host_.full = true;
  CallMachine& call = fetching();
  result(call, wire::FrameKind::kResultData);
  ASSERT_TRUE(call.ended());
  EXPECT_NE(call.take_ending().record->result, nullptr);
  EXPECT_EQ(host_.count<wire::OpDone>(), 0u);
}

TEST_F(Life, ALargeCallTellsOnceThatItIsDoneAndEndsByTheVerdict) {
  CallMachine& call = complete(false);
  call.on_room();
  EXPECT_EQ(call.phase(), State::kComplete);
  EXPECT_EQ(host_.count<wire::OpDone>(), 1u);
  call.on_verdict(commit());
  ASSERT_TRUE(call.ended());
  EXPECT_EQ(call.take_ending().record->result, nullptr);
}

TEST_F(Life, WhileFrozenNobodyHearsThatItIsDone) {
  host_.is_frozen = true;
  CallMachine& call = complete(false);
  EXPECT_EQ(call.phase(), State::kComplete);
  EXPECT_EQ(host_.count<wire::OpDone>(), 0u);
  host_.is_frozen = false;
  call.thaw(false);
  EXPECT_EQ(host_.count<wire::OpDone>(), 1u);
}

TEST_F(Life, WhatOthersHaveCommittedIsFetched) {
  CallMachine& call = fetching();
  EXPECT_EQ(host_.asked, std::vector<PeerId>{kOther});
  EXPECT_EQ(body_->abandoned, 1);
  call.on_verdict(commit(kNextEpoch));  // its holders may be others now
  EXPECT_EQ(call.phase(), State::kFetching);
  EXPECT_EQ(host_.asked.size(), 2u);
}

TEST_F(Life, AFetchedResultEndsASmallCall) {
  CallMachine& call = fetching();
  result(call, wire::FrameKind::kResultData);
  EXPECT_TRUE(call.ended());
}

TEST_F(Life, WhereNobodyHasTheResultTheEndIsAskedFor) {
  CallMachine& call = fetching();
  result(call, wire::FrameKind::kResultRefused);
  EXPECT_EQ(call.phase(), State::kFetching);
  EXPECT_EQ(host_.count<wire::AbortRequest>(), 1u);
}

TEST_F(Life, ACommitOfAnotherAttemptIsFetchedThoughThisOneIsComplete) {
  CallMachine& call = complete(false);
  call.on_verdict(commit(kNextEpoch));
  EXPECT_EQ(call.phase(), State::kFetching);
}

TEST_F(Life, AnAbortToBeTriedAgainLeadsBackFromEveryState) {
  for (const auto& enter : std::vector<std::function<CallMachine&()>>{
           [this]() -> CallMachine& { return moving(false); },
           [this]() -> CallMachine& { return complete(false); },
           [this]() -> CallMachine& { return fetching(); }}) {
    CallMachine& call = enter();
    host_.revoked.clear();
    call.on_verdict(abort(false));
    EXPECT_EQ(call.phase(), State::kWaiting);
    EXPECT_FALSE(host_.revoked.empty());
    host_.here.epoch = kNextEpoch;
    call.begin();
    EXPECT_EQ(call.phase(), State::kMoving);
    EXPECT_EQ(body_->begun, 2);
    host_.here.epoch = kEpoch;
  }
}

TEST_F(Life, AFinalAbortEndsItFromEveryState) {
  for (const auto& enter : std::vector<std::function<CallMachine&()>>{
           [this]() -> CallMachine& { return make(false); },
           [this]() -> CallMachine& { return moving(false); },
           [this]() -> CallMachine& { return complete(false); },
           [this]() -> CallMachine& { return fetching(); }}) {
    CallMachine& call = enter();
    call.on_verdict(abort(true));
    ASSERT_TRUE(call.ended());
    EXPECT_EQ(call.take_ending().result.error().code, ErrorCode::kPeerLost);
  }
}

TEST_F(Life, AFailedPeerKeepsNothing) {
  CallMachine& call = complete(false);
  call.fail({ErrorCode::kNotConnected, "left"});
  ASSERT_TRUE(call.ended());
  EXPECT_FALSE(call.take_ending().record.has_value());
}

TEST_F(Life, ItPostsLateTellsOfAStallAndGivesUpInThisOrder) {
  CallMachine& call = moving(false);
  EXPECT_EQ(host_.posted_to, std::vector<PeerId>{kOther});
  EXPECT_EQ(call.next_deadline(), context_.now + seconds(1));
  context_.now += seconds(1);
  EXPECT_FALSE(call.tick().has_value());
  EXPECT_EQ(host_.count<wire::OpWaiting>(), 1u);
  context_.now += context_.config.arrival_timeout;
  EXPECT_FALSE(call.tick().has_value());
  EXPECT_EQ(host_.count<wire::AbortRequest>(), 1u);
  context_.now += context_.config.outcome_grace;
  const std::optional<Error> lost = call.tick();
  ASSERT_TRUE(lost.has_value());
  EXPECT_EQ(lost->code, ErrorCode::kOutcomeUnknown);
}

}  // namespace
}  // namespace atoll_core::engine
