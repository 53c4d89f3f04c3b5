// Calls that end otherwise than by their result: cancelled, late, mismatched, without coordinator.
#include <gtest/gtest.h>

#include "unit/engine/small_run.h"
#include "wire/control_framing.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Ending, ACancelledCallEndsForAll) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    SmallRun run(3, [&](WorldConfig& config) {
      config.seed = seed;
      config.bytes_per_second = 5'000'000;
    });
    const std::vector<Call> calls = run.on_all(large_call());
    run.world().run_for(milliseconds(4 * seed));
    if (!calls[1].ended()) run.world().cancel(calls[1].process, calls[1].id);
    run.finish(calls, seconds(5));
    if (calls[0].committed()) run.expect_committed(calls);
    else run.expect_failed(calls, ErrorCode::kCancelled);
    const std::vector<Call> after = run.on_all(large_call());
    run.finish(after);
    run.expect_committed(after);
  }
}

TEST(Ending, ACancelledCallEndsAlsoForOneThatHasNotCalled) {
  SmallRun run(3);
  std::vector<Call> calls{run.collective(run.process(0), large_call()),
                          run.collective(run.process(1), large_call())};
  run.world().run_for(seconds(2));
  run.world().cancel(calls[0].process, calls[0].id);
  run.finish(calls, seconds(5));
  run.expect_failed(calls, ErrorCode::kCancelled);
  run.world().run_for(seconds(1));
  // It is told at once.
  const Call late = run.collective(run.process(2), large_call());
  run.expect_failed({late}, ErrorCode::kCancelled);
}

// A participant has lied to the coordinator.
TEST(Ending, ACommitOfACallThatThisPeerHasNotMadeEndsItsMembership) {
  SmallRun run(2);
  engine::Engine& engine = run.world().engine(run.process(0));
  wire::Verdict verdict;
  verdict.op.generation = engine.view()->generation;
  verdict.epoch = engine.view()->epoch;
  verdict.committed = true;
  std::string bytes;
  wire::append_framed(wire::encode(wire::ToPeer(wire::OpVerdict{verdict})), bytes);
  engine.on_control_bytes(run.world().now(), as_bytes(bytes));
  engine.tick(run.world().now());
  EXPECT_TRUE(engine.left());
  const Call call = run.collective(run.process(0), large_call());
  ASSERT_TRUE(call.ended());
  EXPECT_NE(call.sentence().find("was committed without island-0"), std::string::npos)
      << call.sentence();
}

TEST(Ending, ADeadlineNamesWhoIsMissing) {
  SmallRun run(3);
  PlannedCall plan = large_call();
  plan.options.deadline = seconds(4);
  const std::vector<Call> calls{run.collective(run.process(0), plan),
                                run.collective(run.process(2), plan)};
  const TimePoint begin = run.world().now();
  run.finish(calls, seconds(6));
  EXPECT_GE(run.world().now() - begin, seconds(4));
  run.expect_failed(calls, ErrorCode::kTimeout);
  for (const Call& call : calls) {
    EXPECT_NE(call.sentence().find("island-1"), std::string::npos) << call.sentence();
  }
  run.world().run_for(milliseconds(100));
  run.expect_failed({run.collective(run.process(1), plan)}, ErrorCode::kTimeout);
}

TEST(Ending, OneThatNeverComesEndsTheCallByTheArrivalTimeout) {
  SmallRun run(3, [](WorldConfig& config) { config.engine.arrival_timeout = seconds(20); });
  const std::vector<Call> calls{run.collective(run.process(1), large_call()),
                                run.collective(run.process(2), large_call())};
  run.finish(calls, seconds(30));
  run.expect_failed(calls, ErrorCode::kTimeout);
  EXPECT_NE(calls[0].sentence().find("island-0"), std::string::npos) << calls[0].sentence();
}

class Mismatch : public ::testing::TestWithParam<int> {
 protected:
  static PlannedCall different(int way, PeerId root) {
    PlannedCall plan = large_call();
    switch (way) {
      case 0: plan.counts = {20'000, 10'001}; break;
      case 1: plan.type = DataType::kInt32; break;
      case 2: plan.reduce = ReduceOp::kMax; break;
      case 3: plan.counts = {10'000, 20'000}; break;
      case 4: plan.options.retry = false; break;
      case 5: plan.kind = wire::OpKind::kBarrier, plan.counts.clear(); break;
      default: plan.kind = wire::OpKind::kBroadcast, plan.root = root; break;
    }
    return plan;
  }
};

