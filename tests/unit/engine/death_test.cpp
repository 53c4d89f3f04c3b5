// A peer dies at each moment of each kind of call; the survivors' results are checked by value.
#include <gtest/gtest.h>

#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::milliseconds;

// Runs `play` with the death of `victim` at its first moment, then `stride` moments later, … until
// it outlives it. `play` gets a run of 3 and returns when the survivors' calls have ended.
void each_moment(size_t victim, const std::function<void(SmallRun&)>& play, uint64_t stride = 1) {
  uint64_t moments = 0;
  for (bool died = true; died; moments += stride) {
    SCOPED_TRACE(testing::Message() << "death at moment " << moments);
    ASSERT_LT(moments, 1000u);
    SmallRun run(3, [&](WorldConfig& config) { config.seed = moments + 1; });
    uint64_t left = moments + 1;
    run.world().on_trace([&](ProcessId process, const char*) {
      if (process == run.process(victim) && --left == 0) run.world().kill_soon(process);
    });
    play(run);
    died = !run.world().alive(run.process(victim));
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(moments, 3u) << "it did not die at all";
}

// Small and large calls end in different ways. A large one has so many moments that some are tried.
class DeathAtEachMoment : public ::testing::TestWithParam<PlannedCall> {
 protected:
  static bool large() { return GetParam().counts == large_call().counts; }
  static void each_moment(size_t victim, const std::function<void(SmallRun&)>& play,
                          uint64_t stride = 4) {
    simulate::each_moment(victim, play, large() ? stride : 1);
  }
};

INSTANTIATE_TEST_SUITE_P(Call, DeathAtEachMoment,
                         ::testing::Values(chunked_small_call(), large_call()),
                         [](const auto& plan) {
                           return plan.param.counts == large_call().counts ? "Large" : "Small";
                         });

TEST_P(DeathAtEachMoment, OfAnAllReduce) {
  each_moment(1, [](SmallRun& run) {
    const std::vector<Call> calls = run.on_all(GetParam());
    run.finish(calls);
    run.expect_committed(calls);
  });
}

TEST_P(DeathAtEachMoment, OfAnAllReduceThatIsNotToBeTriedAgain) {
  each_moment(2, [](SmallRun& run) {
    PlannedCall plan = GetParam();
    plan.options.retry = false;
    const std::vector<Call> calls = run.on_all(plan);
    run.finish(calls);
    if (calls[0].committed()) run.expect_committed(calls);
    else run.expect_failed(calls, ErrorCode::kPeerLost);
  });
}

TEST_P(DeathAtEachMoment, OfABroadcastByItsRoot) {
  each_moment(0, [](SmallRun& run) {
    PlannedCall plan = GetParam();
    plan.kind = wire::OpKind::kBroadcast;
    plan.root = run.peer(0);
    const std::vector<Call> calls = run.on_all(plan);
    run.finish(calls);
    if (calls[1].committed()) run.expect_committed(calls);
    else run.expect_failed(calls, ErrorCode::kRootLost);
  });
}

// Nobody has the call to report when its root is dropped, so no verdict tells of it.
TEST_P(DeathAtEachMoment, OfTheRootBeforeABroadcastThatBeginsInTheRound) {
  SmallRun run(3);
  PlannedCall plan = GetParam();
  plan.kind = wire::OpKind::kBroadcast;
  plan.root = run.peer(0);
  run.world().kill(run.process(0));
  const auto frozen = [&](size_t index) {
    return run.world().engine(run.process(index)).report(run.world().now()).frozen;
  };
  ASSERT_TRUE(run.world().run_until([&] { return frozen(1) && frozen(2); },
                                    std::chrono::seconds(10)));
  const std::vector<Call> calls = run.on_all(plan);
  run.finish(calls);
  run.expect_failed(calls, ErrorCode::kRootLost);
}

TEST_P(DeathAtEachMoment, OfABroadcastByAnotherPeer) {
  each_moment(1, [](SmallRun& run) {
    PlannedCall plan = GetParam();
    plan.kind = wire::OpKind::kBroadcast;
    plan.root = run.peer(0);
    const std::vector<Call> calls = run.on_all(plan);
    run.finish(calls);
    run.expect_committed(calls);
  });
}

TEST_P(DeathAtEachMoment, OfAnUpdateWithCallsInFlight) {
  const auto play = [](SmallRun& run) {
    const ProcessId newcomer = run.add();
    const std::vector<Call> calls = [&] {
      std::vector<Call> made;
      for (size_t i = 0; i < 3; ++i) made.push_back(run.collective(run.process(i), GetParam()));
      return made;
    }();
    const Call joining = run.update(newcomer);
    const auto update_members = [&] {
      std::vector<Call> updates;
      for (size_t i = 0; i < 3; ++i) {
        if (run.world().alive(run.process(i))) updates.push_back(run.update(run.process(i)));
      }
      run.finish(updates);
      for (const Call& update : updates) {
        if (!run.world().alive(update.process)) continue;
        EXPECT_TRUE(update.committed()) << update.sentence();
      }
    };
    update_members();
    run.finish(calls);
    run.expect_committed(calls);
    run.world().run_for(std::chrono::seconds(1));
    if (!joining.ended()) update_members();  // it was not linked with all of them in time
    run.finish({joining});
    EXPECT_TRUE(joining.committed()) << joining.sentence();
    // The run goes on, whoever is in it.
    run.world().run_for(std::chrono::seconds(1));
    const std::vector<Call> after = run.on_all(GetParam());
    run.finish(after);
    run.expect_committed(after);
    EXPECT_GE(after.front().info().contributors.size(), run.living());
  };
  each_moment(1, play, 12);
}

struct Shared {
  std::vector<float> memory = std::vector<float>(600'000);
  state::StateTable table;

  Shared(float first, uint64_t revision) {
    for (size_t i = 0; i < memory.size(); ++i) memory[i] = first + static_cast<float>(i % 1000);
    EXPECT_TRUE(table.add_tensor("w", memory.data(), DataType::kFloat32, memory.size()));
    if (revision > 0) table.adopt(revision);
  }
};

TEST(DeathInASync, OfOneThatHoldsTheState) {
  each_moment(1, [](SmallRun& run) {
    std::vector<std::unique_ptr<Shared>> states;
    states.push_back(std::make_unique<Shared>(1.0f, 7));
    states.push_back(std::make_unique<Shared>(1.0f, 7));
    states.push_back(std::make_unique<Shared>(5.0f, 0));
    std::vector<Call> calls;
    for (size_t i = 0; i < 3; ++i) {
      calls.push_back(run.sync(run.process(i), states[i]->table));
    }
    run.finish(calls);
    for (const size_t i : {0u, 2u}) {
      ASSERT_TRUE(calls[i].committed()) << calls[i].sentence();
      EXPECT_EQ(states[i]->table.revision(), 7u);
      EXPECT_FALSE(states[i]->table.torn());
      EXPECT_EQ(states[i]->memory, states[0]->memory);
      EXPECT_EQ(states[i]->memory[1], 2.0f);
    }
  });
}

TEST(Sync, TheMinorityGetsWhatMostHold) {
  SmallRun run(4);
  std::vector<std::unique_ptr<Shared>> states;
  for (int i = 0; i < 4; ++i) states.push_back(std::make_unique<Shared>(1.0f, 3));
  states[1]->memory[400'000] += 1.0f;  // in the second chunk only
  std::vector<Call> calls;
  for (size_t i = 0; i < 4; ++i) calls.push_back(run.sync(run.process(i), states[i]->table));
  run.finish(calls);
  for (size_t i = 0; i < 4; ++i) {
    ASSERT_TRUE(calls[i].committed()) << calls[i].sentence();
    EXPECT_EQ(states[i]->memory, states[0]->memory);
    const auto& info = std::get<engine::SyncInfo>(***calls[i].result);
    EXPECT_EQ(info.revision, 3u);
    // Only the chunk that differs moves, and the list of chunk digests.
    if (i == 1) EXPECT_LE(info.bytes_received, state::kStateChunkBytes + 1000);
    else EXPECT_EQ(info.bytes_received, 0u);
  }
}

TEST(Sync, WaitsForOneThatComesLate) {
  SmallRun run(2);
  Shared one(1.0f, 2);
  Shared other(4.0f, 1);
  std::vector<Call> calls{run.sync(run.process(0), one.table)};
  run.world().run_for(std::chrono::seconds(5));
  calls.push_back(run.sync(run.process(1), other.table));
  run.finish(calls);
  for (const Call& call : calls) EXPECT_TRUE(call.committed()) << call.sentence();
  EXPECT_EQ(other.memory, one.memory);
}

}  // namespace
}  // namespace atoll_core::simulate
