// Replicas of several shards that reduce at the same time, each shard in its group, in orders of
// their own: nobody waits for ever, every sum is right, and all groups of a call have the same
// replicas in it, also when one dies. See fsdp_worker.cpp.
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/coordinator_thread.h"
#include "support/worker_test.h"

namespace atoll_test {
namespace {

constexpr int kSteps = 12;
constexpr int kShardCalls = 4;  // of a shard's group, in each step

enum class Processes { kOneForEachReplica, kOneForEachShard };

class FsdpTest : public WorkerTest, public testing::WithParamInterface<Processes> {
 protected:
  std::vector<Process> start_replica(const CoordinatorThread& coordinator,
                                     const std::string& replica, uint64_t seed,
                                     const std::string& kill = "") {
    const bool together = GetParam() == Processes::kOneForEachReplica;
    const auto parts = together ? std::vector<std::string>{"0,1"}
                                : std::vector<std::string>{"0", "1"};
    std::vector<Process> started;
    for (const std::string& shards : parts) {
      std::vector<std::string> command = {
          ATOLL_FSDP_WORKER, "--coordinator", coordinator.address(), "--replica", replica,
          "--shards", shards, "--shard-count", "2", "--steps", std::to_string(kSteps),
          "--seed", std::to_string(seed)};
      // One of the shards dies, with its process.
      if (!kill.empty() && shards.front() == '0') {
        command.insert(command.end(), {"--kill", kill});
      }
      started.push_back(run(command, replica + "." + shards));
    }
    return started;
  }

  static void expect_done(const std::vector<Process>& processes) {
    for (const Process& process : processes) {
      const auto exit = process->wait_for(kPatience);
      ASSERT_TRUE(exit.has_value()) << "it hangs: " << process->output();
      EXPECT_TRUE(exit->exited && exit->code == 0) << process->output();
      EXPECT_EQ(last_line(process->output()), "done");
    }
  }

  // By "step N tag T": the replicas of each call, as each peer has seen them.
  static std::map<std::string, std::vector<std::string>> calls_of(
      const std::vector<Process>& processes) {
    std::map<std::string, std::vector<std::string>> calls;
    for (const Process& process : processes) {
      std::istringstream lines(process->output());
      for (std::string line; std::getline(lines, line);) {
        const size_t shard = line.find(" shard ");
        const size_t colon = line.find(": ");
        if (line.rfind("step ", 0) != 0 || shard == std::string::npos) continue;
        calls[line.substr(0, shard)].push_back(line.substr(colon + 2));
      }
    }
    return calls;
  }
};

TEST_P(FsdpTest, OrdersOfTheirOwnAmongTagsAndGroups) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    CoordinatorThread coordinator(2, 20000);
    std::vector<Process> all;
    for (const char* replica : {"north", "south"}) {
      for (Process& process : start_replica(coordinator, replica, seed)) {
        all.push_back(std::move(process));
      }
    }
    expect_done(all);
    const auto calls = calls_of(all);
    EXPECT_EQ(calls.size(), size_t{kSteps * kShardCalls});
    for (const auto& [call, seen] : calls) {
      EXPECT_EQ(seen, std::vector<std::string>(4, "north south")) << call;
    }
  }
}

TEST_P(FsdpTest, AReplicaDiesInTheMiddle) {
  for (const char* kill : {"op.begin:20", "scatter.receive:60", "gather.receive:45",
                           "op.done:17", "done.sent:30", "op.commit:25"}) {
    SCOPED_TRACE(kill);
    CoordinatorThread coordinator(3, 20000);
    std::vector<Process> survivors;
    for (const char* replica : {"north", "south"}) {
      for (Process& process : start_replica(coordinator, replica, 7)) {
        survivors.push_back(std::move(process));
      }
    }
    const std::vector<Process> victim = start_replica(coordinator, "west", 7, kill);
    const auto exit = victim.front()->wait_for(kPatience);
    ASSERT_TRUE(exit && !exit->exited && exit->code == SIGKILL) << victim.front()->output();
    expect_done(survivors);
    // Whether it was in a call or not, it was so for both shards, as all survivors see it.
    const auto calls = calls_of(survivors);
    EXPECT_EQ(calls.size(), size_t{kSteps * kShardCalls});
    std::set<std::string> kinds;
    for (const auto& [call, seen] : calls) {
      EXPECT_EQ(seen, std::vector<std::string>(4, seen.front())) << call;
      kinds.insert(seen.front());
    }
    EXPECT_EQ(kinds.count("north south"), 1u);
    kinds.erase("north south");
    kinds.erase("north south west");  // none, if it died before one call had all of it
    EXPECT_EQ(kinds, std::set<std::string>());
  }
}