TEST_P(Mismatch, EndsTheCallForAllAndSaysWho) {
  for (size_t odd = 0; odd < 3; ++odd) {
    SCOPED_TRACE(testing::Message() << "peer " << odd << " differs");
    SmallRun run(3);
    const PlannedCall plan = large_call();
    const PlannedCall other = different(GetParam(), run.peer(0));
    std::vector<Call> calls;
    for (size_t i = 0; i < 3; ++i) {
      calls.push_back(run.collective(run.process(i), i == odd ? other : plan));
      run.world().run_for(milliseconds(run.world().random().below(30)));
    }
    run.finish(calls, seconds(20));
    run.expect_failed(calls, ErrorCode::kMismatch);
    const std::string name = "island-" + std::to_string(odd);
    for (const Call& call : calls) {
      EXPECT_NE(call.sentence().find(name), std::string::npos) << call.sentence();
    }
    const std::vector<Call> after = run.on_all(plan);
    run.finish(after);
    run.expect_committed(after);
  }
}

TEST_P(Mismatch, IsToldToOneThatCallsLater) {
  SmallRun run(3);
  std::vector<Call> calls{run.collective(run.process(0), large_call()),
                          run.collective(run.process(1), different(GetParam(), run.peer(0)))};
  run.finish(calls, seconds(20));
  run.world().run_for(milliseconds(100));
  calls.push_back(run.collective(run.process(2), large_call()));
  EXPECT_TRUE(calls.back().ended());
  run.expect_failed(calls, ErrorCode::kMismatch);
}

INSTANTIATE_TEST_SUITE_P(EachArgument, Mismatch, ::testing::Range(0, 7));

TEST(Ending, WithoutACoordinatorTheOutcomeIsUnknown) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    SmallRun run(3, [&](WorldConfig& config) {
      config.seed = seed;
      config.bytes_per_second = 5'000'000;
      config.engine.membership.coordinator_timeout = seconds(5);
    });
    const std::vector<Call> calls = run.on_all(large_call());
    run.world().run_for(milliseconds(20 * seed));
    const bool early = !calls[0].ended() && !calls[1].ended() && !calls[2].ended();
    const TimePoint begin = run.world().now();
    run.world().stop_coordinator();
    run.finish(calls, seconds(10));
    EXPECT_LE(run.world().now() - begin, seconds(8));
    for (const Call& call : calls) {
      if (call.committed()) continue;
      EXPECT_EQ(call.code(), ErrorCode::kOutcomeUnknown) << call.sentence();
      EXPECT_EQ(call.memory->check_intact(), "");
    }
    EXPECT_TRUE(early || seed > 10) << "the coordinator went too late to matter";
    // Who has left says so.
    run.world().run_for(seconds(10));
    for (const ProcessId process : run.processes()) {
      EXPECT_TRUE(run.world().left(process).has_value());
      const Call after = run.collective(process, large_call());
      EXPECT_EQ(error_name(after.code()), error_name(run.world().left(process)->code));
    }
  }
}

TEST(Joining, ANewcomerIsAdmittedWhileCallsGoOn) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    SmallRun run(2, [&](WorldConfig& config) {
      config.seed = seed;
      config.bytes_per_second = 3'000'000;
    });
    const ProcessId newcomer = run.add();
    run.world().run_for(seconds(1));
    std::vector<Call> old_calls;
    for (size_t i = 0; i < 2; ++i) {
      old_calls.push_back(run.collective(run.process(i), large_call()));
    }
    std::vector<Call> updates{run.update(newcomer)};
    run.world().run_for(milliseconds(100));  // it is heard of before the members' is complete
    updates.push_back(run.update(run.process(0)));
    run.world().run_for(milliseconds(2 * seed));
    updates.push_back(run.update(run.process(1)));
    run.finish(updates);
    const std::vector<Call> calls = run.on_all(large_call());
    run.finish(calls);
    run.finish(old_calls);
    run.expect_committed(calls);
    run.expect_committed(old_calls);
    EXPECT_EQ(calls.front().info().contributors.size(), 3u);
    EXPECT_EQ(old_calls.front().info().contributors.size(), 2u) << "it is no part of older calls";
  }
}

TEST(Joining, OneThatLeavesIsNotMissed) {
  SmallRun run(3);
  const std::vector<Call> calls = run.on_all(large_call());
  run.world().leave(run.process(2), Error{ErrorCode::kNotConnected, "left by its user"});
  EXPECT_EQ(calls[2].code(), ErrorCode::kNotConnected);
  EXPECT_EQ(calls[2].memory->check_intact(), "");
  run.finish({calls[0], calls[1]}, seconds(10));
  run.expect_committed({calls[0], calls[1]});
  EXPECT_EQ(calls[0].info().contributors.size(), 2u);
}

}  // namespace
}  // namespace atoll_core::simulate
