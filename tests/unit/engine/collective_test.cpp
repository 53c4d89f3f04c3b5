// Collectives without faults, and with faults that must not be noticed.
#include <gtest/gtest.h>

#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::milliseconds;

TEST(View, AllMembersSeeTheSameOne) {
  SmallRun run(4);
  const wire::View& view = *run.world().engine(run.process(0)).view();
  EXPECT_EQ(view.members.size(), 4u);
  for (const ProcessId process : run.processes()) {
    EXPECT_EQ(*run.world().engine(process).view(), view);
  }
}

TEST(Collective, AllKindsAndTypesByValueInWorldsOfAnySize) {
  for (uint32_t peers = 1; peers <= 6; ++peers) {
    SmallRun run(peers);
    std::vector<PeerId> members;
    for (size_t i = 0; i < peers; ++i) members.push_back(run.peer(i));
    Random random(peers);
    for (int round = 0; round < 60; ++round) {
      SCOPED_TRACE(testing::Message() << peers << " peers, round " << round);
      const std::vector<Call> calls = run.on_all(random_call(random, members, 5000));
      run.finish(calls);
      run.expect_committed(calls);
      EXPECT_EQ(calls.front().info().contributors, members);
      EXPECT_EQ(calls.front().info().attempts, 1u);
    }
  }
}

TEST(Collective, ManyInFlightTogether) {
  SmallRun run(3);
  std::vector<std::vector<Call>> all;
  for (uint64_t i = 0; i < 40; ++i) {
    PlannedCall plan;
    plan.counts = {100 * i};
    plan.salt = i;
    plan.options.tag = i % 3;
    all.push_back(run.on_all(plan));
  }
  for (const std::vector<Call>& calls : all) {
    run.finish(calls);
    run.expect_committed(calls);
  }
}

TEST(Collective, ABarrierWaitsForTheLast) {
  SmallRun run(3);
  PlannedCall barrier;
  barrier.kind = wire::OpKind::kBarrier;
  barrier.counts.clear();
  std::vector<Call> calls{run.collective(run.process(0), barrier),
                          run.collective(run.process(1), barrier)};
  run.world().run_for(std::chrono::seconds(3));
  EXPECT_FALSE(calls[0].ended());
  EXPECT_FALSE(calls[1].ended());
  calls.push_back(run.collective(run.process(2), barrier));
  run.finish(calls);
  run.expect_committed(calls);
}

TEST(Collective, WaitsForNoTimer) {
  SmallRun run(2, [](WorldConfig& config) {
    config.control_delays = config.data_delays = {milliseconds(10), milliseconds(10)};
  });
  run.world().run_for(std::chrono::seconds(1));
  const TimePoint begin = run.world().now();
  PlannedCall plan;
  plan.counts = {10};
  const std::vector<Call> calls = run.on_all(plan);
  run.finish(calls);
  run.expect_committed(calls);
  // Scatter, gather, done, commit: four one-way delays.
  EXPECT_LE(run.world().now() - begin, milliseconds(41));
}

