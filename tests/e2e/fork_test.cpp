// The death of a process is seen by its connections, also while children of it live that were
// forked when the connections were there.
#include <signal.h>

#include <chrono>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/test_run.h"
#include "support/worker_test.h"

namespace atoll_test {
namespace {

// No silence is noticed within the test: only connections that end can tell.
constexpr uint32_t kSilenceMs = 600'000;

// An address that refuses tells of a death only if the member has answered there before. The other
// members dial it once when it is admitted; these calls take more round trips than that dial.
constexpr int kCalls = 20;

class ForkTest : public WorkerTest, public testing::WithParamInterface<const char*> {
 protected:
  void TearDown() override {
    for (const pid_t child : children_) ::kill(child, SIGKILL);
    WorkerTest::TearDown();
  }

  // What the victim says of its children: "children PID PID are there".
  void note_children(const std::string& said) {
    std::istringstream words(said.substr(said.find("children") + 8));
    pid_t child = 0;
    while (words >> child) {
      ASSERT_GT(child, 0) << said;
      children_.push_back(child);
    }
    ASSERT_FALSE(children_.empty()) << said;
  }

  std::vector<pid_t> children_;
};

TEST_P(ForkTest, SurvivorsLearnOfADeathAlthoughChildrenOfTheDeadLive) {
  TestRun run(coordinator_config(2, kSilenceMs), {"left", "right"});
  auto victim = this->run(
      {ATOLL_FORKING_WORKER, run.address(), std::to_string(kCalls), GetParam()}, "victim");
  while (run[0].view().world != 3) {
    ASSERT_FALSE(victim->poll()) << victim->output();
    expect_update(run.all());
    ASSERT_FALSE(HasFailure());
  }
  const auto average = [](TestPeer& peer) {
    float value = 1;
    return atollAllReduce(&value, &value, 1, atollFloat32, atollAvg, peer.comm(), nullptr, nullptr);
  };
  for (int i = 0; i < kCalls; ++i) expect_all(together(run.all(), average), atollSuccess);
  ASSERT_TRUE(wait_for_text(*victim, "are there")) << victim->output();
  note_children(victim->output());
  const auto death = std::chrono::steady_clock::now();
  victim->signal(SIGKILL);
  for (TestPeer* peer : run.all()) {
    ASSERT_TRUE(wait_until([peer] { return peer->attribute(atollAttributeWorld) == 2; }))
        << peer->name() << " does not learn of the death";
  }
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - death;
  RecordProperty("milliseconds", std::to_string(took.count()));
  for (const pid_t child : children_) {
    EXPECT_EQ(::kill(child, 0), 0) << "a child of the victim died early: nothing is shown";
  }
  expect_all_reduce(run.all());
}

INSTANTIATE_TEST_SUITE_P(Children, ForkTest, testing::Values("forked", "spawned", "both"),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace atoll_test
