// What the golden traces do not show: the edges of the coordinator machine's own interface.
#include "membership/coordinator/coordinator_machine.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "membership/common/reconnect_times.h"
#include "unit/membership/test_peers.h"

namespace atoll_core::membership {
namespace {

using namespace std::chrono_literals;  // NOLINT: durations

class CoordinatorMachineTest : public testing::Test {
 protected:
  CoordinatorMachineTest() : machine_({}, {1, 42}) {}

  void connect(uint64_t connection, const wire::PeerInfo& peer) {
    machine_.on_connected(now_, {connection}, "somewhere");
    wire::Register hello;
    hello.peer = peer;
    machine_.on_message(now_, {connection}, hello);
  }

  // The messages of one type since the last call.
  template <class Message>
  std::vector<Message> take_sent() {
    std::vector<Message> found;
    for (auto& item : machine_.take_output().items) {
      auto* send = std::get_if<CoordinatorOutput::Send>(&item);
      if (send == nullptr) continue;
      if (auto* typed = std::get_if<Message>(&send->message)) found.push_back(std::move(*typed));
    }
    return found;
  }

  TimePoint now_{1s};
  CoordinatorMachine machine_;
};

TEST_F(CoordinatorMachineTest, KnowsNoConnectionItWasNotTold) {
  machine_.on_message(now_, {7}, wire::PeerHeartbeat{1});
  machine_.on_garbage(now_, {7}, {ErrorCode::kInvalidArgument, "?"});
  machine_.on_disconnected(now_, {7}, "reset");
  machine_.tick(now_ + 1h);
  for (const CoordinatorOutput::Item& item : machine_.take_output().items) {
    EXPECT_TRUE(std::holds_alternative<CoordinatorOutput::Save>(item));
  }
  EXPECT_EQ(machine_.next_deadline(), kNever);
}

TEST_F(CoordinatorMachineTest, TellsAVisitorHowTheRunIsAndThatIsAll) {
  connect(1, info(0, "a"));
  machine_.on_message(now_, {1}, wire::UpdateRequest{});
  machine_.take_output();
  const wire::PeerInfo member = machine_.status().peers.at(0).info;
  connect(2, info(1, "b"));
  wire::OpWaiting waiting;
  waiting.op = {machine_.status().generation, kGroupAll, 7, 0};
  waiting.epoch = machine_.status().epoch;
  waiting.call.kind = wire::OpKind::kBarrier;
  machine_.on_message(now_ += 100ms, {1}, waiting);
  machine_.take_output();
  now_ += 300ms;
  machine_.on_connected(now_, {9}, "nearby");
  machine_.on_message(now_, {9}, wire::StatusRequest{});
  const CoordinatorOutput output = machine_.take_output();
  ASSERT_EQ(output.items.size(), 2u);
  const auto& send = std::get<CoordinatorOutput::Send>(output.items[0]);
  const auto& status = std::get<wire::Status>(send.message);
  EXPECT_EQ(send.connection, ConnectionId{9});
  EXPECT_EQ(std::get<CoordinatorOutput::Close>(output.items[1]).connection, ConnectionId{9});
  EXPECT_EQ(status.epoch, machine_.status().epoch);
  EXPECT_EQ(status.uptime_ms, 400u);
  EXPECT_EQ(status.counters.admissions, 1u);
  ASSERT_EQ(status.peers.size(), 2u);
  EXPECT_EQ(status.peers[0].peer.id, member.id);
  EXPECT_EQ(status.peers[0].standing, wire::PeerStanding::kMember);
  EXPECT_EQ(status.peers[0].silent_ms, 300u);
  EXPECT_FALSE(status.peers[0].updating);
  EXPECT_EQ(status.peers[1].standing, wire::PeerStanding::kPending);
  EXPECT_EQ(status.peers[1].remote, "somewhere");
  EXPECT_EQ(status.ops_open, 1u);
  ASSERT_EQ(status.ops.size(), 1u);
  EXPECT_EQ(status.ops[0].op.tag, 7u);
  EXPECT_EQ(status.ops[0].what, "barrier");
  EXPECT_EQ(status.ops[0].known_ms, 300u);
  EXPECT_EQ(status.ops[0].awaited, std::vector<PeerId>{member.id});
  EXPECT_FALSE(status.events.empty());
  EXPECT_EQ(status.events.back().age_ms, 300u);
  machine_.on_message(now_, {9}, wire::StatusRequest{});
  EXPECT_TRUE(take_sent<wire::Status>().empty()) << "one question per connection";
}

TEST_F(CoordinatorMachineTest, StatusIsBoundedAndKeepsTheNewestEvents) {
  for (uint64_t visit = 1; visit <= 200; ++visit) {
    machine_.on_connected(now_ += 1ms, {visit}, "nearby");
    machine_.on_garbage(now_, {visit}, {ErrorCode::kInvalidArgument, fmt::format("#{}", visit)});
  }
  machine_.take_output();
  machine_.on_connected(now_, {1000}, "nearby");
  machine_.on_message(now_, {1000}, wire::StatusRequest{});
  const auto sent = take_sent<wire::Status>();
  ASSERT_EQ(sent.size(), 1u);
  ASSERT_EQ(sent[0].events.size(), limits::kEventsPerStatus);
  EXPECT_EQ(sent[0].events.back().text, "refuse nearby: #200");
  EXPECT_EQ(sent[0].events.front().text, "refuse nearby: #137");
}

// No receiver takes more than so many in a message.
TEST_F(CoordinatorMachineTest, WhatIsStableIsToldInMessagesOfBoundedLength) {
  connect(1, info(0, "a"));
  machine_.on_message(now_, {1}, wire::UpdateRequest{});
  machine_.take_output();
  const Generation generation = machine_.status().generation;
  uint64_t tag = 0;
  for (int turn = 0; turn < 3; ++turn) {
    wire::Ended ended;
    while (ended.marks.size() < limits::kMarksPerPeer) {
      ended.marks.push_back({generation, kGroupAll, tag++, 1});
    }
    machine_.on_message(now_, {1}, std::move(ended));
    const auto told = take_sent<wire::Stable>();
    ASSERT_EQ(told.size(), 1u);
    EXPECT_EQ(told[0].marks.size(), limits::kMarksPerPeer);
    EXPECT_TRUE(wire::decode_to_peer(wire::encode(wire::ToPeer(told[0]))));
  }
  EXPECT_EQ(machine_.table_sizes().at("marks"), 0u);
}

// The longest names and addresses of so many peers would make no roster that can be sent.
TEST_F(CoordinatorMachineTest, ARunIsFullWhenItsPeersCanNoLongerBeToldOfInOneMessage) {
  wire::Roster roster;
  for (uint64_t number = 1; number <= 2200; ++number) {
    wire::PeerInfo peer = info(number, std::string(100, 'n') + std::to_string(number));
    peer.endpoints.assign(limits::kEndpointsPerPeer, {std::string(limits::kHostBytes, 'h'), 1});
    connect(number, peer);
  }
  const auto peers = machine_.status().peers;
  EXPECT_GT(peers.size(), 1500u);
  EXPECT_LT(peers.size(), 2200u);
  for (const auto& peer : peers) roster.peers.push_back({peer.info, true});
  EXPECT_LT(wire::encode(wire::ToPeer(roster)).size(), limits::kControlMessageBytes / 2);
}

// Else the next life, of several coordinators the first, would begin a run beside the old one.
TEST(CoordinatorMachine, ALifeThatHasNotFoundTheRunDoesNotSaveThatThereIsNone) {
  for (const auto delay : {0ms, 1500ms}) {
    CoordinatorConfig config;
    config.start.delay = delay;
    CoordinatorMachine machine(config, {3, 42});
    machine.tick(TimePoint{1s});
    machine.tick(TimePoint{5s});
    std::optional<wire::Snapshot> saved;
    for (auto& item : machine.take_output().items) {
      if (auto* save = std::get_if<CoordinatorOutput::Save>(&item)) saved = save->snapshot;
    }
    ASSERT_TRUE(saved);
    EXPECT_EQ(saved->has_members, delay > 0ms);
  }
}

TEST_F(CoordinatorMachineTest, ARegisteredPeerIsToldToAskElsewhere) {
  connect(1, info(0, "a"));
  machine_.on_message(now_, {1}, wire::StatusRequest{});
  const auto refused = take_sent<wire::Refused>();
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].code, ErrorCode::kInvalidUsage);
}

