// Two members that wait for each other in calls of one tag with different groups.
#include <gtest/gtest.h>

#include <string>

#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using engine::CallGroup;
using std::chrono::seconds;

PlannedCall call_of(CallGroup group, PlannedCall plan, uint64_t tag = 0) {
  plan.options.group = group;
  plan.options.tag = tag;
  return plan;
}

PlannedCall small_call() {
  PlannedCall plan;
  plan.counts = {300};
  return plan;
}

bool names(const std::string& sentence, const std::string& what) {
  return sentence.find(what) != std::string::npos;
}

void expect_mismatch(SmallRun& run, const std::vector<Call>& calls) {
  run.expect_failed(calls, ErrorCode::kMismatch);
  for (const Call& call : calls) {
    EXPECT_TRUE(names(call.sentence(), "differs in its group")) << call.sentence();
    EXPECT_TRUE(names(call.sentence(), "all peers (island-0, island-1")) << call.sentence();
    EXPECT_TRUE(names(call.sentence(), "shard 0 (island-0, island-1")) << call.sentence();
    EXPECT_TRUE(names(call.sentence(), "island-1 calls")) << call.sentence();
  }
}

// The run goes on.
void expect_work(SmallRun& run) {
  for (const CallGroup group : {CallGroup::kShard, CallGroup::kAll}) {
    const std::vector<Call> calls = run.on_all(call_of(group, small_call(), 1));
    run.finish(calls, seconds(60));
    run.expect_committed(calls);
  }
}

TEST(OtherGroup, IsAMismatchThatNamesBoth) {
  for (const bool large : {false, true}) {
    for (uint64_t seed = 1; seed <= 10; ++seed) {
      SmallRun run(2, [seed](WorldConfig& config) { config.seed = seed; });
      const PlannedCall plan = large ? large_call() : small_call();
      const std::vector<Call> calls{
          run.collective(run.process(0), call_of(CallGroup::kAll, plan)),
          run.collective(run.process(1), call_of(CallGroup::kShard, plan))};
      run.finish(calls, seconds(5));
      expect_mismatch(run, calls);
      // What the other one has called is over for who calls it now.
      const std::vector<Call> late{
          run.collective(run.process(0), call_of(CallGroup::kShard, plan)),
          run.collective(run.process(1), call_of(CallGroup::kAll, plan))};
      run.finish(late, seconds(1));
      expect_mismatch(run, late);
      expect_work(run);
    }
  }
}

TEST(OtherGroup, OfOneOfThree) {
  for (size_t other = 0; other < 3; ++other) {
    SmallRun run(3);
    std::vector<Call> calls;
    for (size_t i = 0; i < 3; ++i) {
      const CallGroup group = i == other ? CallGroup::kShard : CallGroup::kAll;
      calls.push_back(run.collective(run.process(i), call_of(group, small_call())));
    }
    run.finish(calls, seconds(5));
    run.expect_failed(calls, ErrorCode::kMismatch);
    for (const Call& call : calls) {
      EXPECT_TRUE(names(call.sentence(), "all peers (island-0, island-1, island-2)"))
          << call.sentence();
      EXPECT_TRUE(names(call.sentence(), "shard 0 (island-0, island-1, island-2)"))
          << call.sentence();
      EXPECT_TRUE(names(call.sentence(), "island-" + std::to_string(other))) << call.sentence();
    }
    expect_work(run);
  }
}

TEST(OtherGroup, MayHaveTheSameMembers) {
  SmallRun run(2);
  const std::vector<Call> calls{
      run.collective(run.process(0), call_of(CallGroup::kShardAlone, small_call())),
      run.collective(run.process(1), call_of(CallGroup::kShard, small_call()))};
  run.finish(calls, seconds(5));
  run.expect_failed(calls, ErrorCode::kMismatch);
  EXPECT_TRUE(names(calls[0].sentence(), "shard 0 alone (island-0, island-1)"));
}

TEST(OtherGroup, OfAStateSync) {
  SmallRun run(2);
  float value = 1;
  state::StateTable table;
  ASSERT_TRUE(table.add_tensor("w", &value, DataType::kFloat32, 1));
  const std::vector<Call> calls{
      run.collective(run.process(0), call_of(CallGroup::kAll, small_call())),
      run.sync(run.process(1), table)};
  run.finish(calls, seconds(5));
  run.expect_failed(calls, ErrorCode::kMismatch);
}

// Whoever makes all of them in one order may take its time between them.
TEST(OtherGroup, IsNoneInTheSameOrder) {
  SmallRun run(3);
  std::vector<Call> calls;
  const auto make = [&](size_t peer, CallGroup group) {
    calls.push_back(run.collective(run.process(peer), call_of(group, small_call())));
  };
  make(0, CallGroup::kAll);
  make(0, CallGroup::kShard);
  run.world().run_for(seconds(4));
  make(1, CallGroup::kAll);
  run.world().run_for(seconds(4));
  make(1, CallGroup::kShard);
  run.world().run_for(seconds(4));
  make(2, CallGroup::kAll);
  run.world().run_for(seconds(4));
  make(2, CallGroup::kShard);
  run.finish(calls);
  run.expect_committed({calls[0], calls[2], calls[4]});
  run.expect_committed({calls[1], calls[3], calls[5]});
}

// Also in another order where the tags differ.
TEST(OtherGroup, IsNoneWithAnotherTag) {
  SmallRun run(2);
  std::vector<Call> calls;
  const auto make = [&](size_t peer, CallGroup group, uint64_t tag) {
    calls.push_back(run.collective(run.process(peer), call_of(group, small_call(), tag)));
  };
  make(0, CallGroup::kAll, 1);
  make(1, CallGroup::kShard, 2);
  run.world().run_for(seconds(8));
  make(0, CallGroup::kShard, 2);
  make(1, CallGroup::kAll, 1);
  run.finish(calls);
  run.expect_committed(calls);
}

}  // namespace
}  // namespace atoll_core::simulate
