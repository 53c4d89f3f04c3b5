// An end of a link is made again while the other stands.
#include <gtest/gtest.h>

#include "unit/engine/no_owner.h"
#include "unit/engine/small_run.h"

namespace atoll_core::engine {
namespace {

constexpr Ticket kTicket{7, 8};

class LinkAnew : public ::testing::Test {
 protected:
  static wire::PeerInfo peer(uint64_t id) {
    wire::PeerInfo info;
    info.id = PeerId{id};
    info.session = {5, id};
    info.name = "island-" + std::to_string(id);
    info.endpoints = {{"10.0.0.1", 7}};
    return info;
  }
  static Context with_session() {
    Context context{};
    context.config.membership.self = peer(1);
    return context;
  }
  void SetUp() override {
    table_.set_identity(PeerId{1}, "run", std::chrono::seconds(5));
    hear_roster({2});
  }
  void hear_roster(const std::vector<uint64_t>& peers, bool dial = false) {
    wire::Roster roster;
    for (const uint64_t id : peers) roster.peers.push_back({peer(id), dial, kTicket});
    table_.apply_roster(roster);
  }
  // Of peer 2.
  static wire::Hello hello(uint64_t life, uint64_t bound_to) {
    wire::Hello hello;
    hello.session = {5, 2};
    hello.target_session = {5, 1};
    hello.peer = PeerId{2};
    hello.target_peer = PeerId{1};
    hello.run = wire::hash_run_id("run");
    hello.ticket = kTicket;
    hello.life = life;
    hello.bound_to = bound_to;
    return hello;
  }
  LinkTable::Answer connect(link::ConnectionKey key, uint64_t life, uint64_t bound_to) {
    const LinkTable::Answer answer = table_.on_hello(hello(life, bound_to));
    if (answer.keep) table_.on_accepted(key, hello(life, bound_to), answer.hello);
    return answer;
  }
  size_t connections() { return table_.status().at(0).connections; }
  template <class Output>
  std::vector<Output> told() {
    std::vector<Output> found;
    for (EngineOutput& item : std::exchange(context_.outputs, {})) {
      if (auto* typed = std::get_if<Output>(&item)) found.push_back(std::move(*typed));
    }
    return found;
  }

  Context context_ = with_session();
  NoOwner owner_;
  LinkTable table_{context_, owner_};
};

TEST_F(LinkAnew, AConnectionOfAnotherLifeOfTheOtherEndEndsAllThatStood) {
  const LinkTable::Answer first = connect(1, 1, 0);
  EXPECT_TRUE(first.keep);
  EXPECT_EQ(first.hello.bound_to, 1u);
  EXPECT_TRUE(table_.take_begun_anew().empty());
  link::OutFrame frame;
  frame.header.kind = wire::FrameKind::kStateRequest;
  table_.send_free(PeerId{2}, frame);
  EXPECT_FALSE(table_.at_rest());
  const LinkTable::Answer second = connect(2, 2, 0);
  EXPECT_TRUE(second.keep);
  EXPECT_GT(second.hello.life, first.hello.life);
  EXPECT_EQ(second.hello.bound_to, 2u);
  const auto closed = told<output::CloseConnection>();
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].key, 1u);
  EXPECT_EQ(connections(), 1u);
  EXPECT_TRUE(table_.at_rest()) << "what waited was for the end that is gone";
  EXPECT_EQ(table_.take_begun_anew(), std::set<PeerId>{PeerId{2}});
}

TEST_F(LinkAnew, AnEndThatWasMadeAgainHereRefusesAnswersForTheOldOne) {
  const uint64_t life = connect(1, 1, 0).hello.life;
  hear_roster({});
  hear_roster({2});
  const LinkTable::Answer late = connect(2, 1, life);
  EXPECT_FALSE(late.keep) << "the other end counts with the one that was dropped";
  EXPECT_EQ(late.hello.ticket, kTicket);
  EXPECT_GT(late.hello.life, life) << "this tells it to begin anew";
  EXPECT_TRUE(connect(3, 2, 0).keep);
  EXPECT_TRUE(table_.take_begun_anew().empty()) << "here nothing was lost";
}

TEST_F(LinkAnew, ADialThatWasMadeInAFormerLifeIsMadeAgain) {
  hear_roster({});
  hear_roster({2}, true);
  auto dials = told<output::Dial>();
  ASSERT_EQ(dials.size(), 1u);
  connect(1, 1, 0);
  connect(2, 2, 0);  // begins anew
  DialResult result;
  result.key = 3;
  result.answered = true;
  result.answer = hello(1, dials[0].hello.life);
  (void)told<output::CloseConnection>();
  table_.on_dialed(dials[0].dial, result);
  EXPECT_EQ(connections(), 1u);
  const auto closed = told<output::CloseConnection>();
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].key, 3u);
  for (const auto& report : table_.take_reports()) {
    const auto* link = std::get_if<wire::LinkReport>(&report);
    EXPECT_TRUE(link == nullptr || link->state == wire::LinkState::kUp) << link->reason;
  }
}

// Who dials before the roster names it is told of a life that its link then has, or none has.
TEST_F(LinkAnew, WhoCameBeforeTheRosterIsNotTakenInWhenLinksWereMadeAgainMeanwhile) {
  for (const bool meanwhile : {false, true}) {
    hear_roster({3});
    const LinkTable::Answer answer = table_.on_hello(hello(1, 0));
    ASSERT_TRUE(answer.keep);
    table_.on_accepted(meanwhile ? 2 : 1, hello(1, 0), answer.hello);
    if (meanwhile) hear_roster({});  // 3 is dropped
    hear_roster({2});
    EXPECT_EQ(connections(), meanwhile ? 0u : 1u);
  }
}

}  // namespace
}  // namespace atoll_core::engine

namespace atoll_core::simulate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// In the middle of calls one end hears that the other was made again. What was on its way is lost;
// both begin anew, and so do the calls.
TEST(LinkAnewInCalls, CallsBeginAnewAndNothingIsAddedTwice) {
  size_t again = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    SmallRun run(3, [seed](WorldConfig& config) {
      config.seed = seed;
      config.coordinator.ticket = [](PeerId, PeerId) { return Ticket{7, 8}; };
    });
    const std::vector<Call> large = run.on_all(large_call());
    const std::vector<Call> small = run.on_all(chunked_small_call());
    run.world().run_for(milliseconds(run.world().random().below(60)));
    const engine::Engine& there = run.world().engine(run.process((seed + 1) % 3));
    wire::Hello hello;
    hello.session = there.self().session;
    hello.peer = there.self().id;
    hello.ticket = {7, 8};
    hello.life = 2;
    run.world().call(run.process(seed % 3),
                     [&](engine::Engine& here, TimePoint now, engine::CallId) {
      hello.target_session = here.self().session;
      hello.target_peer = here.self().id;
      hello.run = wire::hash_run_id(here.report(now).run);
      EXPECT_GT(here.on_hello(now, hello).hello.life, 1u);
    });
    run.finish(large, seconds(20));
    run.finish(small, seconds(20));
    run.expect_committed(large);
    run.expect_committed(small);
    if (testing::Test::HasFailure()) return;
    if (large[0].info().attempts > 1) ++again;
  }
  EXPECT_GT(again, 30u);
}

}  // namespace
}  // namespace atoll_core::simulate
