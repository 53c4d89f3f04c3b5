// Calls in which peers bring or get different parts, and sends from one to one.
#include <gtest/gtest.h>

#include <string_view>

#include "base/limits.h"
#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using wire::OpKind;

constexpr OpKind kKinds[] = {OpKind::kReduceScatter, OpKind::kAllGather, OpKind::kReduce,
                             OpKind::kGather,        OpKind::kScatter,   OpKind::kSend,
                             OpKind::kAllToAll};

// Of a size for which these peers need a verdict, or none.
PlannedCall call_of(SmallRun& run, OpKind kind, bool large, size_t root = 0) {
  PlannedCall plan = run.of_kind(kind, large ? 300'000 : 501, root);
  EXPECT_EQ(is_large(plan), large || kind == OpKind::kAllToAll);
  return plan;
}

// Those who take part in it.
std::vector<Call> make_all(SmallRun& run, const PlannedCall& plan) {
  if (plan.kind != OpKind::kSend) return run.on_all(plan);
  std::vector<Call> calls;
  for (size_t i = 0; i < run.processes().size(); ++i) {
    const bool takes_part = run.peer(i) == plan.root || run.peer(i) == plan.receiver;
    if (takes_part) calls.push_back(run.collective(run.process(i), plan));
  }
  return calls;
}

class PartsOfEachKind : public ::testing::TestWithParam<OpKind> {};
INSTANTIATE_TEST_SUITE_P(Parts, PartsOfEachKind, ::testing::ValuesIn(kKinds));

TEST_P(PartsOfEachKind, ByValueInWorldsAndSizesOfAllSorts) {
  for (uint32_t peers = GetParam() == OpKind::kSend ? 2 : 1; peers <= 5; ++peers) {
    SmallRun run(peers);
    for (const uint64_t count : {0, 1, 3, 5000, 40'000, 270'000}) {
      for (const bool in_place : {false, true}) {
        PlannedCall plan = run.of_kind(GetParam(), count, count % peers);
        plan.in_place = in_place;
        plan.salt = count + peers;
        SCOPED_TRACE(testing::Message() << peers << " peers, " << count << " elements");
        const std::vector<Call> calls = make_all(run, plan);
        run.finish(calls);
        run.expect_committed(calls);
      }
    }
  }
}

TEST_P(PartsOfEachKind, AllTypesAndOperators) {
  SmallRun run(3);
  for (const bool large : {false, true}) {
    for (size_t type = 0; type < kDataTypeCount; ++type) {
      for (size_t reduce = 0; reduce < kReduceOpCount; ++reduce) {
        PlannedCall plan = run.of_kind(GetParam(), large ? 23'000 : 77);
        plan.type = static_cast<DataType>(type);
        plan.reduce = static_cast<ReduceOp>(reduce);
        if (plan.reduce == ReduceOp::kAvg && !is_float(plan.type)) continue;
        if (!takes(plan.reduce, plan.type)) continue;
        plan.weighted = true;
        plan.salt = type * 16 + reduce;
        const std::vector<Call> calls = make_all(run, plan);
        run.finish(calls);
        run.expect_committed(calls);
      }
    }
  }
}

TEST_P(PartsOfEachKind, SmallOnesReturnWithoutACoordinatorWhenAllHaveCalled) {
  if (GetParam() == OpKind::kAllToAll) GTEST_SKIP() << "ends by a verdict";
  SmallRun run(3, [](WorldConfig& config) {
    config.engine.membership.coordinator_timeout = std::chrono::minutes(10);
  });
  const PlannedCall plan = call_of(run, GetParam(), false);
  run.world().stop_coordinator();
  std::vector<Call> calls{run.collective(run.process(0), plan)};
  if (GetParam() != OpKind::kSend) calls.push_back(run.collective(run.process(2), plan));
  run.world().run_for(seconds(2));
  for (const Call& call : calls) EXPECT_FALSE(call.ended());
  calls.push_back(run.collective(run.process(1), plan));
  run.finish(calls, seconds(20));
  run.expect_committed(calls);
}

// At any moment of the call a peer that is not needed dies; the others have the result without it.
TEST_P(PartsOfEachKind, GoesOnWithoutOneThatDies) {
  if (GetParam() == OpKind::kSend) GTEST_SKIP() << "nobody is left to go on with";
  int without = 0;
  for (const bool large : {false, true}) {
    for (uint64_t moment = 1; moment <= 60; ++moment) {
      SCOPED_TRACE(testing::Message() << (large ? "large" : "small") << ", moment " << moment);
      SmallRun run(4, [moment](WorldConfig& config) { config.seed = moment; });
      PlannedCall plan = call_of(run, GetParam(), large, 1);
      plan.in_place = moment % 2 == 0;
      uint64_t left = moment * (large ? 4 : 1);
      run.world().on_trace([&](ProcessId process, const char*) {
        if (process == run.process(2) && left > 0 && --left == 0) run.world().kill_soon(process);
      });
      const std::vector<Call> calls = make_all(run, plan);
      run.finish(calls);
      run.expect_committed(calls);
      if (run.living() < 4 && calls[0].info().contributors.size() == 3) ++without;
    }
  }
  EXPECT_GT(without, 2);
}

TEST_P(PartsOfEachKind, EndsAlikeWhenItsRootDies) {
  const bool rooted = wire::has_root(GetParam());
  if (!rooted) GTEST_SKIP() << "has none";
  int lost = 0;
  for (uint64_t moment = 1; moment <= 40; ++moment) {
    SmallRun run(3, [moment](WorldConfig& config) { config.seed = moment; });
    PlannedCall plan = call_of(run, GetParam(), moment % 2 == 0, 1);
    uint64_t left = moment;
    run.world().on_trace([&](ProcessId process, const char*) {
      if (process == run.process(1) && left > 0 && --left == 0) run.world().kill_soon(process);
    });
    const std::vector<Call> calls = make_all(run, plan);
    run.finish(calls);
    if (calls[0].committed()) {
      run.expect_committed(calls);
    } else {
      ++lost;
      run.expect_failed(calls, ErrorCode::kRootLost);
    }
  }
  EXPECT_GT(lost, 0);
}

TEST(Send, GoesBothWaysAtOnceAndEachPairCountsForItself) {
  SmallRun run(3);
  std::vector<Call> calls;
  for (int round = 0; round < 10; ++round) {
    for (size_t from = 0; from < 3; ++from) {
      for (size_t to = 0; to < 3; ++to) {
        if (from == to) continue;
        PlannedCall plan = run.of_kind(OpKind::kSend, round % 2 == 0 ? 100 : 300'000);
        plan.root = run.peer(from);
        plan.receiver = run.peer(to);
        plan.salt = static_cast<uint64_t>(round) * 9 + from * 3 + to;
        calls.push_back(run.collective(run.process(from), plan));
        calls.push_back(run.collective(run.process(to), plan));
      }
    }
  }
  run.finish(calls);
  for (const Call& call : calls) {
    ASSERT_TRUE(call.committed()) << call.sentence();
    EXPECT_EQ(call.memory->check_result(call.info().contributors), "");
    EXPECT_EQ(call.info().contributors.size(), 2u);
  }
}

TEST(Send, IsLostWithEitherOfTheTwo) {
  for (const bool sender_dies : {false, true}) {
    for (const bool large : {false, true}) {
      SmallRun run(3);
      const PlannedCall plan = call_of(run, OpKind::kSend, large);
      const size_t victim = sender_dies ? 0 : 1;
      const Call call = run.collective(run.process(1 - victim), plan);
      run.world().run_for(milliseconds(100));
      run.world().kill(run.process(victim));
      run.finish({call});
      run.expect_failed({call}, ErrorCode::kPeerLost);
      // The pair is known to be gone: nobody is waited for.
      const Call again = run.collective(run.process(1 - victim), plan);
      run.finish({again}, seconds(1));
      run.expect_failed({again}, ErrorCode::kPeerLost);
    }
  }
}

TEST(Send, RefusesOneselfAndTellsOfDifferences) {
  SmallRun run(2);
  PlannedCall plan = run.of_kind(OpKind::kSend, 10);
  plan.receiver = plan.root;
  const Call alone = run.collective(run.process(0), plan);
  run.finish({alone});
  EXPECT_EQ(alone.code(), ErrorCode::kInvalidArgument);
  const PlannedCall ten = run.of_kind(OpKind::kSend, 10);
  const PlannedCall eleven = run.of_kind(OpKind::kSend, 11);
  const std::vector<Call> calls{run.collective(run.process(0), ten),
                                run.collective(run.process(1), eleven)};
  run.finish(calls);
  run.expect_failed(calls, ErrorCode::kMismatch);
  EXPECT_NE(calls[0].sentence().find("count"), std::string::npos) << calls[0].sentence();
}

// Blocks belong to those whom the last update counted, until the next one.
TEST(Parts, BlocksStayWhereTheyAreUntilTheNextUpdate) {
  SmallRun run(4);
  PlannedCall plan = run.of_kind(OpKind::kAllGather, 400);
  run.world().kill(run.process(1));
  run.world().run_for(seconds(10));
  std::vector<Call> calls = run.on_all(plan);
  run.finish(calls);
  run.expect_committed(calls);
  EXPECT_EQ(calls[0].info().contributors.size(), 3u);
  std::vector<Call> updates;
  for (const ProcessId process : run.world().living()) updates.push_back(run.update(process));
  run.finish(updates);
  for (const Call& update : updates) {
    ASSERT_TRUE(update.committed());
    const wire::View& view = std::get<engine::UpdateInfo>(**(*update.result)).view;
    ASSERT_EQ(view.slots.size(), 3u);
    for (uint32_t i = 0; i < 3; ++i) {
      EXPECT_EQ(view.members[i].slot, i);
      EXPECT_EQ(view.members[i].id, view.slots[i]);
    }
  }
  plan.owners.erase(plan.owners.begin() + 1);
  calls = run.on_all(plan);
  run.finish(calls);
  run.expect_committed(calls);
}

}  // namespace
}  // namespace atoll_core::simulate