TEST_F(CoordinatorMachineTest, DoesNotTakeItsOwnSleepForSilence) {
  connect(1, info(0, "a"));
  machine_.on_message(now_, {1}, wire::UpdateRequest{});
  ASSERT_EQ(take_sent<wire::Updated>().size(), 1u);
  now_ += 60s;
  machine_.tick(now_);
  EXPECT_TRUE(take_sent<wire::Evicted>().empty());
  ASSERT_EQ(machine_.status().peers.size(), 1u);
  for (int step = 0; step < 10; ++step) machine_.tick(now_ += 500ms);
  EXPECT_EQ(take_sent<wire::Evicted>().size(), 1u) << "silence of the peer is still noticed";
}

// Members of its run still hold those that it has issued.
TEST_F(CoordinatorMachineTest, NumbersNoViewTwiceWhenItHasSteppedDown) {
  connect(1, info(0, "a"));
  machine_.on_message(now_, {1}, wire::UpdateRequest{});
  machine_.take_output();
  const Epoch first = machine_.status().epoch;
  EXPECT_EQ(first.number, 1u);
  // The run has gone on in a later life of the coordinator, at another place.
  wire::Register hello;
  hello.peer = info(9, "b");
  hello.rejoin = wire::Rejoin{};
  hello.rejoin->incarnation = {2, 7};
  hello.rejoin->view = first_view(1, {info(9, "b")});
  hello.rejoin->view.instance = hello.memory.instance = machine_.status().instance;
  machine_.on_connected(now_, {2}, "somewhere");
  machine_.on_message(now_, {2}, hello);
  EXPECT_TRUE(machine_.status().peers.empty());
  EXPECT_EQ(machine_.status().steps_down, 1u);
  machine_.tick(now_ += kFormerMembersMayCome);
  connect(3, info(1, "c"));
  machine_.on_message(now_, {3}, wire::UpdateRequest{});
  machine_.take_output();
  EXPECT_EQ(machine_.status().epoch.incarnation, first.incarnation);
  EXPECT_GT(machine_.status().epoch.number, first.number);
  EXPECT_EQ(machine_.status().generation.first, machine_.status().epoch);
}

