// Small calls return without the coordinator, and are agreed all the same.
#include <gtest/gtest.h>

#include <string_view>

#include "base/limits.h"
#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

PlannedCall small_call(wire::OpKind kind = wire::OpKind::kAllReduce) {
  PlannedCall plan;
  plan.kind = kind;
  plan.counts = {700, 0, 301};
  if (kind == wire::OpKind::kBarrier) plan.counts.clear();
  return plan;
}

void long_without_coordinator(WorldConfig& config) {
  config.engine.membership.coordinator_timeout = minutes(10);
  config.engine.outcome_grace = seconds(1);
}

// Until the first of the calls has ended; which.
const Call& first_to_end(SmallRun& run, const std::vector<Call>& calls) {
  const Call* first = nullptr;
  EXPECT_TRUE(run.world().run_until([&] {
    for (const Call& call : calls) {
      if (call.ended() && first == nullptr) first = &call;
    }
    return first != nullptr;
  }, minutes(1)));
  return *first;
}

class EachKind : public ::testing::TestWithParam<wire::OpKind> {};

TEST_P(EachKind, ReturnsWithoutACoordinator) {
  SmallRun run(3, long_without_coordinator);
  PlannedCall plan = small_call(GetParam());
  plan.root = run.peer(1);
  run.world().stop_coordinator();
  const std::vector<Call> calls = run.on_all(plan);
  run.finish(calls, seconds(20));
  run.expect_committed(calls);
}

TEST_P(EachKind, NobodyReturnsBeforeAllHaveCalled) {
  SmallRun run(3);
  PlannedCall plan = small_call(GetParam());
  plan.root = run.peer(0);
  std::vector<Call> calls{run.collective(run.process(0), plan),
                          run.collective(run.process(1), plan)};
  run.world().run_for(seconds(5));
  EXPECT_FALSE(calls[0].ended());
  EXPECT_FALSE(calls[1].ended());
  calls.push_back(run.collective(run.process(2), plan));
  run.finish(calls);
  run.expect_committed(calls);
}

INSTANTIATE_TEST_SUITE_P(SmallOp, EachKind,
                         ::testing::Values(wire::OpKind::kAllReduce, wire::OpKind::kBroadcast,
                                           wire::OpKind::kBarrier));

TEST(SmallOp, ALargeOneWaitsForTheCoordinator) {
  SmallRun run(2, long_without_coordinator);
  run.world().stop_coordinator();
  PlannedCall plan = large_call();
  plan.options.deadline = seconds(3);
  const std::vector<Call> calls = run.on_all(plan);
  run.finish(calls, seconds(20));
  run.expect_failed(calls, ErrorCode::kOutcomeUnknown);
}

// One has returned when another dies: what was returned stands, and who lacks it fetches it.
TEST(SmallOp, WhatOneSurvivorHasReturnedAllReturn) {
  int fetches = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SmallRun run(4, [seed](WorldConfig& config) { config.seed = seed; });
    run.world().on_trace([&](ProcessId, const char* point) {
      if (std::string_view(point) == "result.fetch") ++fetches;
    });
    const std::vector<Call> calls = run.on_all(small_call());
    const Call& first = first_to_end(run, calls);
    size_t victim = 0;
    while (calls[victim].ended()) ++victim;
    run.world().kill(calls[victim].process);
    run.finish(calls, seconds(60));
    run.expect_committed(calls);
    EXPECT_EQ(first.info().contributors.size(), 4u) << "seed " << seed;
  }
  EXPECT_GT(fetches, 10);
}

// Nobody is left who has returned: the survivors agree on something else.
TEST(SmallOp, TheOnlyOneThatHasReturnedDies) {
  int without = 0;
  for (uint64_t seed = 1; seed <= 800; ++seed) {
    SmallRun run(3, [seed](WorldConfig& config) { config.seed = seed; });
    const std::vector<Call> calls = run.on_all(small_call());
    const ProcessId victim = first_to_end(run, calls).process;
    run.world().kill(victim);
    run.finish(calls, seconds(60));
    run.expect_committed(calls);
    for (const Call& call : calls) {
      if (call.process != victim && call.info().contributors.size() == 2) ++without;
    }
  }
  EXPECT_GT(without, 10);
}

