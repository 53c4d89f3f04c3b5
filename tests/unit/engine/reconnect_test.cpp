// Control connections are lost and come back while calls are under way that are not to be tried
// again: only a death ends those.
#include <gtest/gtest.h>

#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

PlannedCall not_again(PlannedCall plan) {
  plan.options.retry = false;
  return plan;
}

class Reconnect : public ::testing::TestWithParam<bool> {
 protected:
  static PlannedCall plan() { return not_again(GetParam() ? chunked_small_call() : large_call()); }
};

// A moment of the call, which takes about 60 ms.
void run_into_the_call(SmallRun& run) {
  run.world().run_for(milliseconds(run.world().random().below(60)));
}

TEST_P(Reconnect, WithoutADeathTheCallGoesOnInItsAttempt) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    SmallRun run(4, [seed](WorldConfig& config) { config.seed = seed; });
    const std::vector<Call> calls = run.on_all(plan());
    run_into_the_call(run);
    for (uint64_t i = 0; i <= seed % 3; ++i) {
      EXPECT_TRUE(run.world().drop_control(run.process((seed + i) % 4)));
      if (seed % 5 == 0) run_into_the_call(run);
    }
    run.finish(calls, seconds(30));
    run.expect_committed(calls);
    if (testing::Test::HasFailure()) return;
    EXPECT_EQ(calls[0].info().contributors.size(), 4u);
    for (const Call& call : calls) EXPECT_EQ(call.info().attempts, 1u);
    EXPECT_EQ(run.world().coordinator().status().settle_rounds, 0u);
  }
}

TEST_P(Reconnect, WithADeathItEnds) {
  int lost = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    SmallRun run(4, [seed](WorldConfig& config) { config.seed = seed; });
    const std::vector<Call> calls = run.on_all(plan());
    run_into_the_call(run);
    const ProcessId dies = run.process(seed % 4);
    const ProcessId returns = run.process((seed + 1 + seed / 4 % 3) % 4);
    // At once, one after the other, or the other way round.
    if (seed % 3 != 0) run.world().drop_control(returns);
    if (seed % 3 == 1) run_into_the_call(run);
    run.world().kill(dies);
    if (seed % 3 == 0) run.world().drop_control(returns);
    run.finish(calls, seconds(60));
    size_t committed = 0;
    for (const Call& call : calls) {
      if (call.process != dies && call.committed()) ++committed;
    }
    if (committed == 3) {
      run.expect_committed(calls);
    } else {
      EXPECT_EQ(committed, 0u);
      run.expect_failed(calls, ErrorCode::kPeerLost);
      ++lost;
    }
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(lost, 10);
}

TEST_P(Reconnect, ARestartOfTheCoordinatorIsNoDeath) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    SmallRun run(3, [seed](WorldConfig& config) {
      config.seed = seed;
      config.engine.membership.coordinator_timeout = seconds(30);
    });
    const std::vector<Call> calls = run.on_all(plan());
    run_into_the_call(run);
    run.world().stop_coordinator();
    run.world().run_for(milliseconds(300));
    run.world().start_coordinator(seed % 2 == 0);
    run.finish(calls, seconds(30));
    run.expect_committed(calls);
    if (testing::Test::HasFailure()) return;
    EXPECT_EQ(calls[0].info().contributors.size(), 3u);
  }
}

TEST_P(Reconnect, AlsoWhenDozensComeBackAtOnce) {
  SmallRun run(60);
  const std::vector<Call> calls = run.on_all(plan());
  run_into_the_call(run);
  for (int times = 0; times < 2; ++times) {
    for (const ProcessId process : run.processes()) run.world().drop_control(process);
    run.world().run_for(milliseconds(40));
  }
  run.finish(calls, seconds(60));
  run.expect_committed(calls);
  for (const Call& call : calls) EXPECT_EQ(call.info().attempts, 1u);
  run.world().run_for(seconds(1));
  EXPECT_EQ(run.world().coordinator_status().settle_rounds, 0u);
  EXPECT_GE(run.world().coordinator_status().resumes, 60u);
}

INSTANTIATE_TEST_SUITE_P(SmallOrLarge, Reconnect, ::testing::Bool());

// What would begin again has no input any more: all are told, alike.
TEST(ReconnectWithoutInput, ACallThatCannotBeginAgainEndsForAll) {
  int ended = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    SmallRun run(3, [seed](WorldConfig& config) {
      config.seed = seed;
      config.bytes_per_second = 1'000'000;  // the call outlasts the restart
      config.engine.membership.coordinator_timeout = seconds(30);
    });
    std::vector<Call> calls;
    for (size_t i = 0; i < 3; ++i) {
      PlannedCall plan = not_again(large_call());
      plan.options.input_disposable = i == seed % 3;
      calls.push_back(run.collective(run.process(i), plan));
    }
    run_into_the_call(run);
    run.world().stop_coordinator();
    run.world().start_coordinator(seed % 2 == 0);
    run.finish(calls, seconds(30));
    if (calls[0].committed()) {
      run.expect_committed(calls);
      continue;
    }
    ++ended;
    for (const Call& call : calls) {
      EXPECT_EQ(error_name(call.code()), error_name(ErrorCode::kAborted)) << call.sentence();
      EXPECT_NE(call.sentence().find("island-" + std::to_string(seed % 3) + " cannot begin again"),
                std::string::npos)
          << call.sentence();
    }
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(ended, 10);
}

// One hears of the end of a call before it makes it; the coordinator dies before others hear, and
// its next life must not let those begin again without the one.
TEST(ReconnectToANewCoordinator, AnEndThatOneHasHeardOfStands) {
  int heard_by_one = 0;
  for (uint64_t seed = 1; seed <= 15; ++seed) {
    SCOPED_TRACE(seed);
    SmallRun run(3, [seed](WorldConfig& config) {
      config.seed = seed;
      config.engine.membership.coordinator_timeout = seconds(60);
    });
    World& world = run.world();
    const auto epoch_of = [&](size_t index) {
      return world.engine(run.process(index)).view()->epoch;
    };
    std::vector<Call> calls;
    for (size_t i = 1; i < 3; ++i) {
      calls.push_back(run.collective(run.process(i), not_again(large_call())));
    }
    world.run_for(milliseconds(20));
    const Epoch before = epoch_of(0);
    world.kill(run.process(2));
    ASSERT_TRUE(world.run_until([&] { return epoch_of(0) > before; }, seconds(10)));
    world.drop_control(run.process(1));
    world.stop_coordinator();
    world.run_for(milliseconds(100));
    if (epoch_of(1) == before) ++heard_by_one;
    world.start_coordinator(seed % 2 == 0);
    world.run_for(milliseconds(world.random().below(1000)));
    calls.push_back(run.collective(run.process(0), not_again(large_call())));
    run.finish(calls, seconds(30));
    run.expect_failed(calls, ErrorCode::kPeerLost);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(heard_by_one, 1);
}

}  // namespace
}  // namespace atoll_core::simulate
