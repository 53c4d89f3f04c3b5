// What can happen to processes other than a death at a chosen point: stopped and continued, the
// coordinator gone, everybody gone, many at once, and a death in the middle of much data.
#include <algorithm>
#include <chrono>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "support/coordinator_thread.h"
#include "support/worker_test.h"

namespace atoll_test {
namespace {

using namespace std::chrono_literals;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr const char* kManyElements = "1048576";  // 4 MiB
#else
constexpr const char* kManyElements = "16777216";  // 64 MiB
#endif

// In a process of its own, so that it can be killed.
class CoordinatorProcess {
 public:
  CoordinatorProcess(const std::string& listen, uint32_t min_replicas, const std::string& folder,
                     const std::vector<std::string>& options = {})
      : port_file_(folder + "/port"),
        process_(arguments(listen, min_replicas, port_file_, options),
                 folder + "/coordinator.log") {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (address_.empty() && std::chrono::steady_clock::now() < until && !process_.poll()) {
      std::getline(std::ifstream(port_file_), address_);
      std::this_thread::sleep_for(2ms);
    }
    EXPECT_FALSE(address_.empty()) << process_.output();
  }
  const std::string& address() const { return address_; }
  void kill() {
    process_.signal(SIGKILL);
    const auto exit = process_.wait_for(kPatience);
    EXPECT_TRUE(exit && !exit->exited && exit->code == SIGKILL);
    std::filesystem::remove(port_file_);
  }

 private:
  static std::vector<std::string> arguments(const std::string& listen, uint32_t min_replicas,
                                            const std::string& port_file,
                                            const std::vector<std::string>& options) {
    std::vector<std::string> all = {ATOLL_CLI,        "coordinator",
                                    "--listen",       listen,
                                    "--port-file",    port_file,
                                    "--min-replicas", std::to_string(min_replicas)};
    all.insert(all.end(), options.begin(), options.end());
    return all;
  }

  std::string port_file_;
  ChildProcess process_;
  std::string address_;
};

class FaultTest : public WorkerTest {
 protected:
  std::vector<Process> start_all(const std::string& coordinator, const std::string& prefix,
                                 int count, const std::vector<std::string>& options = {}) {
    std::vector<Process> workers;
    for (int i = 0; i < count; ++i) {
      workers.push_back(start(coordinator, prefix + std::to_string(i), options));
    }
    return workers;
  }

  // Each takes a step in a view of `world` peers that it had not taken yet.
  static void expect_steps(const std::vector<Process>& workers, int world) {
    const std::string text = " with " + std::to_string(world) + " peers";
    std::vector<size_t> from;
    for (const Process& worker : workers) from.push_back(worker->output().size());
    for (size_t i = 0; i < workers.size(); ++i) {
      ASSERT_TRUE(wait_for_text(*workers[i], text, from[i]))
          << "no step" << text << ": " << workers[i]->output();
    }
  }

  // It has given up with a result of the group "connect again".
  static void expect_out_of_the_run(ChildProcess& worker, std::chrono::milliseconds limit) {
    const auto exit = worker.wait_for(limit);
    ASSERT_TRUE(exit.has_value()) << "hangs: " << worker.output();
    EXPECT_TRUE(exit->exited && exit->code == 1) << worker.output();
    const std::string ending = last_line(worker.output());
    EXPECT_EQ(ending.substr(0, 7), "failed ") << ending;
    EXPECT_NE(ending.find(": 30"), std::string::npos) << "no 3xx result: " << ending;
  }

  // Until it has said nothing for so long.
  static bool wait_until_quiet(ChildProcess& worker, std::chrono::milliseconds quiet) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    auto last_word = std::chrono::steady_clock::now();
    size_t size = 0;
    while (std::chrono::steady_clock::now() < std::min(until, last_word + quiet)) {
      const size_t now = worker.output().size();
      if (std::exchange(size, now) != now) last_word = std::chrono::steady_clock::now();
      std::this_thread::sleep_for(5ms);
    }
    return std::chrono::steady_clock::now() < until;
  }

