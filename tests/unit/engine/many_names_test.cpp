// A tag for each call: tens of thousands of names in one generation.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "base/limits.h"
#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

class ManyNames : public ::testing::Test {
 protected:
  Call barrier(size_t peer, uint64_t tag) {
    PlannedCall plan = run_->of_kind(wire::OpKind::kBarrier, 0);
    plan.options.tag = tag;
    return run_->collective(run_->process(peer), plan);
  }
  // A barrier for each tag from `first` to `end`, on all; many at a time.
  void barriers(uint64_t first, uint64_t end) {
    constexpr uint64_t kAtATime = 1024;
    for (uint64_t tag = first; tag < end;) {
      std::vector<Call> calls;
      for (const uint64_t last = std::min(end, tag + kAtATime); tag < last; ++tag) {
        for (size_t peer = 0; peer < run_->processes().size(); ++peer) {
          calls.push_back(barrier(peer, tag));
        }
      }
      run_->finish(calls);
      for (const Call& call : calls) ASSERT_TRUE(call.committed()) << call.sentence();
    }
  }
  std::vector<Call> update() {
    std::vector<Call> updates;
    for (const ProcessId process : run_->processes()) updates.push_back(run_->update(process));
    run_->finish(updates);
    return updates;
  }
  void expect_updated() {
    for (const Call& call : update()) ASSERT_TRUE(call.committed()) << call.sentence();
  }
  Generation generation() {
    return run_->world().engine(run_->process(0)).view()->generation;
  }
  engine::EngineReport report(size_t peer) {
    return run_->world().engine(run_->process(peer)).report(run_->world().now());
  }
  // Nothing is kept any more of calls that have ended on all.
  void expect_nothing_kept() {
    for (size_t peer = 0; peer < run_->processes().size(); ++peer) {
      EXPECT_EQ(report(peer).tables.ended_calls, 0u) << peer;
    }
    EXPECT_EQ(run_->world().coordinator().table_sizes().at("marks"), 0u);
  }

  std::unique_ptr<SmallRun> run_ = std::make_unique<SmallRun>(2);
};

TEST_F(ManyNames, TheMostThatAGenerationHasAndThenAnUpdate) {
  const Generation first = generation();
  ASSERT_NO_FATAL_FAILURE(barriers(0, limits::kCallPositions));
  EXPECT_EQ(report(0).tables.names, limits::kCallPositions);
  // One more is refused on all, and is no call: those of names that there are go on.
  for (size_t peer : {0, 1}) {
    const Call refused = barrier(peer, limits::kCallPositions);
    ASSERT_TRUE(refused.ended());
    EXPECT_EQ(error_name(refused.code()), "atollInvalidUsage");
    EXPECT_THAT(refused.sentence(), HasSubstr("have 65536 names"));
    EXPECT_THAT(refused.sentence(), HasSubstr("atollUpdate, which begins a new generation"));
  }
  ASSERT_NO_FATAL_FAILURE(barriers(7, 8));
  ASSERT_NO_FATAL_FAILURE(expect_updated());
  EXPECT_NE(generation(), first);
  EXPECT_EQ(report(0).tables.names, 0u);
  EXPECT_EQ(report(0).view->members.size(), 2u);
  // The refused call has used up nothing: it is number 0 of its tag.
  ASSERT_NO_FATAL_FAILURE(barriers(limits::kCallPositions, limits::kCallPositions + 1));
  ASSERT_NO_FATAL_FAILURE(expect_updated());
  run_->world().run_for(seconds(2));
  expect_nothing_kept();
  EXPECT_EQ(run_->world().coordinator_status().renamings, 1u);
}

TEST_F(ManyNames, ACallOfTheOldGenerationMayBeOpenMeanwhile) {
  const Generation first = generation();
  ASSERT_NO_FATAL_FAILURE(barriers(1, limits::kNamesPerGeneration + 1));
  std::vector<Call> open = run_->on_all(large_call());
  ASSERT_NO_FATAL_FAILURE(expect_updated());
  EXPECT_NE(generation(), first);
  ASSERT_NO_FATAL_FAILURE(barriers(0, 1));
  run_->finish(open);
  run_->expect_committed(open);
}

TEST_F(ManyNames, ADifferenceIsNamedAsEver) {
  ASSERT_NO_FATAL_FAILURE(barriers(0, 2000));
  const Call alone = barrier(1, 1234);
  for (const Call& call : update()) {
    EXPECT_EQ(error_name(call.code()), "atollMismatch");
    EXPECT_EQ(call.sentence(),
              "the members stand at different calls in atollUpdate: group 0 tag 1234: island-0 is "
              "before #1, island-1 before #2");
  }
  const Call late = barrier(0, 1234);
  run_->finish({alone, late});
  run_->expect_committed({alone, late});
  ASSERT_NO_FATAL_FAILURE(expect_updated());
}

// The coordinator dies when it has told one of two that all calls have ended on both: that one has
// forgotten them, and the other keeps them until somebody tells it.
TEST_F(ManyNames, WhatOnlyOneKnowsToHaveEndedOnAllIsForgottenByAll) {
  for (const bool with_snapshot : {false, true}) {
    run_ = std::make_unique<SmallRun>(2);
    World& world = run_->world();
    world.block(world.coordinator().node(), run_->process(0), seconds(3));
    ASSERT_NO_FATAL_FAILURE(barriers(0, 20));
    ASSERT_TRUE(world.run_until([&] { return report(1).tables.ended_calls == 0; }, seconds(2)));
    ASSERT_EQ(report(0).tables.ended_calls, 20u);
    world.stop_coordinator();
    world.heal();
    world.start_coordinator(with_snapshot);
    ASSERT_NO_FATAL_FAILURE(expect_updated());
    world.run_for(seconds(2));
    expect_nothing_kept();
  }
}

}  // namespace
}  // namespace atoll_core::simulate
