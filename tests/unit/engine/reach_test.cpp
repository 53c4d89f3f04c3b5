// Peers that cannot be dialled, have moved, or never find each other.
#include <gmock/gmock.h>

#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

SmallRun::Change with_seed(uint64_t seed) {
  return [seed](WorldConfig& config) { config.seed = seed; };
}

// Who comes later has a larger id, and dials; who is behind a translator can only dial.
TEST(Reach, APeerThatCannotBeDialledLocksNobodyOut) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    SmallRun run(2, with_seed(seed));
    run.world().refuse_dials(run.process(seed % 2));
    const ProcessId newcomer = run.add();
    const Call admission = run.update(newcomer);
    // It may be linked only after the members' first updates.
    for (int i = 0; i < 4 && !admission.ended(); ++i) {
      run.finish({run.update(run.process(0)), run.update(run.process(1))}, seconds(1));
      run.world().run_for(seconds(1));
    }
    ASSERT_TRUE(admission.committed()) << admission.sentence();
    EXPECT_EQ(run.world().engine(newcomer).view()->members.size(), 3u);
    const std::vector<Call> calls = run.on_all(large_call());
    run.finish(calls, seconds(30));
    run.expect_committed(calls);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(Reach, AFounderThatCannotBeDialledKeepsNoViewFromForming) {
  WorldConfig config;
  config.coordinator.min_replicas = 3;
  World world(config);
  std::vector<ProcessId> processes;
  size_t ended = 0;
  for (const char* name : {"a", "b", "c"}) {
    processes.push_back(world.spawn({name, "", 0, 1}));
    if (processes.size() == 1) world.refuse_dials(processes[0]);
    world.call(processes.back(), [](engine::Engine& engine, TimePoint now, engine::CallId id) {
      engine.connect(now, id);
    });
    world.run_for(milliseconds(200));
    world.call(processes.back(), [](engine::Engine& engine, TimePoint now, engine::CallId id) {
      engine.update(now, id);
    }, [&ended](const auto& result) { ended += result.has_value() ? 1 : 0; });
  }
  EXPECT_TRUE(world.run_until([&] { return ended == 3; }, seconds(5)));
}

// Nobody has ever been answered where it says that it listens.
TEST(Reach, ARefusalWhereAPeerHasNeverAnsweredDoesNotFindItDead) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    WorldConfig config;
    config.seed = seed;
    config.coordinator.min_replicas = 3;
    World world(config);
    std::vector<ProcessId> processes;
    size_t ended = 0;
    for (const char* name : {"a", "b", "c"}) {
      processes.push_back(world.spawn({name, "", 0, 1}));
      if (processes.size() == seed % 3 + 1) world.refuse_dials(processes.back());
      world.call(processes.back(), [](engine::Engine& engine, TimePoint now, engine::CallId id) {
        engine.connect(now, id);
      });
      world.run_for(milliseconds(200));
      world.call(processes.back(), [](engine::Engine& engine, TimePoint now, engine::CallId id) {
        engine.update(now, id);
      }, [&ended](const auto& result) { ended += result.has_value() ? 1 : 0; });
    }
    ASSERT_TRUE(world.run_until([&] { return ended == 3; }, seconds(5)));
    world.run_for(seconds(1));
    // It is suspect: the others dial it, and are refused.
    EXPECT_TRUE(world.drop_control(processes[seed % 3]));
    world.run_for(seconds(20));
    EXPECT_EQ(world.coordinator_status().evictions, 0u);
  }
}

// Those who have been dialled by it have seen before where it listens.
TEST(Reach, ADeathIsFoundAtOnceWhoeverHasDialled) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    SmallRun run(4, with_seed(seed));
    run.world().run_for(seconds(1));
    run.world().kill(run.process(seed % 4));
    EXPECT_TRUE(run.world().run_until(
        [&] { return run.world().coordinator_status().evictions == 1; }, milliseconds(500)));
  }
}

TEST(Reach, AMemberThatHasMovedIsLinkedAgain) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    SmallRun run(3, with_seed(seed));
    run.world().run_for(seconds(10));
    const std::vector<Call> calls = run.on_all(large_call());
    run.world().run_for(milliseconds(run.world().random().below(60)));
    run.world().move(run.process(seed % 3));
    run.finish(calls, seconds(20));
    run.expect_committed(calls);
    EXPECT_EQ(run.world().coordinator_status().evictions, 0u);
    if (testing::Test::HasFailure()) return;
  }
}

// Neither can dial the other, and a call needs both: the later one in the view goes.
TEST(Reach, OfAPairThatNeedsALinkOneEndIsDropped) {
  SmallRun run(3);
  run.world().run_for(seconds(10));
  run.world().separate(run.process(0), run.process(2));
  PlannedCall plan = large_call();
  plan.options.algorithm = static_cast<uint32_t>(topology::Algorithm::kMesh);
  const std::vector<Call> calls = run.on_all(plan);
  run.finish(calls, seconds(40));
  EXPECT_EQ(run.world().coordinator_status().evictions, 1u);
  EXPECT_EQ(calls[2].code(), ErrorCode::kEvicted);
  EXPECT_THAT(calls[2].sentence(), HasSubstr("has waited"));
  EXPECT_THAT(calls[2].sentence(), HasSubstr("are not linked"));
  EXPECT_TRUE(calls[0].committed()) << calls[0].sentence();
  EXPECT_TRUE(calls[1].committed()) << calls[1].sentence();
}

TEST(Reach, APairThatNeedsNoLinkStays) {
  SmallRun run(3);
  run.world().run_for(seconds(10));
  run.world().separate(run.process(0), run.process(2));
  run.world().run_for(std::chrono::minutes(2));
  EXPECT_EQ(run.world().coordinator_status().evictions, 0u);
}

}  // namespace
}  // namespace atoll_core::simulate