// In the first step a shard receives 22 chunks to reduce, later 19: it dies after the first, whose
// calls have ended on all by then, and before the last.
TEST_P(FsdpTest, TheLastOfTwoReplicasGoesOnAlone) {
  CoordinatorThread coordinator(2, 20000);
  const std::vector<Process> survivor = start_replica(coordinator, "north", 9);
  const std::vector<Process> victim =
      start_replica(coordinator, "south", 9, "scatter.receive:60");
  expect_done(survivor);
  std::set<std::string> kinds;
  for (const auto& [call, seen] : calls_of(survivor)) {
    EXPECT_EQ(seen, std::vector<std::string>(2, seen.front())) << call;
    kinds.insert(seen.front());
  }
  EXPECT_EQ(kinds, (std::set<std::string>{"north", "north south"}));
}

INSTANTIATE_TEST_SUITE_P(Arrangements, FsdpTest,
                         testing::Values(Processes::kOneForEachReplica,
                                         Processes::kOneForEachShard),
                         [](const auto& tested) {
                           return tested.param == Processes::kOneForEachReplica
                                      ? "OneProcessForEachReplica"
                                      : "OneProcessForEachShard";
                         });

class FsdpReplicaTest : public FsdpTest {};

// The replica goes as a whole, and the shard that lives is told why.
TEST_P(FsdpReplicaTest, TheSiblingOfAKilledShardIsToldWhichOne) {
  CoordinatorThread coordinator(2, 20000);
  const std::vector<Process> survivors = start_replica(coordinator, "north", 3);
  const std::vector<Process> victim = start_replica(coordinator, "south", 3, "op.commit:15");
  const auto killed = victim[0]->wait_for(kPatience);
  ASSERT_TRUE(killed && !killed->exited && killed->code == SIGKILL) << victim[0]->output();
  const auto evicted = victim[1]->wait_for(kPatience);
  ASSERT_TRUE(evicted && evicted->exited && evicted->code == 3) << victim[1]->output();
  const std::string told = last_line(victim[1]->output());
  EXPECT_EQ(told.rfind("evicted south.1: ", 0), 0u) << told;
  EXPECT_NE(told.find("replica south"), std::string::npos) << told;
  EXPECT_NE(told.find("south.0 is lost"), std::string::npos) << told;
  expect_done(survivors);
}

// One shard alone is no replica: it waits, and the run goes on without it.
TEST_P(FsdpReplicaTest, IsAdmittedOnlyWhenItIsComplete) {
  CoordinatorThread coordinator(2, 20000);
  const std::string address = coordinator.address();
  const auto shard = [&](const std::string& replica, const std::string& number) {
    return run({ATOLL_FSDP_WORKER, "--coordinator", address, "--replica", replica, "--shards",
                number, "--shard-count", "2", "--steps", std::to_string(kSteps), "--seed", "5"},
               replica + "." + number);
  };
  const Process half = shard("half", "0");
  std::vector<Process> whole;
  for (const char* replica : {"north", "south"}) {
    for (Process& process : start_replica(coordinator, replica, 5)) {
      whole.push_back(std::move(process));
    }
  }
  expect_done(whole);
  for (const auto& [call, seen] : calls_of(whole)) {
    EXPECT_EQ(seen, std::vector<std::string>(4, "north south")) << call;
  }
  EXPECT_FALSE(half->poll().has_value()) << half->output();
  EXPECT_EQ(half->output().find("step "), std::string::npos) << half->output();
}

INSTANTIATE_TEST_SUITE_P(Arrangements, FsdpReplicaTest,
                         testing::Values(Processes::kOneForEachShard),
                         [](const auto&) { return "OneProcessForEachShard"; });

}  // namespace
}  // namespace atoll_test
