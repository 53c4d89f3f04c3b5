// What the coordinator makes of reports about links.
#include <gmock/gmock.h>

#include "membership/coordinator/coordinator_machine.h"
#include "membership/coordinator/failed_links.h"
#include "membership/coordinator/readmissions.h"
#include "unit/membership/test_peers.h"

namespace atoll_core::membership {
namespace {

using namespace std::chrono_literals;  // NOLINT: durations
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

constexpr TimePoint kStart{1h};

TEST(Readmissions, TheFirstLossCostsNothingAndThenTheWaitDoubles) {
  Readmissions readmissions;
  readmissions.note_loss(kStart, "r", 5s);
  EXPECT_LE(readmissions.not_before("r"), kStart);
  EXPECT_EQ(readmissions.next(kStart), kNever);
  TimePoint now = kStart;
  for (const int waits : {1, 2, 4, 8, 16, 16}) {
    readmissions.note_loss(now += 1s, "r", 5s);
    EXPECT_EQ(readmissions.not_before("r"), now + waits * 5s);
    EXPECT_EQ(readmissions.next(now), now + waits * 5s);
  }
  EXPECT_EQ(readmissions.losses("r"), 7u);
  EXPECT_LE(readmissions.not_before("another"), kStart);
}

TEST(Readmissions, ForgivesAndForgets) {
  Readmissions readmissions;
  readmissions.note_loss(kStart, "r", 5s);
  readmissions.note_loss(kStart + Readmissions::kForgiven * 5s + 1ms, "r", 5s);
  EXPECT_EQ(readmissions.losses("r"), 1u);
  for (size_t i = 0; i < 2 * Readmissions::kReplicas; ++i) {
    readmissions.note_loss(kStart + 1h + std::chrono::milliseconds(i), std::to_string(i), 5s);
  }
  EXPECT_EQ(readmissions.losses("r"), 0u) << "the oldest of too many";
  EXPECT_EQ(readmissions.losses(std::to_string(2 * Readmissions::kReplicas - 1)), 1u);
}

wire::LinkReport failed(uint64_t to, bool needed = false) {
  return {{to}, wire::LinkState::kUnreachable, "no answer", 0, needed};
}

TEST(FailedLinks, KnowSinceWhenALinkIsNeeded) {
  FailedLinks links;
  links.report(kStart, {1}, failed(2));
  EXPECT_EQ(links.longest_needed(), kNever);
  links.report(kStart + 1s, {1}, failed(2, true));
  links.report(kStart + 2s, {1}, failed(2, true));
  links.report(kStart + 3s, {3}, failed(1, true));
  EXPECT_EQ(links.longest_needed(), kStart + 1s);
  EXPECT_TRUE(links.needed_since(kStart).empty());
  EXPECT_EQ(links.needed_since(kStart + 1s).size(), 1u);
  EXPECT_EQ(links.needed_since(kStart + 3s).size(), 2u);
  links.report(kStart + 4s, {1}, {{2}, wire::LinkState::kUp, "", 0, false});
  EXPECT_EQ(links.find({1}, {2}), nullptr);
  EXPECT_EQ(links.longest_needed(), kStart + 3s);
  links.forget({1});
  EXPECT_EQ(links.size(), 0u);
}

TEST(FailedLinks, AreBounded) {
  FailedLinks links;
  for (uint64_t from = 1; from <= 200; ++from) {
    for (uint64_t to = 1; to <= 200; ++to) links.report(kStart, {from}, failed(to));
  }
  EXPECT_EQ(links.size(), FailedLinks::kFailedLinks);
  wire::LinkReport wordy = failed(2);
  wordy.reason.assign(2000, 'x');
  links.report(kStart, {1}, wordy);
  EXPECT_EQ(links.find({1}, {2})->reason.size(), FailedLinks::kReasonBytes);
}

// a and b are members, c is a newcomer; c and b cannot dial each other.
class ReachTest : public testing::Test {
 protected:
  ReachTest() : machine_(config(), {1, 42}) {
    for (const char* name : {"a", "b"}) add(name);
    report(1, 2);
    report(2, 1);
    for (uint64_t peer : {1, 2}) say(peer, wire::UpdateRequest{});
    take();
  }

  static CoordinatorConfig config() {
    CoordinatorConfig config;
    config.min_replicas = 2;
    return config;
  }

