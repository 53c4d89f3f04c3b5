// Calls that one peer makes and has aborted, again and again, while another one makes none.
#include <gmock/gmock.h>

#include "base/limits.h"
#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr size_t kBatch = 1024;

void patient(WorldConfig& config) {
  config.engine.arrival_timeout = minutes(600);
  config.engine.progress_timeout = minutes(600);
  config.engine.outcome_grace = minutes(600);
}

class EarlyVerdicts : public ::testing::Test {
 protected:
  // Returns how many barriers were made and cancelled until one was refused.
  size_t make_and_cancel_until_refused() {
    size_t made = 0;
    while (refusal_.empty() && made < 3 * limits::kEarlyVerdicts) {
      std::vector<Call> calls;
      while (calls.size() < kBatch && refusal_.empty()) {
        Call call = run_.collective(run_.process(0), barrier());
        if (call.ended()) refusal_ = call.sentence(), refused_as_ = call.code();
        else calls.push_back(std::move(call));
      }
      for (const Call& call : calls) run_.world().cancel(run_.process(0), call.id);
      run_.finish(calls, minutes(60));
      for (const Call& call : calls) EXPECT_EQ(call.code(), ErrorCode::kCancelled);
      made += calls.size();
      if (::testing::Test::HasFailure()) break;
    }
    return made;
  }
  PlannedCall barrier() { return run_.of_kind(wire::OpKind::kBarrier, 0); }
  bool is_member(size_t index) {
    const engine::Engine& engine = run_.world().engine(run_.process(index));
    return !engine.left() && engine.view()->members.size() >= 2;
  }

  SmallRun run_{2, patient};
  std::string refusal_;
  ErrorCode refused_as_ = ErrorCode::kSuccess;
};

TEST_F(EarlyVerdicts, WhoMakesThemIsStoppedAndNobodyElseIsThrownOut) {
  const size_t made = make_and_cancel_until_refused();
  EXPECT_EQ(refused_as_, ErrorCode::kInvalidUsage);
  EXPECT_THAT(refusal_, HasSubstr("not yet on all others"));
  EXPECT_GE(made, limits::kAbortsKept);
  EXPECT_LE(made, limits::kEarlyVerdicts);
  ASSERT_TRUE(is_member(0) && is_member(1));
  const PlannedCall plan = barrier();
  // A settle round has to be told of all of them.
  const ProcessId third = run_.add();
  const Call admission = run_.update(third);
  run_.world().kill(third);
  run_.world().run_for(seconds(20));
  ASSERT_TRUE(is_member(0) && is_member(1)) << admission.sentence();
  // The other one makes its calls at last: they end at once, and both go on.
  for (size_t i = 0; i < made; ++i) {
    const Call call = run_.collective(run_.process(1), plan);
    ASSERT_EQ(call.code(), ErrorCode::kCancelled) << i;
  }
  run_.world().run_for(seconds(2));
  std::vector<Call> calls;
  for (size_t i = 0; i < 2; ++i) calls.push_back(run_.collective(run_.process(i), plan));
  run_.finish(calls);
  for (const Call& call : calls) EXPECT_TRUE(call.committed()) << call.sentence();
}

}  // namespace
}  // namespace atoll_core::simulate
