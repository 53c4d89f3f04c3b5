// The coordinator dies and another life of it goes on from what the members report.
#include <gtest/gtest.h>

#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

void patient(WorldConfig& config) {
  config.engine.membership.coordinator_timeout = seconds(30);
}

class Restart : public ::testing::TestWithParam<bool> {
 protected:
  // Down for a while; what runs meanwhile goes on.
  void restart(SmallRun& run, Duration down = milliseconds(300)) {
    run.world().stop_coordinator();
    run.world().run_for(down);
    run.world().start_coordinator(GetParam());
  }
  static std::vector<Call> update_all(SmallRun& run) {
    std::vector<Call> updates;
    for (const ProcessId process : run.world().living()) updates.push_back(run.update(process));
    return updates;
  }
  static void expect_updated(SmallRun& run, const std::vector<Call>& updates, size_t members) {
    run.finish(updates, seconds(30));
    for (const Call& call : updates) {
      if (!run.world().alive(call.process)) continue;
      ASSERT_TRUE(call.committed()) << call.sentence();
      const auto& info = std::get<engine::UpdateInfo>(***call.result);
      EXPECT_EQ(info.view.members.size(), members);
    }
  }
};

TEST_P(Restart, TheRunGoesOnInTheSameViewWithAHigherIncarnation) {
  SmallRun run(3, patient);
  const Epoch before = run.world().engine(run.process(0)).view()->epoch;
  restart(run);
  expect_updated(run, update_all(run), 3);
  const Epoch after = run.world().engine(run.process(0)).view()->epoch;
  EXPECT_GT(after.incarnation.counter, before.incarnation.counter);
  EXPECT_GT(after, before);
  const std::vector<Call> calls = run.on_all(large_call());
  run.finish(calls, seconds(20));
  run.expect_committed(calls);
  EXPECT_EQ(calls[0].info().contributors.size(), 3u);
}

TEST_P(Restart, ALargeCallInFlightEndsForAllAlike) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    SmallRun run(3, [seed](WorldConfig& config) { patient(config), config.seed = seed; });
    const std::vector<Call> calls = run.on_all(large_call());
    run.world().run_for(milliseconds(run.world().random().below(120)));
    restart(run);
    run.finish(calls, seconds(30));
    run.expect_committed(calls);
  }
}

// The verdict had reached some when the coordinator died.
TEST_P(Restart, WhatOneWasToldAllAreTold) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    SmallRun run(4, [seed](WorldConfig& config) { patient(config), config.seed = seed; });
    const std::vector<Call> calls = run.on_all(large_call());
    ASSERT_TRUE(run.world().run_until([&] {
      return std::any_of(calls.begin(), calls.end(), [](const Call& call) { return call.ended(); });
    }, seconds(20)));
    run.world().stop_coordinator();
    // One of those that had been told nothing dies as well; it has contributed all the same.
    for (const Call& call : calls) {
      if (call.ended() || seed % 2 == 0) continue;
      run.world().kill(call.process);
      break;
    }
    run.world().run_for(milliseconds(200));
    run.world().start_coordinator(GetParam());
    run.finish(calls, seconds(30));
    run.expect_committed(calls);
    for (const Call& call : calls) {
      if (call.committed()) {
        EXPECT_EQ(call.info().contributors.size(), 4u);
      }
    }
  }
}

TEST_P(Restart, SmallCallsGoOnMeanwhile) {
  SmallRun run(3, patient);
  run.world().stop_coordinator();
  PlannedCall plan;
  plan.counts = {500};
  for (int i = 0; i < 50; ++i) {
    const std::vector<Call> calls = run.on_all(plan);
    run.finish(calls, seconds(5));
    run.expect_committed(calls);
  }
  run.world().start_coordinator(GetParam());
  expect_updated(run, update_all(run), 3);
}

TEST_P(Restart, AnUpdateThatWaitsIsAnswered) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    SmallRun run(3, [seed](WorldConfig& config) { patient(config), config.seed = seed; });
    const ProcessId newcomer = run.add();
    std::vector<Call> updates = update_all(run);
    run.world().run_for(milliseconds(run.world().random().below(60)));
    restart(run, milliseconds(run.world().random().below(400)));
    // The newcomer is let in with this update or may have to wait for the next.
    std::erase_if(updates, [&](const Call& call) { return call.process == newcomer; });
    run.finish(updates, seconds(60));
    ASSERT_EQ(updates.size(), 3u);
    for (const Call& call : updates) EXPECT_TRUE(call.committed()) << call.sentence();
  }
}

TEST_P(Restart, WhoDoesNotComeBackIsDropped) {
  SmallRun run(4, patient);
  run.world().stop_coordinator();
  run.world().kill(run.process(1));
  run.world().run_for(milliseconds(300));
  run.world().start_coordinator(GetParam());
  expect_updated(run, update_all(run), 3);
}

// One member has heard that the others are lost, which is in no view yet when the coordinator dies.
// All are members of its next life, and their links still count alike.
TEST_P(Restart, ALifeThatHasDroppedSomeDiesBeforeAViewTellsOfIt) {
  SmallRun run(3, patient);
  World& world = run.world();
  const auto call_all = [&] {
    const std::vector<Call> calls = run.on_all(large_call());
    run.finish(calls, seconds(20));
    run.expect_committed(calls);
  };
  call_all();
  const NodeId there = world.coordinator().node();
  for (const size_t lost : {1, 2}) {
    world.block(run.process(lost), there, seconds(60));
    world.block(there, run.process(lost), seconds(60));
  }
  ASSERT_TRUE(world.run_until([&] { return world.coordinator_status().evictions == 2; },
                              seconds(30)));
  world.run_for(milliseconds(1));
  ASSERT_EQ(world.engine(run.process(0)).view()->members.size(), 3u);
  world.stop_coordinator();
  world.run_for(milliseconds(100));
  world.heal();
  world.start_coordinator(GetParam());
  expect_updated(run, update_all(run), 3);
  call_all();
}

TEST_P(Restart, ASecondRestartInTheMiddleOfTheFirst) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    SmallRun run(3, [seed](WorldConfig& config) { patient(config), config.seed = seed; });
    const std::vector<Call> calls = run.on_all(large_call());
    restart(run);
    run.world().run_for(milliseconds(run.world().random().below(400)));
    restart(run);
    run.finish(calls, seconds(60));
    run.expect_committed(calls);
  }
}

TEST_P(Restart, NobodyFormsANewRunBesideTheOldOne) {
  SmallRun run(1, patient);
  run.world().stop_coordinator();
  const ProcessId member = run.process(0);
  run.world().start_coordinator(GetParam());
  const ProcessId newcomer = run.add();
  const Call first = run.update(newcomer);
  while (!first.ended()) {  // it is let in as soon as it is linked
    const Call update = run.update(member);
    run.finish({update}, seconds(60));
    ASSERT_TRUE(update.committed()) << update.sentence();
    ASSERT_EQ(run.world().engine(member).view()->members.front().name, "island-0");
    run.world().run_for(milliseconds(50));
  }
  EXPECT_TRUE(first.committed()) << first.sentence();
  EXPECT_EQ(run.world().engine(newcomer).view()->members.size(), 2u);
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutSnapshot, Restart, ::testing::Bool());

}  // namespace
}  // namespace atoll_core::simulate
