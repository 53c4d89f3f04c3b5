// What the caller of atollUpdate is told when it has given up waiting, and calls again.
#include <gtest/gtest.h>

#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

PlannedCall small_call() {
  PlannedCall plan;
  plan.counts = {500};
  return plan;
}

class UpdateGivenUp : public ::testing::Test {
 protected:
  static void impatient(WorldConfig& config) { config.engine.update_timeout = seconds(1); }

  // The first waits in vain for the second.
  void give_up() {
    const Call first = run_.update(run_.process(0));
    run_.finish({first});
    ASSERT_EQ(first.code(), ErrorCode::kTimeout) << first.sentence();
  }

  SmallRun run_{2, impatient};
};

TEST_F(UpdateGivenUp, TheNextCallGetsTheAnswer) {
  give_up();
  const Call other = run_.update(run_.process(1));
  run_.finish({other});
  EXPECT_TRUE(other.committed()) << other.sentence();
  run_.world().run_for(milliseconds(100));
  const Call again = run_.update(run_.process(0));
  EXPECT_TRUE(run_.world().run_until([&] { return again.ended(); }, milliseconds(10)));
  EXPECT_TRUE(again.committed()) << again.sentence();
}

TEST_F(UpdateGivenUp, OneThatFailsMeanwhileFailsForItToo) {
  give_up();
  const Call alone = run_.collective(run_.process(1), small_call());
  const Call other = run_.update(run_.process(1));
  run_.finish({other});
  EXPECT_EQ(error_name(other.code()), "atollMismatch") << other.sentence();
  run_.world().run_for(milliseconds(100));
  const Call again = run_.update(run_.process(0));
  run_.finish({again});
  EXPECT_EQ(error_name(again.code()), "atollMismatch") << again.sentence();
  EXPECT_EQ(again.sentence(), other.sentence());
  // It has missed nothing: both are before the next update.
  const Call late = run_.collective(run_.process(0), small_call());
  run_.finish({alone, late});
  run_.expect_committed({alone, late});
  const std::vector<Call> next = {run_.update(run_.process(0)), run_.update(run_.process(1))};
  run_.finish(next);
  for (const Call& call : next) EXPECT_TRUE(call.committed()) << call.sentence();
}

TEST_F(UpdateGivenUp, OtherCallsInBetweenAreAnError) {
  give_up();
  const Call between = run_.collective(run_.process(0), small_call());
  const Call again = run_.update(run_.process(0));
  run_.finish({again});
  EXPECT_EQ(error_name(again.code()), "atollInvalidUsage");
  EXPECT_NE(again.sentence().find("made other calls"), std::string::npos) << again.sentence();
  EXPECT_FALSE(between.ended());
}

}  // namespace
}  // namespace atoll_core::simulate
