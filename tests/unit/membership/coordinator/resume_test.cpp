// A member's connection breaks and its session goes on over another one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "membership/coordinator/coordinator_machine.h"
#include "unit/membership/test_peers.h"

namespace atoll_core::membership {
namespace {

using namespace std::chrono_literals;  // NOLINT: durations
using testing::ElementsAre;
using testing::IsEmpty;

class Resume : public testing::Test {
 protected:
  // Members a and b, over the connections 1 and 2.
  Resume() {
    config_.min_replicas = 2;
    machine_ = std::make_unique<CoordinatorMachine>(config_, Incarnation{1, 42});
    for (const uint64_t peer : {1, 2}) {
      wire::Register hello;
      hello.peer = info(peer, std::string(1, static_cast<char>('a' + peer - 1)));
      connect(peer, hello);
    }
    say(1, wire::LinkReport{id(2), wire::LinkState::kUp, "", 0});
    say(2, wire::LinkReport{id(1), wire::LinkState::kUp, "", 0});
    for (const uint64_t peer : {1, 2}) say(peer, wire::UpdateRequest{});
    EXPECT_EQ(status().epoch.number, 1u);
    said_.clear();
  }

  CoordinatorStatus status() const { return machine_->status(); }
  static PeerId id(uint64_t peer) { return {(uint64_t{1} << 32) | peer}; }

  void connect(uint64_t connection, const wire::ToCoordinator& hello) {
    machine_->on_connected(now_, {connection}, "somewhere");
    say(connection, hello);
  }
  void say(uint64_t connection, wire::ToCoordinator message) {
    machine_->on_message(now_, {connection}, std::move(message));
    absorb();
  }
  void lose(uint64_t connection) {
    machine_->on_disconnected(now_, {connection}, "reset");
    absorb();
  }
  void absorb() {
    for (auto& item : machine_->take_output().items) {
      if (auto* send = std::get_if<CoordinatorOutput::Send>(&item)) {
        said_[send->connection.value].push_back(send->message);
      } else if (auto* close = std::get_if<CoordinatorOutput::Close>(&item)) {
        closed_.push_back(close->connection.value);
      }
    }
  }
  std::vector<std::string_view> heard(uint64_t connection) {
    std::vector<std::string_view> names;
    for (const wire::ToPeer& message : said_[connection]) names.push_back(wire::name_of(message));
    return names;
  }

  // Of a: it has heard its first view, and said three numbered messages while it was pending.
  wire::Resume resume(uint64_t received = 1, uint64_t repeats_from = 3) const {
    return {info(1, "a").session, {1, 42}, received, repeats_from, {}};
  }
  wire::OpWaiting waiting() const {
    wire::OpWaiting message;
    message.op = {status().generation, kGroupAll, 7, 0};
    message.epoch = status().epoch;
    message.call.kind = wire::OpKind::kBarrier;
    return message;
  }