// A holder dies while others fetch from it.
TEST(SmallOp, AHolderDiesWhileItServes) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SmallRun run(5, [seed](WorldConfig& config) { config.seed = seed; });
    bool fetching = false;
    run.world().on_trace([&](ProcessId, const char* point) {
      fetching = fetching || std::string_view(point) == "result.fetch";
    });
    const std::vector<Call> calls = run.on_all(small_call());
    const ProcessId holder = first_to_end(run, calls).process;
    size_t victim = 0;
    while (calls[victim].ended()) ++victim;
    run.world().kill(calls[victim].process);
    (void)run.world().run_until([&] { return fetching; }, seconds(30));
    run.world().kill(holder);
    run.finish(calls, seconds(60));
    run.expect_committed(calls);
  }
}

// Watermarks that travel with the data free results when no coordinator does.
TEST(SmallOp, ResultsAreForgottenWithoutACoordinator) {
  SmallRun run(3, long_without_coordinator);
  run.world().stop_coordinator();
  PlannedCall plan;
  plan.counts = {limits::kSmallOpBytes / sizeof(float)};
  const size_t rounds = 2 * limits::kResultBytesKept / limits::kSmallOpBytes;
  for (size_t round = 0; round < rounds; ++round) {
    const std::vector<Call> calls = run.on_all(plan);
    run.finish(calls, seconds(60));
    if (round % 32 == 0) run.expect_committed(calls);
    for (const Call& call : calls) ASSERT_TRUE(call.committed()) << "round " << round;
  }
}

// Nobody is patient enough to wait for the room that another one may make.
void small_cap(WorldConfig& config) {
  config.engine.results_kept = {4, limits::kSmallOpBytes};
  config.engine.progress_timeout = minutes(10);
}

PlannedCall largest_small_call() {
  PlannedCall plan;
  plan.counts = {limits::kSmallOpBytes / sizeof(float)};
  return plan;
}

// A cap of kept results costs a round trip to the coordinator. The data takes less than a second.
TEST(SmallOp, CallsEndThoughTooMuchIsKept) {
  SmallRun run(2, small_cap);
  std::vector<Call> calls;
  for (int i = 0; i < 16; ++i) {
    for (const Call& call : run.on_all(largest_small_call())) calls.push_back(call);
  }
  run.finish(calls, seconds(2));
  run.expect_committed(calls);
}

// Each has what the other brings to the tag that it began with, and fills its cap with calls of it,
// for which the other has no room.
TEST(SmallOp, CallsOfTwoTagsInOppositeOrderEndThoughBothKeepTooMuch) {
  SmallRun run(2, small_cap);
  PlannedCall plan =
      run.of_kind(wire::OpKind::kAllGather, limits::kSmallOpBytes / sizeof(float) / 2);
  std::vector<Call> calls;
  const auto make = [&](size_t peer, uint64_t tag) {
    plan.options.tag = tag;
    for (int i = 0; i < 12; ++i) calls.push_back(run.collective(run.process(peer), plan));
  };
  make(0, 0);
  make(1, 1);
  run.world().run_for(seconds(1));
  make(0, 1);
  make(1, 0);
  run.finish(calls, seconds(2));
  run.expect_committed(calls);
  for (const Call& call : calls) EXPECT_EQ(call.info().contributors.size(), 2u);
}

