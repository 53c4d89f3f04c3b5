// A settle round with more verdicts than the message that ends it holds: the rest follows it.
#include <gtest/gtest.h>

#include "base/limits.h"
#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SettleSurplus : public ::testing::TestWithParam<bool> {
 protected:
  static SmallRun::Change few_verdicts(uint64_t seed) {
    return [seed](WorldConfig& config) {
      config.seed = seed;
      EXPECT_EQ(config.coordinator.verdict_bytes_per_round, limits::kVerdictBytesPerRound);
      config.coordinator.verdict_bytes_per_round = 300;
    };
  }
};

// Small ones that some have returned from, large ones, and (or not) such as are not tried again.
TEST_P(SettleSurplus, ADeathAmongManyCallsEndsAllOfThemAlike) {
  const bool retry = GetParam();
  for (uint64_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE(seed);
    SmallRun run(3, few_verdicts(seed));
    std::vector<std::vector<Call>> all;
    for (uint64_t i = 0; i < 24; ++i) {
      PlannedCall plan = i % 3 == 0 ? large_call() : run.of_kind(wire::OpKind::kAllReduce, 50);
      plan.options.tag = i % 4;
      plan.options.retry = retry || i % 2 == 0;
      all.push_back(run.on_all(plan));
    }
    run.world().run_for(milliseconds(1 + 3 * (seed % 9)));
    run.world().kill(run.process(seed % 3));
    for (const std::vector<Call>& calls : all) run.finish(calls, seconds(60));
    for (const std::vector<Call>& calls : all) {
      std::optional<ErrorCode> code;
      for (const Call& call : calls) {
        if (!run.world().alive(call.process)) continue;
        ASSERT_TRUE(call.ended());
        EXPECT_EQ(code.value_or(call.code()), call.code()) << call.sentence();
        code = call.code();
      }
      if (code == ErrorCode::kSuccess) run.expect_committed(calls);
      EXPECT_TRUE(!retry || code == ErrorCode::kSuccess);
    }
    const std::vector<Call> after = run.on_all(large_call());
    run.finish(after, seconds(60));
    run.expect_committed(after);
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Retry, SettleSurplus, ::testing::Bool());

}  // namespace
}  // namespace atoll_core::simulate
