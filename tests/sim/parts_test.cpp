// The parts that the simulator's own honesty rests on: a seed replays, checkers can complain,
// blocked directions hold back what passes, zeros are named.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "simulate/checker.h"
#include "simulate/connection.h"
#include "simulate/runner.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::milliseconds;

std::vector<std::string> trace_of(uint64_t seed) {
  std::vector<std::string> lines;
  RunOptions options;
  options.seed = seed;
  options.trace = [&](const std::string& line) { lines.push_back(line); };
  (void)run_seed(options);
  return lines;
}

TEST(Replay, TheSameSeedIsTheSameRun) {
  const std::vector<std::string> one = trace_of(3);
  EXPECT_GT(one.size(), 300u);
  EXPECT_EQ(one, trace_of(3));
  EXPECT_NE(one, trace_of(4));
}

TEST(Replay, TheCommandNamesWhatIsNotStandard) {
  RunOptions options;
  options.seed = 17;
  EXPECT_EQ(replay_command(options), "atoll simulate --seeds 17:17 --trace");
  options.peers = 5;
  options.events = 9000;
  EXPECT_EQ(replay_command(options),
            "atoll simulate --seeds 17:17 --trace --peers 5 --events 9000");
}

TEST(Coverage, NamesWhatNeverHappened) {
  Statistics statistics;
  statistics.add(Count::kCommits);
  statistics.met(Fault::kCrash, Phase::kSync);
  const std::vector<std::string> zeros = statistics.zeros(FaultMix{});
  const auto names = [&](const std::string& name) {
    return std::find(zeros.begin(), zeros.end(), name) != zeros.end();
  };
  EXPECT_TRUE(names("aborts"));
  EXPECT_TRUE(names("crash in idle"));
  EXPECT_FALSE(names("commits"));
  EXPECT_FALSE(names("crash in sync"));
  EXPECT_FALSE(names("cancel in idle"));  // there would be nothing to cancel
}

// Three replicas of two shards, all in the view; what one peer of each shard was told of one call.
std::vector<Violation> complaints_about(const std::vector<uint64_t>& told_first,
                                        const std::vector<uint64_t>& told_second) {
  CheckContext context;
  Statistics statistics;
  context.statistics = &statistics;
  wire::View view;
  for (uint64_t id = 1; id <= 6; ++id) {
    view.slots.push_back(PeerId{id});
    view.members.emplace_back().id = PeerId{id};
  }
  const InstanceId instance{1, 1};
  context.newest[instance] = {view};
  const auto checker = make_verdict_checker(context);
  for (const auto* told : {&told_first, &told_second}) {
    CallRecord record;
    record.instance = instance;
    record.name = "a call";
    record.self = PeerId{told->front()};
    record.group = record.self.value % 2 == 1 ? "shard 0" : "shard 1";
    record.slots = view.slots;
    record.shards = 2;
    engine::CollectiveInfo info;
    for (const uint64_t id : *told) info.contributors.push_back(PeerId{id});
    checker->call_ended(record, engine::CallInfo{info});
  }
  return context.violations;
}

TEST(VerdictChecker, ComparesWhoHasContributedInAllShards) {
  EXPECT_TRUE(complaints_about({1, 3, 5}, {2, 4, 6}).empty());
  EXPECT_TRUE(complaints_about({1, 5}, {2, 6}).empty());
  EXPECT_EQ(complaints_about({1, 3, 5}, {2, 4}).size(), 1u);  // another number
  const std::vector<Violation> others = complaints_about({1, 3}, {2, 6});
  ASSERT_EQ(others.size(), 1u);  // as many, of other replicas
  EXPECT_EQ(others.front().invariant, "verdict agreement");
  EXPECT_NE(others.front().text.find("of replicas 0, 1"), std::string::npos);
  EXPECT_NE(others.front().text.find("of replicas 0, 2"), std::string::npos);
}

class ConnectionTest : public ::testing::Test {
 protected:
  static constexpr NodeId kHere = 1;
  static constexpr NodeId kThere = 2;

  ConnectionTest() {
    connection->attach(Connection::kListener, {[this](ByteSpan bytes) { heard += as_text(bytes); },
                                               [this](const std::string&) { ++closed; }});
    connection->attach(Connection::kDialler,
                       {[](ByteSpan) {}, [this](const std::string&) { ++closed_here; }});
  }
  void run_until(TimePoint end) {
    while (time.next() <= end) time.run_next();
    time.advance(end);
  }

  VirtualTime time;
  Random random{1};
  Network network;
  std::shared_ptr<Connection> connection = std::make_shared<Connection>(
      Connection::Place{time, random, network}, Delays{}, kHere, kThere);
  std::string heard;
  int closed = 0;
  int closed_here = 0;
};

TEST_F(ConnectionTest, KeepsTheOrder) {
  for (const char* piece : {"a", "b", "c", "d"}) connection->send(Connection::kDialler, piece);
  connection->close(Connection::kDialler, "enough");
  run_until(time.now() + milliseconds(100));
  EXPECT_EQ(heard, "abcd");
  EXPECT_EQ(closed, 1);
}

TEST_F(ConnectionTest, HoldsBackWhatABlockedDirectionBrings) {
  const TimePoint open = time.now() + milliseconds(500);
  network.block(kHere, kThere, open);
  connection->send(Connection::kDialler, "late");
  run_until(open - milliseconds(1));
  EXPECT_EQ(heard, "");
  run_until(open);
  EXPECT_EQ(heard, "late");
}

TEST_F(ConnectionTest, HoldsBackWhatComesToOneThatStandsStill) {
  const TimePoint awake = time.now() + milliseconds(300);
  network.freeze(kThere, awake);
  connection->send(Connection::kDialler, "patient");
  run_until(awake - milliseconds(1));
  EXPECT_EQ(heard, "");
  EXPECT_EQ(connection->in_flight(Connection::kDialler), 7u);
  run_until(awake);
  EXPECT_EQ(heard, "patient");
}

TEST_F(ConnectionTest, ForgottenIsToldToOneEndOnly) {
  connection->forget(Connection::kDialler, milliseconds(2000));
  connection->send(Connection::kDialler, "into the void");
  run_until(time.now() + milliseconds(1000));
  EXPECT_EQ(heard, "");
  EXPECT_EQ(closed, 1);
  EXPECT_EQ(closed_here, 0);
  run_until(time.now() + milliseconds(1000));
  EXPECT_EQ(closed_here, 1);
}

}  // namespace
}  // namespace atoll_core::simulate
