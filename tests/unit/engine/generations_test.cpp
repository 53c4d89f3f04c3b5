// A run that lives for more generations than are remembered.
#include <gtest/gtest.h>

#include "membership/common/generation_table.h"
#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class ManyGenerations : public ::testing::Test {
 protected:
  // Of the two members that stay.
  void update() {
    const std::vector<Call> updates = {run_.update(run_.process(0)), run_.update(run_.process(1))};
    run_.finish(updates);
    for (const Call& call : updates) ASSERT_TRUE(call.committed()) << call.sentence();
  }
  // A newcomer comes and dies: two generations.
  void come_and_go() {
    const ProcessId newcomer = run_.add();
    const Call first = run_.update(newcomer);
    while (!first.ended()) {  // it is let in as soon as it is linked
      ASSERT_NO_FATAL_FAILURE(update());
      run_.world().run_for(milliseconds(50));
    }
    ASSERT_TRUE(first.committed()) << first.sentence();
    const uint64_t evictions = run_.world().coordinator_status().evictions;
    run_.world().kill(newcomer);
    ASSERT_TRUE(run_.world().run_until(
        [&] { return run_.world().coordinator_status().evictions > evictions; }, seconds(30)));
    ASSERT_NO_FATAL_FAILURE(update());
  }

  SmallRun run_{2, [](WorldConfig& config) {
    config.engine.arrival_timeout = config.engine.progress_timeout = minutes(600);
  }};
};

TEST_F(ManyGenerations, ACallThatIsOpenForAllOfThemEnds) {
  const Generation first = run_.world().engine(run_.process(0)).view()->generation;
  for (const size_t from : {0, 1}) {  // no data passes between the two
    run_.world().block(run_.process(from), run_.process(1 - from), minutes(600));
  }
  std::vector<Call> open = run_.on_all(large_call());
  for (const Call& call : run_.on_all(chunked_small_call())) open.push_back(call);
  size_t cycles = 0;
  for (; cycles < membership::kGenerationsKept && !open[0].ended(); ++cycles) {
    ASSERT_NO_FATAL_FAILURE(come_and_go());
  }
  EXPECT_GE(2 * cycles, membership::kGenerationsOpen - 2);
  for (const Call& call : open) {
    ASSERT_TRUE(call.ended());
    EXPECT_EQ(error_name(call.code()), "atollAborted") << call.sentence();
    EXPECT_NE(call.sentence().find("is open since 128 generations"), std::string::npos)
        << call.sentence();
  }
  ASSERT_NE(run_.world().engine(run_.process(0)).view()->generation, first);
  // The other one dies: all that was open is decided.
  run_.world().heal();
  run_.world().kill(run_.process(1));
  run_.world().run_for(seconds(10));
  EXPECT_EQ(run_.world().engine(run_.process(0)).view()->members.size(), 1u);
  const std::vector<Call> calls = run_.on_all(large_call());
  run_.finish(calls);
  run_.expect_committed(calls);
}

}  // namespace
}  // namespace atoll_core::simulate
