// A coordinator machine that was started again, or meets peers of other runs and of other lives of
// the coordinator: what it begins, goes on with and refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "membership/common/reconnect_times.h"
#include "membership/coordinator/coordinator_machine.h"
#include "unit/membership/test_peers.h"

namespace atoll_core::membership {
namespace {

using namespace std::chrono_literals;  // NOLINT: durations
using testing::ElementsAre;
using testing::Gt;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

constexpr InstanceId kOther{6, 6};

class WhoDrives : public testing::Test {
 protected:
  WhoDrives() { start(waiting()); }

  static StartFacts waiting() {
    StartFacts facts;
    facts.delay = kFormerMembersMayCome;
    return facts;
  }

  void start(const StartFacts& facts, uint32_t counter = 1) {
    config_.start = facts;
    machine_ = std::make_unique<CoordinatorMachine>(config_, Incarnation{counter, 42});
    machine_->tick(now_);
    absorb();
  }

  // What the machine says to each connection since the last clear().
  void absorb() {
    for (auto& item : machine_->take_output().items) {
      if (auto* send = std::get_if<CoordinatorOutput::Send>(&item)) {
        said_[send->connection.value].push_back(send->message);
      } else if (auto* event = std::get_if<CoordinatorOutput::Event>(&item)) {
        events_.push_back(event->text);
      } else if (auto* drives = std::get_if<CoordinatorOutput::Drives>(&item)) {
        stepped_down_ = drives->not_because;
      }
    }
  }

  template <class Message>
  const Message* heard(uint64_t connection) {
    for (const wire::ToPeer& message : said_[connection]) {
      if (const auto* typed = std::get_if<Message>(&message)) return typed;
    }
    return nullptr;
  }

  // The peer's id serves as its connection, too. What is no message is found when it is decoded.
  void say(uint64_t peer, const wire::ToCoordinator& message) {
    Result<wire::ToCoordinator> heard = wire::decode_to_coordinator(wire::encode(message));
    if (heard) machine_->on_message(now_, {peer}, std::move(*heard));
    else machine_->on_garbage(now_, {peer}, heard.error());
    absorb();
  }

  void come(uint64_t peer, wire::Register hello) {
    machine_->on_connected(now_, {peer}, "somewhere");
    say(peer, std::move(hello));
  }

  static wire::Register newcomer(uint64_t peer, wire::RunMemory memory = {}) {
    wire::Register hello;
    hello.peer = info(peer, std::string(1, static_cast<char>('a' + peer - 1)));
    hello.memory = std::move(memory);
    return hello;
  }

  static wire::Register claimant(uint64_t peer, const wire::View& view,
                                 wire::RunHistory history = {}) {
    wire::Register hello = newcomer(peer, {view.instance, history, {}});
    hello.rejoin = wire::Rejoin{};
    hello.rejoin->incarnation = view.epoch.incarnation;
    hello.rejoin->view = view;
    return hello;
  }

  static wire::View view_of(std::vector<uint64_t> peers, InstanceId instance = kInstance,
                            Incarnation life = {1, 42}) {
    std::vector<wire::PeerInfo> members;
    for (const uint64_t peer : peers) members.push_back(newcomer(peer).peer);
    wire::View view = first_view(1, members);
    view.instance = instance;
    view.epoch.incarnation = view.generation.first.incarnation = life;
    return view;
  }

  void pass(Duration time) {
    // Everybody who is connected says that it lives.
    for (const Duration end = now_.time_since_epoch() + time; now_.time_since_epoch() < end;) {
      now_ += std::min<Duration>(500ms, end - now_.time_since_epoch());
      for (const auto& peer : machine_->status().peers) {
        machine_->on_message(now_, {connection_of(peer.info)}, wire::PeerHeartbeat{0});
      }
      machine_->tick(now_);
      absorb();
    }
  }

  static uint64_t connection_of(const wire::PeerInfo& peer) { return peer.session.low; }

  std::vector<std::string> members() {
    std::vector<std::string> names;
    for (const auto& peer : machine_->status().peers) {
      if (peer.standing != "pending") names.push_back(peer.info.name + ":" + peer.standing);
    }
    return names;
  }