// 65,000 reports of links come before the first view can be made.
TEST(CoordinatorMachine, MakesAFirstViewOfHundreds) {
  constexpr uint64_t kPeers = 256;
  CoordinatorConfig config;
  config.min_replicas = kPeers;
  CoordinatorMachine machine(config, {1, 42});
  TimePoint now{1s};
  uint64_t inputs = 0;
  size_t rosters = 0;
  size_t views = 0;
  const auto take_outputs = [&] {
    for (const auto& item : machine.take_output().items) {
      const auto* send = std::get_if<CoordinatorOutput::Send>(&item);
      if (send == nullptr) continue;
      if (std::holds_alternative<wire::Roster>(send->message)) ++rosters;
      if (std::holds_alternative<wire::Updated>(send->message)) ++views;
    }
  };
  const auto say = [&](uint64_t peer, wire::ToCoordinator message) {
    machine.on_message(now, {peer}, std::move(message));
    if (++inputs % 50 == 0) take_outputs();
  };
  for (uint64_t peer = 1; peer <= kPeers; ++peer) {
    machine.on_connected(now, {peer}, "somewhere");
    wire::Register hello;
    hello.peer = info(peer, std::to_string(peer));
    say(peer, std::move(hello));
    say(peer, wire::UpdateRequest{});
  }
  take_outputs();
  EXPECT_LE(rosters, 11 * kPeers) << "one for each peer and each time that outputs were taken";
  const auto id = [](uint64_t peer) { return PeerId{(uint64_t{1} << 32) | peer}; };
  for (uint64_t one = 1; one <= kPeers; ++one) {
    for (uint64_t other = 1; other <= kPeers; ++other) {
      if (one != other) say(one, wire::LinkReport{id(other), wire::LinkState::kUp, "", 0});
    }
  }
  take_outputs();
  EXPECT_EQ(views, kPeers);
  EXPECT_EQ(machine.status().epoch.number, 1u);
}