// One who leaves at once after its call leaves nobody behind.
TEST(SmallOp, OneThatLeavesStaysUntilAllHaveItsResult) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SmallRun run(3, [seed](WorldConfig& config) { config.seed = seed; });
    const std::vector<Call> calls = run.on_all(small_call());
    const ProcessId first = first_to_end(run, calls).process;
    run.world().leave(first, Error{ErrorCode::kNotConnected, "left by its user"});
    run.finish(calls, seconds(30));
    run.expect_committed(calls);
    for (const Call& call : calls) EXPECT_EQ(call.info().contributors.size(), 3u);
    EXPECT_TRUE(run.world().run_until([&] { return run.world().left(first).has_value(); },
                                      seconds(3)));
  }
}

// Nobody waits for a timer of the others: they would tell only after 250 ms what has ended there.
TEST(SmallOp, OneThatLeavesWhenAllHaveItsResultIsGoneAfterTheTripsThatItTakes) {
  for (const uint32_t peers : {2u, 3u, 4u}) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
      SmallRun run(peers, [seed](WorldConfig& config) { config.seed = seed; });
      PlannedCall plan = small_call();
      for (int i = 0; i < 3; ++i) {
        plan.options.tag = static_cast<uint64_t>(i % 2);
        run.finish(run.on_all(plan));
      }
      // Over a link, to the coordinator and back, with what these may take at most.
      const Duration trips = 4 * run.slowest_way() + milliseconds(1);
      const TimePoint before = run.world().now();
      run.world().leave(run.process(1), Error{ErrorCode::kNotConnected, "left by its user"});
      EXPECT_TRUE(run.world().run_until(
          [&] { return run.world().left(run.process(1)).has_value(); }, seconds(3)));
      EXPECT_LE(to_ms(run.world().now() - before), to_ms(trips)) << peers << ", seed " << seed;
    }
  }
}

// Another one has still to end the call when it is asked, and tells at once when it has.
TEST(SmallOp, OneThatLeavesBeforeAllHaveItsResultIsGoneSoonAfterThey) {
  int later = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SmallRun run(3, [seed](WorldConfig& config) { config.seed = seed; });
    const std::vector<Call> calls = run.on_all(small_call());
    const ProcessId first = first_to_end(run, calls).process;
    run.world().leave(first, Error{ErrorCode::kNotConnected, "left by its user"});
    const TimePoint asked = run.world().now();
    run.finish(calls, seconds(30));
    if (run.world().now() > asked) ++later;
    const TimePoint before = run.world().now();
    EXPECT_TRUE(run.world().run_until([&] { return run.world().left(first).has_value(); },
                                      seconds(3)));
    EXPECT_LE(to_ms(run.world().now() - before), to_ms(4 * run.slowest_way()) + 1)
        << "seed " << seed;
  }
  EXPECT_GT(later, 10);
}

// The last chunks of the largest small call exceed what may be sent eagerly: they wait for credit,
// also when the sender has all it needs and has returned.
TEST(SmallOp, OneThatHasReturnedStillSendsWhatWaitsForCredit) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SmallRun run(4, [seed](WorldConfig& config) { config.seed = seed; });
    PlannedCall plan;
    plan.counts = {limits::kSmallOpBytes / sizeof(float)};
    for (int round = 0; round < 3; ++round) {
      const std::vector<Call> calls = run.on_all(plan);
      run.finish(calls, seconds(5));
      run.expect_committed(calls);
    }
  }
}

TEST(SmallOp, ACancelEndsItForAll) {
  SmallRun run(3);
  std::vector<Call> calls{run.collective(run.process(0), small_call()),
                          run.collective(run.process(1), small_call())};
  run.world().run_for(milliseconds(200));
  run.world().cancel(run.process(0), calls[0].id);
  run.finish(calls, seconds(20));
  calls.push_back(run.collective(run.process(2), small_call()));
  run.finish(calls, seconds(20));
  run.expect_failed(calls, ErrorCode::kCancelled);
  const std::vector<Call> after = run.on_all(small_call());
  run.finish(after);
  run.expect_committed(after);
}

}  // namespace
}  // namespace atoll_core::simulate
