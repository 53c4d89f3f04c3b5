// Thousands of calls in flight.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "base/limits.h"
#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

class ManyCalls : public ::testing::Test {
 protected:
  std::vector<Call> make(size_t peer, uint64_t tag, size_t count, Duration deadline = {}) {
    PlannedCall plan = run_.of_kind(wire::OpKind::kBarrier, 0);
    plan.options.tag = tag;
    plan.options.deadline = deadline;
    std::vector<Call> calls;
    while (calls.size() < count) calls.push_back(run_.collective(run_.process(peer), plan));
    return calls;
  }
  void listen(const std::string& what) {
    run_.world().on_note([this, what](const std::string& who, const std::string& line) {
      if (line.find(what) != std::string::npos) heard_.push_back(who + ": " + line);
    });
  }

  SmallRun run_{2};
  std::vector<std::string> heard_;
};

TEST_F(ManyCalls, OneTooManyIsRefusedAndTakesNoName) {
  std::vector<Call> calls = make(0, 1, limits::kOpsInFlight);
  const std::vector<Call> refused = make(0, 1, 3);
  for (const Call& call : refused) {
    EXPECT_EQ(call.code(), ErrorCode::kInvalidUsage);
    EXPECT_THAT(call.sentence(), HasSubstr("4096 calls in flight"));
  }
  for (Call& call : make(1, 1, limits::kOpsInFlight)) calls.push_back(std::move(call));
  run_.finish(calls);
  run_.expect_committed(calls);
  const std::vector<Call> updates{run_.update(run_.process(0)), run_.update(run_.process(1))};
  run_.finish(updates);
  for (const Call& update : updates) EXPECT_TRUE(update.committed()) << update.sentence();
}

// After a second of waiting all are told once more who has called.
TEST_F(ManyCalls, TheMostThatNobodyElseMakesBreakNoLink) {
  listen("a connection to");
  const std::vector<Call> calls = make(0, 1, limits::kOpsInFlight);
  run_.world().run_for(seconds(3));
  EXPECT_THAT(heard_, ElementsAre());
  const std::vector<Call> others = make(1, 1, limits::kOpsInFlight);
  run_.finish(others);
  run_.expect_committed(others);
}

TEST_F(ManyCalls, ThoseThatWaitTogetherAreWarnedOfInOneLine) {
  listen("is waiting for");
  const std::vector<Call> calls = make(0, 1, limits::kOpsInFlight);
  run_.world().run_for(seconds(5));
  ASSERT_EQ(heard_.size(), 1u);
  EXPECT_THAT(heard_.front(), HasSubstr("barrier tag 1 #0"));
  EXPECT_THAT(heard_.front(), HasSubstr("and 4095 more calls of island-0 wait"));
}

TEST_F(ManyCalls, OneThatWaitsAloneIsWarnedOfAlone) {
  listen("is waiting for");
  const std::vector<Call> calls = make(0, 1, 1);
  run_.world().run_for(seconds(5));
  ASSERT_EQ(heard_.size(), 1u);
  EXPECT_THAT(heard_.front(), testing::Not(HasSubstr("more")));
}

// Each peer waits for the other.
TEST_F(ManyCalls, TheirDeadlinesEndAllOfThem) {
  std::vector<Call> calls = make(0, 1, limits::kOpsInFlight, seconds(3));
  for (Call& call : make(1, 2, limits::kOpsInFlight, seconds(3))) calls.push_back(std::move(call));
  run_.finish(calls, seconds(4));
  run_.expect_failed(calls, ErrorCode::kTimeout);
  const std::vector<Call> after = run_.on_all(run_.of_kind(wire::OpKind::kBarrier, 0));
  run_.finish(after);
  run_.expect_committed(after);
}

}  // namespace
}  // namespace atoll_core::simulate