  static void kill_all(std::vector<Process>& workers) {
    for (const Process& worker : workers) worker->signal(SIGKILL);
    for (const Process& worker : workers) EXPECT_TRUE(worker->wait_for(kPatience).has_value());
  }
};

TEST_F(FaultTest, StoppedPeerIsDroppedAndToldSo) {
  CoordinatorThread coordinator(4, 1500);
  auto survivors = start_all(coordinator.address(), "stable", 3);
  const Process stopped = start(coordinator.address(), "stopped");
  expect_steps(survivors, 4);
  stopped->signal(SIGSTOP);
  expect_steps(survivors, 3);
  stopped->signal(SIGCONT);
  expect_out_of_the_run(*stopped, kPatience);
  EXPECT_NE(stopped->output().find("302"), std::string::npos) << stopped->output();
  expect_steps(survivors, 3);
  ask_to_stop();
  expect_same_end(survivors);
}

TEST_F(FaultTest, StoppedPeerComesBack) {
  CoordinatorThread coordinator(3, 1500);
  std::vector<Process> all = start_all(coordinator.address(), "peer", 3, {"--reconnect", "1"});
  expect_steps(all, 3);
  all[1]->signal(SIGSTOP);
  ASSERT_TRUE(wait_for_text(*all[0], " with 2 peers"));
  all[1]->signal(SIGCONT);
  ASSERT_TRUE(wait_for_text(*all[1], "out of the run")) << all[1]->output();
  expect_steps(all, 3);
  ask_to_stop();
  expect_same_end(all);
}

// A pause that is shorter than the timeout costs nobody anything but time.
TEST_F(FaultTest, ShortPauseIsNoDeath) {
  CoordinatorThread coordinator(3, 20000);
  std::vector<Process> all = start_all(coordinator.address(), "peer", 3);
  expect_steps(all, 3);
  all[2]->signal(SIGSTOP);
  ASSERT_TRUE(wait_until_quiet(*all[0], 1200ms));  // it waits in one of its calls
  const size_t before = all[0]->output().size();
  all[2]->signal(SIGCONT);
  ASSERT_TRUE(wait_for_text(*all[0], " with 3 peers", before)) << all[0]->output();
  expect_steps(all, 3);
  for (const Process& peer : all) {
    EXPECT_EQ(peer->output().find(" with 2 peers"), std::string::npos) << peer->output();
  }
  ask_to_stop();
  expect_same_end(all);
}

TEST_F(FaultTest, CoordinatorDiesAndAllCallsEnd) {
  CoordinatorProcess coordinator("127.0.0.1:0", 3, folder_.string());
  auto workers =
      start_all(coordinator.address(), "peer", 3, {"--coordinator-timeout-ms", "2000"});
  expect_steps(workers, 3);
  coordinator.kill();
  const auto limit = std::chrono::steady_clock::now() + 2000ms + 8000ms;  // and a busy machine
  for (const Process& worker : workers) {
    const auto left = limit - std::chrono::steady_clock::now();
    expect_out_of_the_run(*worker, std::chrono::duration_cast<std::chrono::milliseconds>(left));
  }
}

// Nobody is out of the run for a moment, with what the first one saved and without.
TEST_F(FaultTest, CoordinatorIsStartedAgainAndTheRunGoesOn) {
  for (const bool keeps_state : {false, true}) {
    SCOPED_TRACE(keeps_state ? "with a state folder" : "without");
    std::vector<std::string> options;
    if (keeps_state) options = {"--state-dir", (folder_ / "state").string()};
    auto coordinator = std::make_unique<CoordinatorProcess>("127.0.0.1:0", 3, folder_.string(),
                                                            options);
    const std::string address = coordinator->address();
    auto workers = start_all(address, keeps_state ? "keeper" : "peer", 3);
    expect_steps(workers, 3);
    for (int life = 0; life < 3; ++life) {
      coordinator->kill();
      coordinator = std::make_unique<CoordinatorProcess>(address, 3, folder_.string(), options);
      ASSERT_EQ(coordinator->address(), address);
      expect_steps(workers, 3);
    }
    kill_all(workers);
    coordinator->kill();
  }
}

TEST_F(FaultTest, AnotherCoordinatorTakesOver) {
  CoordinatorProcess first("127.0.0.1:0", 3, folder_.string());
  std::filesystem::create_directory(folder_ / "second");
  const CoordinatorProcess second("127.0.0.1:0", 3, (folder_ / "second").string());
  auto workers = start_all(first.address() + "," + second.address(), "peer", 3);
  expect_steps(workers, 3);
  first.kill();
  expect_steps(workers, 3);
  // A newcomer that knows both finds the run.
  workers.push_back(start(first.address() + "," + second.address(), "newcomer"));
  expect_steps(workers, 4);
  ask_to_stop();
  expect_same_end(workers);
}

TEST_F(FaultTest, OneOfTheLastTwoDies) {
  CoordinatorThread coordinator(2);
  std::vector<Process> survivor = start_all(coordinator.address(), "survivor", 1);
  const Process victim = start(coordinator.address(), "victim");
  expect_steps(survivor, 2);
  victim->signal(SIGKILL);
  expect_steps(survivor, 1);
  survivor.push_back(start(coordinator.address(), "newcomer"));
  expect_steps(survivor, 2);
  ask_to_stop();
  expect_same_end(survivor);
}

TEST_F(FaultTest, AllDieAndANewSetStarts) {
  CoordinatorThread coordinator(3);
  for (const std::string set : {"first", "second"}) {
    auto workers = start_all(coordinator.address(), set, 3);
    expect_steps(workers, 3);
    kill_all(workers);
  }
  const auto last = start_all(coordinator.address(), "last", 3);
  expect_steps(last, 3);
  ask_to_stop();
  expect_same_end(last);
}

TEST_F(FaultTest, LeaveInTheMiddleOfTheRun) {
  CoordinatorThread coordinator(4);
  const auto stay = start_all(coordinator.address(), "stable", 3);
  const Process leaver = start(coordinator.address(), "leaver", {"--leave-after", "5"});
  const auto exit = leaver->wait_for(kPatience);
  ASSERT_TRUE(exit && exit->exited && exit->code == 0) << leaver->output();
  EXPECT_EQ(last_line(leaver->output()), "left");
  expect_steps(stay, 3);
  ask_to_stop();
  expect_same_end(stay);
}

TEST_F(FaultTest, EightJoinAtOnce) {
  CoordinatorThread coordinator(2, 20000);
  auto all = start_all(coordinator.address(), "stable", 2, {"--elements", "20000"});
  expect_steps(all, 2);
  auto newcomers = start_all(coordinator.address(), "newcomer", 8, {"--elements", "20000"});
  for (Process& newcomer : newcomers) all.push_back(std::move(newcomer));
  expect_steps(all, 10);
  ask_to_stop();
  expect_same_end(all);
}

TEST_F(FaultTest, DeathInTheMiddleOfMuchData) {
  CoordinatorThread coordinator(4, 20000);
  const std::vector<std::string> size = {"--elements", kManyElements};
  const auto survivors = start_all(coordinator.address(), "stable", 3, size);
  const Process victim = start(coordinator.address(), "victim",
                               {"--elements", kManyElements, "--kill", "scatter.receive:9"});
  const auto exit = victim->wait_for(kPatience);
  ASSERT_TRUE(exit && !exit->exited && exit->code == SIGKILL) << victim->output();
  ask_to_stop();
  expect_same_end(survivors);
}

}  // namespace
}  // namespace atoll_test