  uint64_t add(const std::string& name) {
    const uint64_t connection = ++last_;
    machine_.on_connected(now_, {connection}, "somewhere");
    wire::Register hello;
    hello.peer = info(connection, name);
    hello.peer.endpoints = {{"10.0.0." + std::to_string(connection), 4711}};
    machine_.on_message(now_, {connection}, hello);
    take();
    return connection;
  }
  void say(uint64_t connection, wire::ToCoordinator message) {
    machine_.on_message(now_, {connection}, std::move(message));
  }
  PeerId id(uint64_t connection) const {
    for (const auto& peer : machine_.status().peers) {
      if (peer.info.session == info(connection, "").session) return peer.info.id;
    }
    return {};
  }
  void report(uint64_t from, uint64_t to, wire::LinkState state = wire::LinkState::kUp,
              const std::string& reason = "", bool needed = false) {
    say(from, wire::LinkReport{id(to), state, reason, 0, needed});
  }
  void update(uint64_t connection) {
    wire::UpdateRequest request;
    request.epoch = machine_.status().epoch;
    request.number = 0;
    say(connection, request);
  }
  void take() {
    for (auto& item : machine_.take_output().items) {
      if (auto* send = std::get_if<CoordinatorOutput::Send>(&item)) {
        said_[send->connection.value].push_back(std::move(send->message));
      }
    }
  }
  // A member that has nothing open.
  void answer_round(uint64_t connection) {
    const auto* freeze = last<wire::Freeze>(connection);
    ASSERT_NE(freeze, nullptr);
    wire::SettleReport report;
    report.round = freeze->round;
    say(connection, report);
  }
  // The heartbeats come, but for those of one peer.
  void pass(Duration time, uint64_t silent = 0) {
    for (const TimePoint end = now_ + time; now_ < end;) {
      now_ += 500ms;
      for (uint64_t peer = 1; peer <= last_; ++peer) {
        if (peer != silent) say(peer, wire::PeerHeartbeat{});
      }
      machine_.tick(now_);
      take();
    }
  }
  wire::Status status() {
    machine_.on_connected(now_, {999}, "a visitor");
    machine_.on_message(now_, {999}, wire::StatusRequest{});
    take();
    return std::get<wire::Status>(said_[999].back());
  }
  template <class Message>
  const Message* last(uint64_t connection) {
    const Message* found = nullptr;
    for (const wire::ToPeer& message : said_[connection]) {
      if (const auto* typed = std::get_if<Message>(&message)) found = typed;
    }
    return found;
  }