TEST(Collective, MembersOfShardsReduceApartAndTogether) {
  WorldConfig config;
  config.coordinator.min_replicas = 2;
  World world(config);
  std::vector<ProcessId> processes;
  int admitted = 0;
  for (const char* replica : {"a", "b"}) {
    for (uint32_t shard = 0; shard < 2; ++shard) {
      processes.push_back(world.spawn({fmt::format("{}{}", replica, shard), replica, shard, 2}));
    }
  }
  for (const ProcessId process : processes) {
    world.call(process, [](auto& engine, TimePoint now, auto id) { engine.connect(now, id); });
    world.run_for(std::chrono::seconds(1));
    world.call(process, [](auto& engine, TimePoint now, auto id) { engine.update(now, id); },
               [&](const auto& result) { admitted += result.has_value() ? 1 : 0; });
  }
  ASSERT_TRUE(world.run_until([&] { return admitted == 4; }, std::chrono::seconds(10)));
  for (const auto group : {engine::CallGroup::kShard, engine::CallGroup::kReplica,
                           engine::CallGroup::kAll}) {
    PlannedCall plan;
    plan.options.group = group;
    size_t ended = 0;
    for (const ProcessId process : processes) {
      auto memory = std::make_shared<CallMemory>(plan, world.engine(process).self().id);
      world.call(process, [memory](auto& engine, TimePoint now, auto id) {
        engine.collective(now, id, memory->arguments());
      }, [&, memory](const Result<engine::CallInfo>& result) {
        ++ended;
        ASSERT_TRUE(result.has_value()) << result.error().message;
        const auto& info = std::get<engine::CollectiveInfo>(*result);
        EXPECT_EQ(info.contributors.size(), group == engine::CallGroup::kAll ? 4u : 2u);
        EXPECT_EQ(memory->check_result(info.contributors), "");
      });
    }
    ASSERT_TRUE(world.run_until([&] { return ended == 4; }, std::chrono::seconds(10)));
  }
}

// ---- faults that nobody must notice ------------------------------------------------------------

TEST(LostDataConnection, IsMadeAgainAndTheCallGoesOn) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    SmallRun run(3, [&](WorldConfig& config) {
      config.seed = seed;
      config.engine.connections_per_link = static_cast<uint32_t>(1 + seed % 3);
      config.bytes_per_second = 2'000'000;  // the call takes a while
      config.bytes_per_move_max = 1500;
    });
    const std::vector<Call> calls = run.on_all(large_call());
    for (int cuts = 0; cuts < 4; ++cuts) {
      run.world().run_for(milliseconds(run.world().random().between(1, 15)));
      const ProcessId victim = run.process(run.world().random().below(3));
      if (cuts % 2 == 0) run.world().cut_connection(victim);
      else run.world().corrupt_next_byte(victim);
    }
    run.finish(calls);
    run.expect_committed(calls);
    EXPECT_EQ(calls.front().info().contributors.size(), 3u);
    EXPECT_EQ(calls.front().info().attempts, 1u);
    EXPECT_EQ(run.world().coordinator_status().settle_rounds, 0u);
    EXPECT_EQ(run.world().coordinator_status().aborts, 0u);
  }
}

TEST(LostControlConnection, IsMadeAgainAndNobodyIsLost) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    SmallRun run(3, [&](WorldConfig& config) {
      config.seed = seed;
      config.bytes_per_second = 2'000'000;
    });
    const std::vector<Call> calls = run.on_all(large_call());
    run.world().run_for(milliseconds(seed));
    run.world().drop_control(run.process(seed % 3));
    run.world().run_for(milliseconds(seed * 3));
    run.world().drop_control(run.process(seed % 2));
    run.finish(calls);
    run.expect_committed(calls);
    EXPECT_EQ(calls.front().info().contributors.size(), 3u);
    const std::vector<Call> after = run.on_all(large_call());
    run.finish(after);
    run.expect_committed(after);
    EXPECT_EQ(run.world().coordinator_status().evictions, 0u);
  }
}

// The end of the settle round that its return starts may be lost with the next connection.
TEST(LostControlConnection, MayBeLostAgainAtOnce) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const bool large = seed > 150;
    SmallRun run(2, [&](WorldConfig& config) {
      config.seed = seed;
      config.bytes_per_second = 500'000;
    });
    const std::vector<Call> calls = run.on_all(large ? large_call() : chunked_small_call());
    for (int drops = 0; drops < 3; ++drops) {
      run.world().run_for(milliseconds(run.world().random().between(20, 150)));
      run.world().drop_control(run.process(1));
    }
    run.finish(calls, std::chrono::seconds(large ? 40 : 10));
    run.expect_committed(calls);
  }
}

}  // namespace
}  // namespace atoll_core::simulate