TEST_F(CoordinatorMachineTest, GivesIdsThatCarryTheIncarnation) {
  connect(1, info(1, "a"));
  connect(2, info(2, "b"));
  const auto registered = take_sent<wire::Registered>();
  ASSERT_EQ(registered.size(), 2u);
  EXPECT_EQ(registered[0].peer, (PeerId{(uint64_t{1} << 32) | 1}));
  EXPECT_EQ(registered[1].peer, (PeerId{(uint64_t{1} << 32) | 2}));
}

TEST_F(CoordinatorMachineTest, APendingPeerThatRegistersAnewReplacesItself) {
  connect(1, info(1, "a"));
  connect(2, info(1, "a"));
  EXPECT_EQ(take_sent<wire::Registered>().size(), 2u);
  ASSERT_EQ(machine_.status().peers.size(), 1u);
  machine_.on_disconnected(now_, {1}, "reset");
  EXPECT_EQ(machine_.status().peers.size(), 1u) << "the old connection is nobody's now";
}

TEST_F(CoordinatorMachineTest, RefusesWhatIsOutOfBounds) {
  wire::PeerInfo many = info(1, "a");
  many.endpoints.resize(limits::kEndpointsPerPeer + 1);
  wire::PeerInfo shards = info(2, "b", 0, "rb", limits::kShardsPerReplica + 1);
  wire::PeerInfo nameless = info(3, "c");
  nameless.replica.clear();
  wire::PeerInfo sessionless = info(4, "d");
  sessionless.session = {};
  uint64_t connection = 0;
  for (const wire::PeerInfo& peer : {many, shards, nameless, sessionless}) {
    connect(++connection, peer);
    const auto refused = take_sent<wire::Refused>();
    ASSERT_EQ(refused.size(), 1u) << peer.name;
    EXPECT_EQ(refused[0].code, ErrorCode::kInvalidArgument);
    EXPECT_FALSE(refused[0].reason.empty());
  }
  EXPECT_TRUE(machine_.status().peers.empty());
}

TEST_F(CoordinatorMachineTest, SentencesOfPeersDoNotOutgrowTheirBound) {
  connect(1, info(1, "a", 0, "r", 2));
  connect(2, info(2, "b", 1, "r", 2));
  const std::vector<wire::Registered> ids = take_sent<wire::Registered>();
  machine_.on_message(now_, {1}, wire::LinkReport{ids.at(1).peer, wire::LinkState::kUp, ""});
  machine_.on_message(now_, {2}, wire::LinkReport{ids.at(0).peer, wire::LinkState::kUp, ""});
  machine_.on_message(now_, {1}, wire::UpdateRequest{});
  machine_.on_message(now_, {2}, wire::UpdateRequest{});
  ASSERT_EQ(take_sent<wire::Updated>().size(), 2u);
  machine_.on_message(now_, {1}, wire::Leave{std::string(limits::kSentenceBytes, 'x')});
  const auto evicted = take_sent<wire::Evicted>();
  ASSERT_EQ(evicted.size(), 1u);
  EXPECT_EQ(evicted[0].reason.size(), limits::kSentenceBytes);
}

TEST_F(CoordinatorMachineTest, AGroupOfAnotherShardEndsTheConnection) {
  connect(1, info(1, "a"));
  machine_.on_message(now_, {1}, wire::UpdateRequest{});
  machine_.take_output();
  wire::OpDone done;
  done.op.generation = machine_.status().generation;
  done.op.group = 3;
  machine_.on_message(now_, {1}, done);
  EXPECT_EQ(take_sent<wire::Refused>().size(), 1u);
  EXPECT_EQ(machine_.status().peers[0].standing, "suspect");
}

}  // namespace
}  // namespace atoll_core::membership