  TimePoint now_ = kStart;
  uint64_t last_ = 0;
  CoordinatorMachine machine_;
  std::map<uint64_t, std::vector<wire::ToPeer>> said_;
};

TEST_F(ReachTest, TheStatusSaysWhoCannotReachWhomAndWhatWouldHelp) {
  const uint64_t c = add("c");
  report(c, 1);
  report(1, c);
  report(c, 2, wire::LinkState::kUnreachable, "no answer in 5000 ms");
  report(2, c, wire::LinkState::kUnreachable, "10.0.0.3:4711 refused the connection");
  say(c, wire::UpdateRequest{});
  EXPECT_THAT(status().waits,
              Contains(AllOf(HasSubstr("r-c is left out: c and b are not linked"),
                             HasSubstr("c cannot reach b at 10.0.0.2:4711 (no answer in 5000 ms)"),
                             HasSubstr("b cannot reach c at 10.0.0.3:4711 (10.0.0.3:4711 refused"),
                             HasSubstr("One of the two must be reachable"))));
  EXPECT_EQ(machine_.status().peers.size(), 3u) << "it stays pending";
}

TEST_F(ReachTest, APairThatNeedsALinkIsPartedAfterThreeTimeouts) {
  report(1, 2, wire::LinkState::kUnreachable, "no route", true);
  pass(14s);
  EXPECT_EQ(machine_.status().evictions, 0u);
  pass(2s);
  EXPECT_EQ(machine_.status().evictions, 1u);
  const auto* evicted = last<wire::Evicted>(2);
  ASSERT_NE(evicted, nullptr) << "the later one in the view";
  EXPECT_THAT(evicted->reason, HasSubstr("a cannot reach b at 10.0.0.2:4711 (no route)"));
}

TEST_F(ReachTest, APairThatNeedsALinkNoMoreIsNot) {
  report(1, 2, wire::LinkState::kUnreachable, "no route", true);
  pass(10s);
  report(1, 2, wire::LinkState::kUnreachable, "no route", false);
  pass(10s);
  report(1, 2, wire::LinkState::kUnreachable, "no route", true);
  pass(10s);
  EXPECT_EQ(machine_.status().evictions, 0u);
  report(1, 2);
  pass(10s);
  EXPECT_EQ(machine_.status().evictions, 0u);
}

TEST_F(ReachTest, OfAPairTheOneWithMostMissingLinksGoes) {
  const uint64_t c = add("c");
  for (const uint64_t member : {1, 2}) {
    report(c, member);
    report(member, c);
  }
  say(c, wire::UpdateRequest{});
  for (const uint64_t member : {1, 2}) update(member);
  take();
  ASSERT_EQ(machine_.status().generation, (Generation{{{1, 42}, 2}}));
  for (const uint64_t other : {2, 3}) {
    report(1, other, wire::LinkState::kUnreachable, "no route", true);
  }
  pass(16s);
  EXPECT_EQ(machine_.status().evictions, 1u);
  EXPECT_NE(last<wire::Evicted>(1), nullptr);
  EXPECT_EQ(last<wire::Evicted>(2), nullptr);
  EXPECT_EQ(last<wire::Evicted>(c), nullptr);
}

TEST_F(ReachTest, AMemberThatFlapsWaitsLongerBeforeItIsLetIn) {
  const auto lose_and_add = [&](uint64_t connection) {
    pass(6s, connection);
    answer_round(1);
    const uint64_t next = add("b");
    report(next, 1);
    report(1, next);
    say(next, wire::UpdateRequest{});
    return next;
  };
  uint64_t b = lose_and_add(2);
  update(1);
  take();
  ASSERT_EQ(machine_.status().evictions, 1u);
  EXPECT_EQ(machine_.status().admissions, 3u) << "at once";
  b = lose_and_add(b);
  update(1);
  take();
  ASSERT_EQ(machine_.status().evictions, 2u);
  EXPECT_EQ(machine_.status().admissions, 3u) << "it waits";
  EXPECT_THAT(status().waits, Contains(HasSubstr("has lost it 2 times in a row")));
  pass(6s);
  update(1);
  take();
  EXPECT_EQ(machine_.status().admissions, 4u);
  EXPECT_THAT(status().waits, Not(Contains(HasSubstr("in a row"))));
  EXPECT_NE(b, 0u);
}

// A message of megabytes on a slow way: no other comes meanwhile.
TEST_F(ReachTest, BytesOfALongMessageAreLifeForAWhile) {
  const auto trickle = [&](Duration time) {
    for (const TimePoint end = now_ + time; now_ < end;) {
      now_ += 500ms;
      say(1, wire::PeerHeartbeat{});
      machine_.on_bytes(now_, {2});
      machine_.tick(now_);
      take();
    }
  };
  trickle(15s);
  EXPECT_EQ(machine_.status().evictions, 0u);
  trickle(6s);
  EXPECT_EQ(machine_.status().evictions, 1u) << "not for ever";
}

TEST_F(ReachTest, BytesOfAnotherConnectionAreNot) {
  machine_.on_connected(now_, {50}, "somebody");
  for (int i = 0; i < 12; ++i) {
    now_ += 500ms;
    say(1, wire::PeerHeartbeat{});
    machine_.on_bytes(now_, {50});
    machine_.tick(now_);
    take();
  }
  EXPECT_EQ(machine_.status().evictions, 1u);
}

// Of several coordinators, one that has lost the majority may drop nobody. A process that was
// started again under the name of a dead member waits until that is decided.
TEST(Reach, WhoIsSilentAndMayNotBeDroppedKeepsNoSuccessorAway) {
  CoordinatorMachine machine({}, {1, 42});
  TimePoint now = kStart;
  const auto register_at = [&](uint64_t connection, const wire::PeerInfo& peer) {
    machine.on_connected(now, {connection}, "somewhere");
    wire::Register hello;
    hello.peer = peer;
    hello.coordinators = 2;
    machine.on_message(now, {connection}, hello);
    for (const auto& item : machine.take_output().items) {
      const auto* send = std::get_if<CoordinatorOutput::Send>(&item);
      if (send == nullptr || send->connection.value != connection) continue;
      if (std::holds_alternative<wire::Refused>(send->message)) return false;
    }
    return true;
  };
  const wire::PeerInfo successor = info(9, "b", 0, "r-a");
  ASSERT_TRUE(register_at(1, info(1, "a")));
  machine.on_message(now, {1}, wire::UpdateRequest{});
  (void)machine.take_output();
  now += 1s;
  EXPECT_FALSE(register_at(2, successor)) << "the member lives";
  for (const TimePoint end = now + 6s; now < end;) {
    machine.tick(now += 500ms);
    (void)machine.take_output();
  }
  ASSERT_EQ(machine.status().evictions, 0u) << "it may not be dropped";
  EXPECT_TRUE(register_at(3, successor));
}

TEST_F(ReachTest, AMemberThatResumesFromElsewhereIsDialledThere) {
  machine_.on_disconnected(now_, {1}, "timed out");
  machine_.on_connected(now_, {50}, "elsewhere");
  said_.clear();
  const wire::Resume resume{info(1, "a").session, {1, 42}, 1, 1, {{"10.9.9.9", 4711}}};
  say(50, resume);
  take();
  ASSERT_NE(last<wire::Resumed>(50), nullptr);
  ASSERT_TRUE(last<wire::Resumed>(50)->resumed);
  const auto* roster = last<wire::Roster>(2);
  ASSERT_NE(roster, nullptr);
  EXPECT_EQ(roster->peers.at(0).peer.endpoints, resume.endpoints);
}

}  // namespace
}  // namespace atoll_core::membership