  CoordinatorConfig config_;
  TimePoint now_{1s};
  std::unique_ptr<CoordinatorMachine> machine_;
  std::map<uint64_t, std::vector<wire::ToPeer>> said_;
  std::vector<uint64_t> closed_;
};

TEST_F(Resume, ABlipOfTheConnectionBeginsNoRound) {
  lose(1);
  EXPECT_EQ(status().peers[0].standing, "suspect");
  connect(11, resume());
  EXPECT_EQ(status().peers[0].standing, "member");
  EXPECT_EQ(status().settle_rounds, 0u);
  EXPECT_EQ(status().resumes, 1u);
  ASSERT_FALSE(said_[11].empty());
  EXPECT_EQ(std::get<wire::Resumed>(said_[11][0]), (wire::Resumed{true, 2}));
  EXPECT_THAT(heard(11), ElementsAre("resumed", "roster")) << "it may not have heard the last one";
}

TEST_F(Resume, WhatItHasMissedIsRepeatedInOrder) {
  say(1, waiting());
  lose(1);
  wire::AbortRequest abort;
  abort.op = waiting().op;
  abort.epoch = waiting().epoch;
  abort.call = waiting().call;
  abort.reason = "enough";
  say(2, abort);  // a round about that call, in which a is to report
  connect(11, resume(1, 1));
  ASSERT_EQ(said_[11].size(), 3u);
  EXPECT_EQ(std::get<wire::Resumed>(said_[11][0]).received, 3u);
  EXPECT_TRUE(std::holds_alternative<wire::Freeze>(said_[11][2]));
  lose(11);
  connect(12, resume(1, 1));
  EXPECT_THAT(heard(12), ElementsAre("resumed", "roster", "freeze"))
      << "the other connection broke before it came";
  lose(12);
  connect(13, resume(2, 1));
  EXPECT_THAT(heard(13), ElementsAre("resumed", "roster"));
}

TEST_F(Resume, WhatIsKnownToHaveComeIsForgotten) {
  for (int beat = 0; beat < 3; ++beat) {
    machine_->tick(now_ += config_.heartbeat_interval);
    absorb();
    say(1, wire::PeerHeartbeat{status().peers.empty() ? 0 : static_cast<uint64_t>(beat) + 1, 1});
  }
  lose(1);
  connect(11, resume());
  EXPECT_THAT(heard(11), ElementsAre("resumed")) << "the roster has come, too";
  lose(11);
  connect(12, resume(0));
  EXPECT_EQ(std::get<wire::Resumed>(said_[12][0]), wire::Resumed{}) << "it said that it had one";
}

TEST_F(Resume, ANewConnectionTakesThePlaceOfAHalfOpenOne) {
  connect(11, resume());
  EXPECT_THAT(closed_, ElementsAre(1));
  EXPECT_EQ(status().peers[0].standing, "member");
  say(1, wire::Leave{"of the old connection"});
  EXPECT_EQ(status().peers.size(), 2u);
  EXPECT_EQ(status().settle_rounds, 0u);
}

// It registers on the same connection, and a settle round tells it what it has missed.
TEST_F(Resume, WhoCannotGoOnRegistersAgain) {
  wire::Resume of_another_life = resume();
  of_another_life.incarnation.nonce = 7;
  wire::Resume stranger = resume();
  stranger.session.low = 77;
  uint64_t connection = 10;
  for (const wire::Resume& wrong : {of_another_life, stranger, resume(9), resume(1, 9)}) {
    connect(++connection, wrong);
    EXPECT_THAT(heard(connection), ElementsAre("resumed"));
    EXPECT_EQ(std::get<wire::Resumed>(said_[connection][0]), wire::Resumed{});
  }
  EXPECT_EQ(status().resumes, 0u);
  EXPECT_THAT(closed_, IsEmpty()) << "a is where it was";
  wire::Register hello;
  hello.peer = info(1, "a");
  hello.peer.id = id(1);
  say(connection, hello);
  EXPECT_EQ(heard(connection)[1], "registered");
  EXPECT_EQ(status().settle_rounds, 1u);
  lose(connection);
  connect(20, resume(0, 1));
  EXPECT_EQ(std::get<wire::Resumed>(said_[20][0]), (wire::Resumed{true, 0}))
      << "both ends count anew since it has registered";
  EXPECT_THAT(heard(20), ElementsAre("resumed", "roster", "freeze"));
}

TEST_F(Resume, WhoHasMissedMoreThanIsKeptRegistersAgain) {
  lose(1);
  wire::AbortRequest abort;
  abort.op = waiting().op;
  abort.epoch = waiting().epoch;
  abort.call = waiting().call;
  const auto more = [&] {
    ++abort.op.tag;
    say(2, abort);  // a round about that call, in which a is to report
  };
  constexpr size_t kSome = 2000;
  for (size_t i = 0; i < kSome; ++i) more();
  connect(11, resume());
  EXPECT_EQ(said_[11].size(), 2 + kSome);
  lose(11);
  for (size_t i = 0; i < limits::kSessionMessages; ++i) more();
  connect(12, resume());
  EXPECT_EQ(std::get<wire::Resumed>(said_[12][0]), wire::Resumed{});
}

TEST_F(Resume, APendingPeerHasNothingToGoOnWith) {
  wire::Register hello;
  hello.peer = info(3, "c");
  connect(3, hello);
  wire::Resume pending{info(3, "c").session, {1, 42}, 0, 1, {}};
  connect(13, pending);
  EXPECT_EQ(std::get<wire::Resumed>(said_[13][0]), wire::Resumed{});
}

TEST_F(Resume, WhoHasRegisteredDoesNotResumeOnThatConnection) {
  say(2, resume());
  EXPECT_EQ(heard(2).back(), "refused");
}

}  // namespace
}  // namespace atoll_core::membership
