// How long calls wait for a verdict, and that rounds do not count.
#include "engine/outcome_grace.h"

#include "unit/engine/small_run.h"

namespace atoll_core::engine {
namespace {

using std::chrono::seconds;

constexpr TimePoint kStart{std::chrono::hours(1)};

TEST(OutcomeGrace, StandsStillInRounds) {
  OutcomeGrace grace;
  grace.stand_still(kStart, seconds(40));
  EXPECT_EQ(grace.deadline(), kNever) << "it has not begun";
  grace.begin(kStart, seconds(10));
  EXPECT_EQ(grace.deadline(), kStart + seconds(10));
  grace.stand_still(kStart + seconds(4), seconds(40));
  EXPECT_EQ(grace.deadline(), kStart + seconds(4 + 40 + 6));
  grace.stand_still(kStart + seconds(24), seconds(40));  // the round begins anew
  EXPECT_EQ(grace.deadline(), kStart + seconds(24 + 40 + 6));
  grace.go_on(kStart + seconds(30));
  EXPECT_EQ(grace.deadline(), kStart + seconds(36));
  grace.go_on(kStart + seconds(32));
  EXPECT_EQ(grace.deadline(), kStart + seconds(36));
  grace.end();
  EXPECT_EQ(grace.deadline(), kNever);
}

}  // namespace
}  // namespace atoll_core::engine

namespace atoll_core::simulate {
namespace {

using std::chrono::seconds;

// The coordinator is patient with a peer that stands still: more than calls are with a verdict.
TEST(OutcomeGrace, AStoppedPeerMakesNobodyElseLeave) {
  for (const bool small : {true, false}) {
    SmallRun run(3, [](WorldConfig& config) {
      config.coordinator.peer_timeout = seconds(20);
      config.engine.outcome_grace = seconds(10);
    });
    run.world().freeze(run.process(1), std::chrono::minutes(5));
    PlannedCall plan = small ? chunked_small_call() : large_call();
    plan.options.deadline = seconds(1);
    const std::vector<Call> calls = {run.collective(run.process(0), plan),
                                     run.collective(run.process(2), plan)};
    run.finish(calls, seconds(90));
    for (const Call& call : calls) {
      EXPECT_NE(error_name(call.code()), error_name(ErrorCode::kOutcomeUnknown))
          << call.sentence();
      EXPECT_FALSE(run.world().left(call.process));
    }
    EXPECT_EQ(calls[0].code(), calls[1].code());
  }
}

// Nobody says that a round is open: the coordinator is gone.
TEST(OutcomeGrace, WithoutACoordinatorItEnds) {
  SmallRun run(2, [](WorldConfig& config) {
    config.engine.membership.coordinator_timeout = std::chrono::minutes(5);
  });
  run.world().stop_coordinator();
  PlannedCall plan = large_call();
  plan.options.deadline = seconds(1);
  const Call call = run.collective(run.process(0), plan);
  const TimePoint before = run.world().now();
  run.finish({call}, seconds(30));
  EXPECT_EQ(error_name(call.code()), error_name(ErrorCode::kOutcomeUnknown));
  EXPECT_EQ((run.world().now() - before) / seconds(1), 11);
}

}  // namespace
}  // namespace atoll_core::simulate
