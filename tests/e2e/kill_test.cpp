// Killing any one trainer at any moment never makes another hang, fail or diverge.
//
// One test for each trace point of the library: three peers stay, a fourth dies by SIGKILL when it
// passes that point for the 1st, 2nd, … 5th time, one victim after the other while training goes
// on. Every peer checks every result by value; at the end the survivors must hold the same state
// and must have taken steps after the last death.
#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/coordinator_thread.h"
#include "support/worker_test.h"

namespace atoll_test {
namespace {

constexpr int kKillsPerPoint = 5;

struct KillPoint {
  const char* point;
  bool once_in_a_life;  // passed when joining: five victims reach it once, not once, twice, …
};

void PrintTo(const KillPoint& tested, std::ostream* out) { *out << tested.point; }

class KillTest : public WorkerTest, public testing::WithParamInterface<KillPoint> {};

TEST_P(KillTest, SurvivorsGoOnAndAgree) {
  // The first victim belongs to the first view, the others join a run that goes on. Where joining
  // is the point, all join, and not before the state has moved: who joins at the very beginning
  // has nothing to fetch.
  CoordinatorThread coordinator(GetParam().once_in_a_life ? 3 : 4);
  std::vector<Process> survivors;
  for (int i = 0; i < 3; ++i) {
    survivors.push_back(start(coordinator.address(), "stable" + std::to_string(i)));
  }
  if (GetParam().once_in_a_life) {
    ASSERT_TRUE(wait_for_text(*survivors[0], "step ")) << survivors[0]->output();
  }
  for (int nth = 1; nth <= kKillsPerPoint; ++nth) {
    const std::string name = "victim" + std::to_string(nth);
    const int passes = GetParam().once_in_a_life ? 1 : nth;
    auto victim = start(coordinator.address(), name,
                        {"--kill", std::string(GetParam().point) + ":" + std::to_string(passes)});
    const auto exit = victim->wait_for(kPatience);
    ASSERT_TRUE(exit.has_value()) << name << " does not get there\n"
                                  << victim->output() << survivors[0]->output();
    ASSERT_FALSE(exit->exited) << name << " ended by itself: " << victim->output();
    ASSERT_EQ(exit->code, SIGKILL) << victim->output();
    for (const auto& peer : survivors) ASSERT_FALSE(peer->poll()) << peer->output();
  }
  // One more, unharmed: the run is seen to go on, and to admit, after the last death.
  survivors.push_back(start(coordinator.address(), "last"));
  ASSERT_TRUE(wait_for_text(*survivors.back(), "member")) << survivors.back()->output();
  ask_to_stop();
  expect_same_end(survivors);
}

// Points that a trainer passes in every step, and those that it passes once in its life.
INSTANTIATE_TEST_SUITE_P(
    EveryPoint, KillTest,
    testing::Values(KillPoint{"connect.registered", true}, KillPoint{"connect.linked", true},
                    KillPoint{"update.request", false}, KillPoint{"update.done", false},
                    KillPoint{"op.begin", false}, KillPoint{"scatter.receive", false},
                    KillPoint{"gather.receive", false}, KillPoint{"op.done", false},
                    KillPoint{"done.sent", false}, KillPoint{"op.commit", false},
                    KillPoint{"sync.request", false},
                    KillPoint{"sync.plan", false}, KillPoint{"sync.fetch", true},
                    KillPoint{"sync.done", false}),
    [](const auto& tested) {
      std::string name = tested.param.point;
      std::replace(name.begin(), name.end(), '.', '_');
      return name;
    });

}  // namespace
}  // namespace atoll_test
