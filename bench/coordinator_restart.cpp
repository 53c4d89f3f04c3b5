// What the death of a coordinator costs. Real processes on this machine, TCP over loopback:
//
//   coordinator_restart [--peers 4] [--trials 5] [--mib 4] [--atoll PROGRAM]
//
// Peers make steps: atollUpdate, then an all-reduce of random values that is large enough to need
// the coordinator's verdict. In each trial the coordinator is killed in the middle of that with
// SIGKILL and started again on its port at once, in turn with its state folder and without.
// Measured from the kill:
//   serves      it listens again
//   committed   the first all-reduce that was begun after the kill has returned, on all peers
// Every result is checked by value. Exit code 0: all were right, and nobody fell out of the run. It
// does not depend on the times.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <atoll/atoll.hpp>

extern char** environ;

namespace {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

constexpr double kGoalMs = 2000;

struct Options {
  unsigned peers = 4;
  unsigned trials = 6;
  unsigned mib = 4;
  std::string atoll;
};

double ms_between(TimePoint from, TimePoint to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

// ---- the coordinator ---------------------------------------------------------------------------

class CoordinatorProcess {
 public:
  CoordinatorProcess(std::string program, std::filesystem::path folder)
      : program_(std::move(program)), folder_(std::move(folder)) {}
  ~CoordinatorProcess() { kill(); }
  CoordinatorProcess(const CoordinatorProcess&) = delete;
  CoordinatorProcess& operator=(const CoordinatorProcess&) = delete;

  void start(unsigned peers, bool keeps_state) {
    const std::string port_file = folder_ / "port";
    std::filesystem::remove(port_file);
    std::vector<std::string> words = {program_,       "coordinator",
                                      "--listen",     address_.empty() ? "127.0.0.1:0" : address_,
                                      "--port-file",  port_file,
                                      "--log-level",  "off",
                                      "--min-replicas", std::to_string(peers)};
    if (keeps_state) words.insert(words.end(), {"--state-dir", folder_ / "state"});
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    const int failed = posix_spawn(&pid_, arguments[0], &actions, nullptr, arguments.data(),
                                   environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) throw std::runtime_error("cannot start " + program_);
    address_.clear();
    const TimePoint until = Clock::now() + std::chrono::seconds(20);
    while (address_.empty() && Clock::now() < until) {
      std::ifstream(port_file) >> address_;
      if (address_.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (address_.empty()) throw std::runtime_error("the coordinator does not listen");
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  const std::string& address() const { return address_; }

 private:
  const std::string program_;
  const std::filesystem::path folder_;
  std::string address_;
  pid_t pid_ = 0;
};

// ---- peers -------------------------------------------------------------------------------------

struct Step {
  TimePoint begun;
  TimePoint ended;
};

class Peer {
 public:
  Peer(unsigned index, const Options& options, const std::string& coordinator)
      : index_(index), options_(options), coordinator_(coordinator) {}

  void start(std::atomic<uint64_t>& last_step) {
    thread_ = std::thread([this, &last_step] {
      try {
        run(last_step);
      } catch (const std::exception& exception) {
        std::fprintf(stderr, "coordinator_restart: peer %u: %s\n", index_, exception.what());
        right = false;
        ended = true;
      }
    });
  }
  void join() { thread_.join(); }
  std::vector<Step> steps() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return steps_;
  }

  std::atomic<bool> right{true};
  std::atomic<bool> ended{false};

 private:
  static float value_of(unsigned index, uint64_t step, uint64_t element) {
    uint64_t x = step * 0x9e3779b97f4a7c15u + index * 0xbf58476d1ce4e5b9u + element;
    x = (x ^ (x >> 30)) * 0x94d049bb133111ebu;
    return static_cast<float>((x >> 40) & 4095);  // sums are exact in any order
  }

  void run(std::atomic<uint64_t>& last_step) {
    atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
    const std::string name = "island-" + std::to_string(index_);
    config.coordinator = coordinator_.c_str();
    config.name = name.c_str();
    config.bind = "127.0.0.1";
    atoll_cpp::Communicator comm(config);
    comm.connect();
    std::vector<float> input(uint64_t{options_.mib} << 18);
    std::vector<float> output(input.size());
    for (uint64_t step = 0; step <= last_step; ++step) {
      for (uint64_t i = 0; i < input.size(); ++i) input[i] = value_of(index_, step, i);
      if (comm.update().world != options_.peers) throw std::runtime_error("somebody is lost");
      const TimePoint begun = Clock::now();
      check(atollAllReduce(input.data(), output.data(), input.size(), atollFloat32, atollSum,
                           comm.handle(), nullptr, nullptr));
      const TimePoint over = Clock::now();
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        steps_.push_back({begun, over});
      }
      for (uint64_t i = step % 7; i < output.size(); i += 7) {
        float sum = 0;
        for (unsigned peer = 0; peer < options_.peers; ++peer) sum += value_of(peer, step, i);
        if (output[i] != sum) throw std::runtime_error("a wrong sum");
      }
    }
    ended = true;
  }
  static void check(atollResult_t result) {
    if (result != atollSuccess) throw std::runtime_error(atollGetLastError());
  }

  const unsigned index_;
  const Options& options_;
  const std::string& coordinator_;
  std::thread thread_;
  std::mutex mutex_;
  std::vector<Step> steps_;
};

// ---- the trials --------------------------------------------------------------------------------

struct Sample {
  std::vector<double> values;
  void print(const char* what, const char* goal) {
    std::sort(values.begin(), values.end());
    std::printf("%-52s %10.1f %10.1f %10.1f  ms  %s\n", what, values[values.size() / 2],
                values.front(), values.back(), goal);
  }
  double median() const {
    std::vector<double> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
};

class Bench {
 public:
  Bench(const Options& options, const std::filesystem::path& folder)
      : options_(options), coordinator_(options.atoll, folder) {}

  bool run() {
    coordinator_.start(options_.peers, true);
    const std::string address = coordinator_.address();
    for (unsigned i = 0; i < options_.peers; ++i) {
      peers_.push_back(std::make_unique<Peer>(i, options_, address));
    }
    for (auto& peer : peers_) peer->start(last_step_);
    bool fine = wait_for_steps(Clock::now(), 3, nullptr);
    std::mt19937 random(std::random_device{}());
    for (unsigned trial = 0; fine && trial < options_.trials; ++trial) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200 + random() % 300));
      fine = run_trial(trial % 2 == 0);
    }
    last_step_ = fine ? newest_step() + 3 : 0;
    for (auto& peer : peers_) peer->join();
    for (const auto& peer : peers_) fine = fine && peer->right;
    return fine;
  }

  void print() {
    std::printf("%u peers, %u MiB of random fp32, the coordinator killed with SIGKILL and started "
                "again at once; %u trials\n%-52s %10s %10s %10s\n",
                options_.peers, options_.mib, options_.trials, "", "median", "least", "most");
    step_.print("a step, undisturbed", "");
    serves_.print("kill -> it listens again", "");
    for (const bool keeps_state : {true, false}) {
      Sample& sample = committed_[keeps_state ? 1 : 0];
      if (sample.values.empty()) continue;
      char goal[64];
      std::snprintf(goal, sizeof(goal), "goal <= %.0f: %s", kGoalMs,
                    sample.median() <= kGoalMs ? "met" : "missed");
      sample.print(keeps_state ? "kill -> new all-reduce committed, with state folder"
                               : "kill -> new all-reduce committed, without", goal);
    }
  }

 private:
  bool run_trial(bool keeps_state) {
    note_undisturbed();
    const TimePoint killed = Clock::now();
    coordinator_.kill();
    coordinator_.start(options_.peers, keeps_state);
    serves_.values.push_back(ms_between(killed, Clock::now()));
    TimePoint committed;
    if (!wait_for_steps(killed, 1, &committed)) return false;
    committed_[keeps_state ? 1 : 0].values.push_back(ms_between(killed, committed));
    std::fprintf(stderr, "%.0f ms %s\n", ms_between(killed, committed),
                 keeps_state ? "with state folder" : "without");
    return true;
  }
  // All have ended `count` steps that were begun after `from`; the first of them at `first`.
  bool wait_for_steps(TimePoint from, size_t count, TimePoint* first) {
    const TimePoint until = Clock::now() + std::chrono::seconds(60);
    for (;;) {
      bool all = true;
      TimePoint last{};
      for (const auto& peer : peers_) {
        if (!peer->right) return false;
        size_t found = 0;
        for (const Step& step : peer->steps()) {
          if (step.begun < from) continue;
          if (++found == 1) last = std::max(last, step.ended);
        }
        all = all && found >= count;
      }
      if (all) {
        if (first != nullptr) *first = last;
        return true;
      }
      if (Clock::now() > until) {
        std::fprintf(stderr, "coordinator_restart: no step within a minute\n");
        return false;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  void note_undisturbed() {
    const std::vector<Step> steps = peers_.front()->steps();
    if (steps.size() < 2) return;
    step_.values.push_back(ms_between(steps[steps.size() - 2].begun, steps.back().begun));
  }
  uint64_t newest_step() {
    size_t most = 0;
    for (const auto& peer : peers_) most = std::max(most, peer->steps().size());
    return most;
  }

  const Options& options_;
  CoordinatorProcess coordinator_;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::atomic<uint64_t> last_step_{UINT64_MAX};
  Sample step_, serves_, committed_[2];
};

Options parse(int argc, char** argv) {
  Options options;
  options.atoll = std::filesystem::read_symlink("/proc/self/exe").parent_path() /
                  "../tools/atoll/atoll";
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const auto number = [&] {
      return static_cast<unsigned>(std::strtoul(argv[i + 1], nullptr, 10));
    };
    if (name == "--peers") options.peers = std::clamp(number(), 1u, 64u);
    else if (name == "--trials") options.trials = std::clamp(number(), 1u, 1000u);
    else if (name == "--mib") options.mib = std::clamp(number(), 2u, 1024u);
    else if (name == "--atoll") options.atoll = argv[i + 1];
    else argc = 0;
  }
  if (argc % 2 == 1) return options;
  std::fprintf(stderr, "usage: coordinator_restart [--peers 4] [--trials 6] [--mib 4] "
                       "[--atoll PROGRAM]\n");
  std::exit(2);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  char folder[] = "/tmp/atoll-restart-XXXXXX";
  if (::mkdtemp(folder) == nullptr) return 1;
  bool fine = false;
  try {
    Bench bench(options, folder);
    fine = bench.run();
    if (fine) bench.print();
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "coordinator_restart: %s\n", exception.what());
  }
  std::filesystem::remove_all(folder);
  return fine ? 0 : 1;
}