  bool told(const std::string& part) {
    return std::any_of(events_.begin(), events_.end(), [&](const std::string& event) {
      return event.find(part) != std::string::npos;
    });
  }

  void expect_refused(uint64_t connection, ErrorCode code, const std::string& part) {
    const auto* refused = heard<wire::Refused>(connection);
    ASSERT_NE(refused, nullptr) << "connection " << connection;
    EXPECT_EQ(refused->code, code) << refused->reason;
    EXPECT_THAT(refused->reason, HasSubstr(part));
  }

  TimePoint now_{100s};
  CoordinatorConfig config_;
  std::unique_ptr<CoordinatorMachine> machine_;
  std::map<uint64_t, std::vector<wire::ToPeer>> said_;
  std::vector<std::string> events_;
  std::string stepped_down_;
};

TEST_F(WhoDrives, ANewcomerWaitsForMembersThatDialWithAllTheirPatience) {
  EXPECT_TRUE(told("waits 6400 ms for members of a former run"));
  come(1, newcomer(1));
  say(1, wire::UpdateRequest{});
  pass(6s);
  EXPECT_EQ(heard<wire::Updated>(1), nullptr) << "a member may still come";
  EXPECT_TRUE(told("may come for 6400 ms more: a waits"));
  come(2, claimant(2, view_of({2, 3})));
  come(3, claimant(3, view_of({2, 3})));
  EXPECT_THAT(members(), ElementsAre("b:member", "c:member"));
  EXPECT_EQ(machine_->status().instance, kInstance);
  expect_refused(1, ErrorCode::kCoordinatorUnreachable, "register again");
}

TEST_F(WhoDrives, WithoutAnyItBeginsAfterThat) {
  come(1, newcomer(1));
  say(1, wire::UpdateRequest{});
  pass(kFormerMembersMayCome);
  ASSERT_NE(heard<wire::Updated>(1), nullptr);
  EXPECT_TRUE(machine_->status().instance);
  come(2, claimant(2, view_of({2, 3}), {1000, 7, 4000}));
  expect_refused(2, ErrorCode::kOtherInstance, "1000 state syncs, the last of revision 4000");
  EXPECT_EQ(machine_->status().steps_down, 0u);
  EXPECT_THAT(members(), ElementsAre("a:member"));
}

TEST_F(WhoDrives, AMemberThatComesAfterTheOthersIsNotDropped) {
  come(1, claimant(1, view_of({1, 2})));
  pass(config_.rejoin_window + 3s);
  EXPECT_THAT(members(), ElementsAre("a:member", "b:suspect"));
  EXPECT_NE(heard<wire::Probe>(1), nullptr);
  come(2, claimant(2, view_of({1, 2})));
  ASSERT_NE(heard<wire::Registered>(2), nullptr);
  EXPECT_TRUE(heard<wire::Registered>(2)->member);
  EXPECT_THAT(members(), ElementsAre("a:member", "b:member"));
}

// Else two halves of a run that change places at the same time would never meet.
TEST_F(WhoDrives, AHalfIsSentAwayLaterByALaterCoordinator) {
  for (const uint32_t address : {0u, 1u}) {
    wire::Register half = claimant(2, view_of({1, 2}));
    half.coordinators = 2;
    half.address = address;
    said_[2].clear();
    come(2, half);
    pass(config_.rejoin_window * (1 + address) - 1ms);
    EXPECT_EQ(heard<wire::Refused>(2), nullptr) << "address " << address;
    pass(1ms);
    expect_refused(2, ErrorCode::kCoordinatorUnreachable, "replicas");
  }
}

// rejoin_windows_test has the reason.
TEST_F(WhoDrives, OneOfManyCoordinatorsWaitsSometimesForAsManyWindowsAsThereAreCoordinators) {
  std::map<int64_t, int> waits;
  for (int i = 0; i < 40; ++i) {
    wire::Register half = claimant(2, view_of({1, 2}));
    half.coordinators = 5;
    half.address = 3;
    said_[2].clear();
    come(2, half);
    int64_t windows = 0;
    while (heard<wire::Refused>(2) == nullptr && ++windows < 10) pass(config_.rejoin_window);
    ++waits[windows];
    pass(1ms);
  }
  EXPECT_THAT(waits, ElementsAre(Pair(1, Gt(20)), Pair(5, Gt(2))));
}

// The others wait in an update that it has been through: their answer was lost.
TEST_F(WhoDrives, AMemberThatComesLateTellsWhatTheOthersHaveNotHeard) {
  const wire::View view = view_of({1, 2});
  come(1, claimant(1, view, {3, 4, 30}));
  pass(config_.rejoin_window);
  wire::Register late = claimant(2, view, {4, 5, 40});
  late.rejoin->updates = 1;
  late.rejoin->gap = false;
  come(2, late);
  EXPECT_EQ(machine_->status().history, (wire::RunHistory{4, 5, 40}));
  const auto* freeze = heard<wire::Freeze>(1);
  ASSERT_NE(freeze, nullptr);
  for (const uint64_t peer : {1, 2}) {
    uint64_t round = 0;
    for (const wire::ToPeer& message : said_[peer]) {
      if (const auto* typed = std::get_if<wire::Freeze>(&message)) round = typed->round;
    }
    say(peer, wire::SettleReport{round, {}});
  }
  ASSERT_NE(heard<wire::Settled>(2), nullptr);
  wire::UpdateRequest request;
  request.epoch = machine_->status().epoch;
  request.number = 0;
  say(1, request);
  EXPECT_NE(heard<wire::Updated>(1), nullptr) << "it is told at once how that update ended";
}

// It was in another life that has counted like the one that goes on, and has committed more there.
TEST_F(WhoDrives, AMemberThatComesLateFromAnotherLifeIsNotMixedIn) {
  const wire::View here = view_of({1, 2}, kInstance, {2, 50});
  const wire::View there = view_of({1, 2}, kInstance, {2, 7});
  come(1, claimant(1, here, {3, 4, 30}));
  pass(config_.rejoin_window);
  come(2, claimant(2, there, {9, 9, 90}));
  EXPECT_EQ(machine_->status().steps_down, 1u) << "its life goes on";
  come(1, claimant(1, here, {3, 4, 30}));
  come(2, claimant(2, there, {9, 9, 90}));
  pass(config_.rejoin_window);
  EXPECT_EQ(machine_->status().history.syncs, 9u);
  EXPECT_THAT(members(), ElementsAre("b:member")) << "what a was told in the other life is void";
}

TEST_F(WhoDrives, GoesOnFromHundredsOfClaims) {
  constexpr uint64_t kPeers = 500;
  std::vector<wire::PeerInfo> all;
  for (uint64_t peer = 1; peer <= kPeers; ++peer) all.push_back(info(peer, std::to_string(peer)));
  wire::View view = first_view(1, all);
  for (uint64_t peer = 1; peer <= kPeers; ++peer) {
    wire::Register hello = claimant(1, view, {peer, 0, 0});
    hello.peer = all[peer - 1];
    machine_->on_connected(now_, {peer}, "somewhere");
    machine_->on_message(now_, {peer}, std::move(hello));
    if (peer % 20 == 0) absorb();
  }
  EXPECT_EQ(members().size(), kPeers);
  EXPECT_EQ(machine_->status().history.syncs, kPeers);
}

// Only b has heard that c was admitted, and a that d was lost before.
TEST_F(WhoDrives, AMemberThatComesLateMayHaveHeardOfALaterView) {
  wire::View before = view_of({1, 2, 4});
  wire::View after = view_of({1, 2, 3});
  after.epoch.number = after.generation.first.number = 7;
  come(1, claimant(1, before));
  pass(config_.rejoin_window);
  EXPECT_THAT(members(), ElementsAre("a:member", "b:suspect", "d:suspect"));
  come(2, claimant(2, after));
  EXPECT_THAT(members(), ElementsAre("a:member", "b:member", "c:suspect"));
  EXPECT_EQ(machine_->status().epoch.number, 7u);
  come(4, claimant(4, before));
  expect_refused(4, ErrorCode::kEvicted, "b has heard of epoch 1.7");
  come(3, newcomer(3));
  EXPECT_THAT(members(), ElementsAre("a:member", "b:member", "c:member"));
}

TEST_F(WhoDrives, ClaimsOfTwoInstancesAreNotMixed) {
  come(1, claimant(1, view_of({1, 2, 3})));
  come(7, claimant(7, view_of({7, 8, 9}, kOther), {5000, 0, 9}));
  come(2, claimant(2, view_of({1, 2, 3})));
  come(3, claimant(3, view_of({1, 2, 3})));
  EXPECT_THAT(members(), ElementsAre("a:member", "b:member", "c:member"));
  expect_refused(7, ErrorCode::kOtherInstance, to_string(kOther));
  come(8, claimant(8, view_of({7, 8, 9}, kOther)));
  expect_refused(8, ErrorCode::kOtherInstance, "--instance " + to_string(kOther));
}

TEST_F(WhoDrives, OneWhoStayedBehindDoesNotTakeTheRunOfOthers) {
  StartFacts facts = waiting();
  facts.instance = kInstance;  // by the state folder
  start(facts, 4);
  come(7, claimant(7, view_of({7}, kOther), {5000, 0, 9}));
  pass(2s);
  EXPECT_THAT(members(), IsEmpty()) << "all of its view are here, but it is of another instance";
  come(1, claimant(1, view_of({1, 2})));
  come(2, claimant(2, view_of({1, 2})));
  EXPECT_THAT(members(), ElementsAre("a:member", "b:member"));
  expect_refused(7, ErrorCode::kOtherInstance, to_string(kInstance));
}

TEST_F(WhoDrives, ANewRunTakesNoClaimAndDoesNotStepDown) {
  StartFacts facts;
  facts.no_former_run = true;
  start(facts);
  come(7, claimant(7, view_of({7, 8}, kOther, {9, 99})));
  expect_refused(7, ErrorCode::kOtherInstance, "for a new run");
  come(1, newcomer(1));
  say(1, wire::UpdateRequest{});
  EXPECT_NE(heard<wire::Updated>(1), nullptr);
  come(8, claimant(8, view_of({7, 8}, kOther, {9, 99})));
  expect_refused(8, ErrorCode::kOtherInstance, to_string(machine_->status().instance));
  EXPECT_THAT(members(), ElementsAre("a:member"));
  EXPECT_EQ(stepped_down_, "");
}

TEST_F(WhoDrives, OfTwoLivesThatCountedAlikeTheGreaterHistoryGoesOn) {
  for (const uint32_t nonce : {7u, 77u}) {
    start(waiting());
    said_.clear();
    const wire::View more = view_of({1, 2}, kInstance, {2, 50});
    wire::View less = view_of({1, 2, 3}, kInstance, {2, nonce});
    less.epoch.number = 40;  // counted by another life: it says nothing
    come(3, claimant(3, less, {9, 90, 0}));
    come(2, claimant(2, less, {9, 90, 0}));
    come(1, claimant(1, more, {10, 0, 0}));
    pass(config_.rejoin_window);
    EXPECT_EQ(machine_->status().incarnation.counter, 3u);
    EXPECT_THAT(members(), ElementsAre("a:member")) << "what b was told in the other life is void";
    expect_refused(3, ErrorCode::kEvicted, "without it");
    expect_refused(2, ErrorCode::kEvicted, "without it");
  }
}

TEST_F(WhoDrives, ItYieldsToWhatHasCommittedMoreAndToNothingElse) {
  for (const uint32_t nonce : {7u, 77u}) {
    start({});
    said_.clear();
    come(1, newcomer(1));
    say(1, wire::UpdateRequest{});
    const InstanceId instance = machine_->status().instance;
    const wire::View other = view_of({8, 9}, instance, {1, nonce});
    come(8, claimant(8, other, {0, 0, 0}));
    expect_refused(8, ErrorCode::kEvicted, "the run goes on here without it");
    EXPECT_EQ(machine_->status().steps_down, 0u);
    come(9, claimant(9, other, {1, 0, 0}));
    EXPECT_EQ(machine_->status().steps_down, 1u);
    EXPECT_THAT(stepped_down_, HasSubstr("1 state sync"));
    expect_refused(9, ErrorCode::kCoordinatorUnreachable, "incarnation 1~");
  }
}

TEST_F(WhoDrives, WhoHasLostAllMembersGoesOnInTheSameInstance) {
  start({});
  come(1, newcomer(1));
  say(1, wire::UpdateRequest{});
  const InstanceId first = machine_->status().instance;
  now_ += 1s;
  machine_->on_disconnected(now_, {1}, "reset");
  for (int step = 0; step < 20; ++step) machine_->tick(now_ += 500ms);
  absorb();
  EXPECT_THAT(members(), IsEmpty());
  come(2, newcomer(2));
  say(2, wire::UpdateRequest{});
  EXPECT_EQ(machine_->status().instance, first) << "a may come back with what it holds";
  EXPECT_THAT(members(), ElementsAre("b:member"));
  say(2, wire::Leave{"done"});
  come(3, newcomer(3));
  say(3, wire::UpdateRequest{});
  EXPECT_NE(machine_->status().instance, first) << "the last one has left: the run was over";
}

// One shard leaves: the other one has lost its membership, and holds its half of the model.
TEST_F(WhoDrives, AReplicaThatIsLeftByOneOfItsShardsMayComeBack) {
  start({});
  const auto shard = [](uint64_t peer, uint32_t index) {
    wire::Register hello = newcomer(peer);
    hello.peer.replica = "r";
    hello.peer.shard = index;
    hello.peer.shard_count = 2;
    return hello;
  };
  come(1, shard(1, 0));
  come(2, shard(2, 1));
  const uint64_t base = uint64_t{1} << 32;
  say(1, wire::LinkReport{{base | 2}, wire::LinkState::kUp, "", 0});
  say(2, wire::LinkReport{{base | 1}, wire::LinkState::kUp, "", 0});
  say(1, wire::UpdateRequest{});
  say(2, wire::UpdateRequest{});
  const InstanceId first = machine_->status().instance;
  ASSERT_TRUE(first);
  say(1, wire::Leave{"done"});
  ASSERT_NE(heard<wire::Evicted>(2), nullptr);
  come(3, newcomer(3));
  say(3, wire::UpdateRequest{});
  EXPECT_EQ(machine_->status().instance, first);
}

// It went on with a run, which it lost before it could have begun one of its own.
TEST_F(WhoDrives, ItBeginsWhenTheRunThatItFoundIsLostAtOnce) {
  come(1, claimant(1, view_of({1})));
  EXPECT_THAT(members(), IsEmpty()) << "one alone may be left over from another day";
  pass(config_.rejoin_window);
  EXPECT_THAT(members(), ElementsAre("a:member"));
  machine_->on_disconnected(now_, {1}, "reset");
  absorb();
  for (int step = 0; step < 4; ++step) {
    machine_->tick(now_ += 300ms);
    absorb();
  }
  come(2, newcomer(2));
  say(2, wire::UpdateRequest{});
  pass(10s);
  EXPECT_NE(heard<wire::Updated>(2), nullptr);
}

TEST_F(WhoDrives, ThoseWhoLostTheirMembershipTellOfWhichInstanceTheRunIs) {
  start({});
  come(1, newcomer(1, {kInstance, {9, 8, 900}, {}}));
  come(2, newcomer(2));
  come(7, newcomer(7, {kOther, {}, {}}));
  come(3, newcomer(3, {kInstance, {7, 7, 700}, {}}));
  say(2, wire::UpdateRequest{});
  EXPECT_EQ(machine_->status().instance, kInstance);
  EXPECT_EQ(machine_->status().history.syncs, 9u);
  expect_refused(7, ErrorCode::kOtherInstance, to_string(kInstance));
  EXPECT_EQ(heard<wire::Refused>(1), nullptr);
}

// The members of life 3 have lost their membership while nobody drove; one of them slept.
TEST_F(WhoDrives, WhatGoesOnByMemoryIsLaterThanWhatIsRemembered) {
  start({});
  come(9, newcomer(9));
  ASSERT_NE(heard<wire::Registered>(9), nullptr);
  wire::RunMemory memory{kInstance, {9, 8, 900}, {}, {3, 50}};
  come(1, newcomer(1, memory));
  expect_refused(9, ErrorCode::kCoordinatorUnreachable, "register again");
  ASSERT_NE(heard<wire::Registered>(1), nullptr);
  EXPECT_EQ(heard<wire::Registered>(1)->incarnation.counter, 4u);
  EXPECT_EQ(heard<wire::Registered>(1)->peer.value >> 32, 4u) << "no id is given twice";
  come(2, newcomer(2, memory));
  EXPECT_EQ(heard<wire::Refused>(1), nullptr) << "one reconnection is enough";
  say(1, wire::UpdateRequest{});
  ASSERT_EQ(machine_->status().epoch.incarnation.counter, 4u);
  wire::View slept_over = view_of({3, 4}, kInstance, {3, 50});
  come(3, claimant(3, slept_over, {9, 8, 900}));
  expect_refused(3, ErrorCode::kEvicted, "");
  EXPECT_EQ(stepped_down_, "");
  EXPECT_THAT(members(), ElementsAre("a:member"));
}

TEST_F(WhoDrives, AViewThatNamesSomebodyTwiceIsRefused) {
  wire::View view = view_of({1, 2});
  view.members[1] = view.members[0];
  come(1, claimant(1, view));
  expect_refused(1, ErrorCode::kInvalidArgument, "twice");
  come(2, claimant(2, view_of({1, 3})));
  expect_refused(2, ErrorCode::kInvalidArgument, "not in");
}

// Both could be in the first view, but not in the same one.
TEST_F(WhoDrives, NewcomersOfTwoInstancesDoNotBeginARunTogether) {
  config_.min_replicas = 2;
  start({});
  const auto ready = [this](uint64_t peer, wire::RunMemory memory) {
    come(peer, newcomer(peer, std::move(memory)));
    for (uint64_t other = 1; other < peer; ++other) {
      const uint64_t base = uint64_t{1} << 32;
      say(peer, wire::LinkReport{{base | other}, wire::LinkState::kUp, "", 0});
      say(other, wire::LinkReport{{base | peer}, wire::LinkState::kUp, "", 0});
    }
    say(peer, wire::UpdateRequest{});
  };
  ready(1, {kInstance, {9, 0, 0}, {}});
  ready(2, {kOther, {5, 0, 0}, {}});
  EXPECT_THAT(members(), IsEmpty()) << "a run of two needs one more";
  ready(3, {});
  EXPECT_THAT(members(), ElementsAre("a:member", "c:member"));
  EXPECT_EQ(machine_->status().instance, kInstance);
  expect_refused(2, ErrorCode::kOtherInstance, to_string(kInstance));
}

TEST_F(WhoDrives, WellFormedLiesHarmNobody) {
  wire::View view = view_of({1, 2}, kInstance, {1, 42});
  view.members[0].id = view.slots[0] = {(uint64_t{2} << 32) | 1};  // as the next newcomer's
  come(1, claimant(1, view));
  pass(config_.rejoin_window);
  EXPECT_THAT(members(), ElementsAre("b:suspect", "a:member"));
  come(9, newcomer(9));
  ASSERT_NE(heard<wire::Registered>(9), nullptr);
  EXPECT_EQ(heard<wire::Registered>(9)->peer, (PeerId{(uint64_t{2} << 32) | 2}));
  wire::Register other_id = claimant(2, view_of({1, 2}));
  other_id.rejoin->view.epoch.number = 9;
  other_id.rejoin->view.members[0].id = other_id.rejoin->view.slots[0] = {77};
  machine_->on_disconnected(now_, {2}, "reset");
  come(2, other_id);
  EXPECT_THAT(members(), ElementsAre("b:member", "a:member")) << "its later view fits nothing here";
}

TEST_F(WhoDrives, TheStatusSaysWhatIsWaitedFor) {
  come(9, newcomer(9));
  come(1, claimant(1, view_of({1, 2, 3})));
  machine_->on_connected(now_, {50}, "an operator");
  say(50, wire::StatusRequest{});
  const auto* status = heard<wire::Status>(50);
  ASSERT_NE(status, nullptr);
  EXPECT_FALSE(status->instance);
  EXPECT_THAT(status->waits,
              ElementsAre(HasSubstr("1 of the 3 members of epoch 1.1 of instance " +
                                    to_string(kInstance)),
                          HasSubstr("may come for 6400 ms more"),
                          HasSubstr("waits for i to call atollUpdate"),
                          HasSubstr("a run starts with 1 replicas")));
}

}  // namespace
}  // namespace atoll_core::membership
