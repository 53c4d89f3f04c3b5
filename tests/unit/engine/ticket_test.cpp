// Who may dial whom: the coordinator gives a ticket to each pair.
#include <gtest/gtest.h>

#include "engine/link_table.h"
#include "unit/engine/no_owner.h"

namespace atoll_core::engine {
namespace {

constexpr Ticket kGiven{7, 8};
constexpr SessionId kOwnSession{5, 1};
constexpr SessionId kOtherSession{5, 2};

class Tickets : public ::testing::Test {
 protected:
  static wire::PeerInfo peer(uint64_t id, SessionId session) {
    wire::PeerInfo info;
    info.id = PeerId{id};
    info.session = session;
    info.name = "island-" + std::to_string(id);
    info.endpoints = {{"10.0.0.1", 7}};
    return info;
  }

  static Context with_session() {
    Context context{};
    context.config.membership.self = peer(1, kOwnSession);
    return context;
  }

  void SetUp() override { table_.set_identity(PeerId{1}, "run", std::chrono::seconds(5)); }

  void hear_roster(Ticket ticket, bool dial = false) {
    wire::Roster roster;
    roster.peers.push_back({peer(2, kOtherSession), dial, ticket});
    table_.apply_roster(roster);
  }
  // Of peer 2 to this one.
  static wire::Hello hello(Ticket ticket) {
    wire::Hello hello;
    hello.session = kOtherSession;
    hello.target_session = kOwnSession;
    hello.peer = PeerId{2};
    hello.target_peer = PeerId{1};
    hello.run = wire::hash_run_id("run");
    hello.ticket = ticket;
    hello.life = 1;
    return hello;
  }
  // Of those that were told since the last call.
  template <class Output>
  std::vector<Output> told() {
    std::vector<Output> found;
    for (EngineOutput& item : std::exchange(context_.outputs, {})) {
      if (auto* typed = std::get_if<Output>(&item)) found.push_back(std::move(*typed));
    }
    return found;
  }
  bool connected() {
    for (const auto& link : table_.status()) {
      if (link.connections > 0) return true;
    }
    return false;
  }

  Context context_ = with_session();
  NoOwner owner_;
  LinkTable table_{context_, owner_};
};

TEST_F(Tickets, WhoShowsItStaysAndIsShownItAgain) {
  hear_roster(kGiven);
  const LinkTable::Answer answer = table_.on_hello(hello(kGiven));
  EXPECT_TRUE(answer.keep);
  EXPECT_EQ(answer.hello.ticket, kGiven);
  EXPECT_EQ(answer.hello.session, kOwnSession);
  table_.on_accepted(1, hello(kGiven), answer.hello);
  EXPECT_TRUE(connected());
}

TEST_F(Tickets, WhoHasAnotherOneDoesNotStay) {
  hear_roster(kGiven);
  for (const Ticket wrong : {Ticket{}, Ticket{7, 9}}) {
    const LinkTable::Answer answer = table_.on_hello(hello(wrong));
    EXPECT_FALSE(answer.keep);
    EXPECT_EQ(answer.hello.ticket, Ticket{});
    table_.on_accepted(1, hello(wrong), answer.hello);
    EXPECT_FALSE(connected());
    EXPECT_EQ(told<output::CloseConnection>().size(), 1u);
  }
}

// A newcomer may be told of its neighbours before they are told of it.
TEST_F(Tickets, WhoComesBeforeTheRosterIsLookedAtWhenThatHasCome) {
  const LinkTable::Answer answer = table_.on_hello(hello(kGiven));
  EXPECT_TRUE(answer.keep);
  table_.on_accepted(1, hello(kGiven), answer.hello);
  table_.on_accepted(2, hello({7, 9}), answer.hello);
  hear_roster(kGiven);
  EXPECT_TRUE(connected());
  const auto closed = told<output::CloseConnection>();
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].key, 2u);
}

// It must not learn whom it has found, nor in which run.
TEST_F(Tickets, WhoMeansSomebodyElseGetsAlwaysTheSameRefusal) {
  hear_roster(kGiven);
  wire::Hello other_session = hello(kGiven);
  other_session.target_session = {5, 3};
  wire::Hello other_run = hello(kGiven);
  other_run.run = wire::hash_run_id("walk");
  wire::Hello probe = other_session;
  probe.role = wire::HelloRole::kProbe;
  for (const wire::Hello& stranger : {other_session, other_run, probe}) {
    const LinkTable::Answer answer = table_.on_hello(stranger);
    EXPECT_FALSE(answer.keep);
    EXPECT_EQ(answer.hello, wire::refusal_hello());
  }
  EXPECT_EQ(wire::refusal_hello().session, SessionId{});
  EXPECT_EQ(wire::refusal_hello().run, 0u);
}

// Whether it lives is not a matter of tickets: they may differ while a coordinator is new.
TEST_F(Tickets, AProbeOfThisSessionNeedsNone) {
  hear_roster(kGiven);
  wire::Hello probe = hello({});
  probe.role = wire::HelloRole::kProbe;
  const LinkTable::Answer answer = table_.on_hello(probe);
  EXPECT_FALSE(answer.keep);
  EXPECT_EQ(answer.hello.session, kOwnSession);
}

TEST_F(Tickets, ADialShowsTheTicketAndGoesOnUntilTheOtherKnowsIt) {
  hear_roster(kGiven, true);
  const auto dials = told<output::Dial>();
  ASSERT_EQ(dials.size(), 1u);
  EXPECT_EQ(dials[0].hello.ticket, kGiven);
  DialResult result;
  result.key = 1;
  result.answered = true;
  result.answer.session = kOtherSession;
  result.answer.life = 1;
  table_.on_dialed(dials[0].dial, result);
  EXPECT_FALSE(connected()) << "the other side is about to close";
  const auto reports = table_.take_reports();
  ASSERT_EQ(reports.size(), 1u);
  const auto& report = std::get<wire::LinkReport>(reports[0]);
  EXPECT_EQ(report.state, wire::LinkState::kUnreachable) << "it lives";
  EXPECT_NE(report.reason.find("ticket"), std::string::npos) << report.reason;
  context_.now += std::chrono::seconds(2);
  table_.tick();
  const auto again = told<output::Dial>();
  ASSERT_EQ(again.size(), 1u);
  result.answer.ticket = kGiven;
  result.key = 2;
  table_.on_dialed(again[0].dial, result);
  EXPECT_TRUE(connected());
}

}  // namespace
}  // namespace atoll_core::engine
