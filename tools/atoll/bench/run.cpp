#include "tools/atoll/bench/run.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>

#include "tools/atoll/bench/collective.h"
#include "tools/atoll/commands.h"
#include "tools/atoll/stop_signals.h"

namespace atoll_cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kCoordinatorPatience = std::chrono::seconds(30);
constexpr auto kEndPatience = std::chrono::seconds(2);
constexpr int kTickMs = 50;
// Measuring takes the processors to the limit, and nobody is to be dropped for that.
constexpr const char* kPeerTimeoutMs = "60000";

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = std::filesystem::temp_directory_path() / "atoll_bench_XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) {
      throw std::runtime_error("cannot make the folder " + pattern);
    }
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// What makes a peer measure the same.
std::vector<std::string> peer_arguments(const BenchOptions& options) {
  std::vector<std::string> all = {"bench", options.collective->name};
  const auto add = [&all](const char* name, const std::string& value) {
    all.insert(all.end(), {name, value});
  };
  add("--world", std::to_string(options.world));
  add("--iterations", std::to_string(options.iterations));
  add("--warmup", std::to_string(options.warmup));
  add("--connections", std::to_string(options.connections));
  if (!options.json.empty()) add("--json", options.json);
  if (!options.fault.empty()) add("--fault", options.fault);
  if (!options.collective->has_data()) return all;
  add("--min-bytes", std::to_string(options.min_bytes));
  add("--max-bytes", std::to_string(options.max_bytes));
  add("--step-factor", std::to_string(options.step_factor));
  add("--place", options.place);
  add("--in-flight", std::to_string(options.in_flight));
  add("--algorithm", options.algorithm);
  add("--wire", options.wire);
  if (options.tensors > 1) add("--tensors", std::to_string(options.tensors));
  if (options.input_disposable) all.emplace_back("--input-disposable");
  if (options.keep_segments) all.emplace_back("--keep-segments");
  if (options.optimize) all.emplace_back("--optimize");
  return all;
}

std::string last_line_of(const std::string& path) {
  std::ifstream file(path);
  std::string last;
  for (std::string line; std::getline(file, line);) last = line;
  return last;
}

}  // namespace

BenchRun::BenchRun(const BenchOptions& options, std::string folder)
    : options_(options), folder_(std::move(folder)) {}

BenchRun::~BenchRun() { end_all(); }

int BenchRun::run(const std::atomic<bool>& stop) {
  start_coordinator(stop);
  if (!stop) start_peers();
  while (!stop && !failed_ && !reap()) relay();
  if (stop) {
    std::fprintf(stderr, "\natoll bench: stopped\n");
    return 128 + SIGINT;
  }
  // Others may have something to say about the failure of one.
  const auto until = Clock::now() + kEndPatience;
  while (failed_ && !stop && !reap() && Clock::now() < until) relay();
  relay();
  return failed_ ? kExitFailure : 0;
}

void BenchRun::start_coordinator(const std::atomic<bool>& stop) {
  const std::string port_file = folder_ + "/coordinator.port";
  const std::string log = folder_ + "/coordinator.log";
  coordinator_ = std::make_unique<StressProcess>(
      std::vector<std::string>{"coordinator", "--listen", "127.0.0.1:0", "--port-file", port_file,
                               "--new-run", "--min-replicas", std::to_string(options_.world),
                               "--peer-timeout-ms", kPeerTimeoutMs, "--log-level", "warn"},
      log);
  const auto until = Clock::now() + kCoordinatorPatience;
  while (address_.empty() && !stop) {
    std::ifstream(port_file) >> address_;
    if (coordinator_->ended() || Clock::now() > until) {
      throw std::runtime_error("the coordinator does not start: " + last_line_of(log));
    }
    ::poll(nullptr, 0, 1);
  }
}

void BenchRun::start_peers() {
  std::vector<std::string> arguments = peer_arguments(options_);
  arguments.insert(arguments.end(),
                   {"--join", address_, "--start-line", folder_ + "/start-line"});
  for (unsigned i = 0; i < options_.world; ++i) {
    peers_.push_back(std::make_unique<StressProcess>(arguments, ""));
  }
}

void BenchRun::relay() {
  std::vector<pollfd> outputs;
  for (const auto& peer : peers_) {
    // The pipe of one that has ended stays readable; that must not keep us from waiting.
    outputs.push_back({peer->ended() ? -1 : peer->output(), POLLIN, 0});
  }
  ::poll(outputs.data(), outputs.size(), kTickMs);
  for (const auto& peer : peers_) {
    for (const std::string& line : peer->read_lines()) std::printf("%s\n", line.c_str());
  }
  if (std::fflush(stdout) != 0) throw std::runtime_error("standard output cannot be written");
}

// True when all have ended. Complains of those that could not complain themselves.
bool BenchRun::reap() {
  const bool failed_before = failed_;
  bool all = true;
  for (size_t i = 0; i < peers_.size(); ++i) {
    const auto status = peers_[i]->ended();
    if (!status) {
      all = false;
    } else if (*status != 0) {
      const bool said = WIFEXITED(*status) && WEXITSTATUS(*status) == kExitFailure;
      if (!said && !failed_before) {
        std::fprintf(stderr, "atoll bench: peer %zu (process %d) ended with %s\n", i,
                     peers_[i]->pid(), describe_exit(*status).c_str());
      }
      failed_ = true;
    }
  }
  if (!all && coordinator_->ended() && !failed_) {
    std::fprintf(stderr, "atoll bench: the coordinator has ended: %s\n",
                 last_line_of(folder_ + "/coordinator.log").c_str());
    failed_ = true;
  }
  return all;
}

void BenchRun::end_all() {
  for (const auto& peer : peers_) peer->signal(SIGTERM);
  if (coordinator_) coordinator_->signal(SIGTERM);
  const auto until = Clock::now() + kEndPatience;
  const auto ended = [](const auto& process) { return process->ended().has_value(); };
  while (Clock::now() < until && !(std::all_of(peers_.begin(), peers_.end(), ended) &&
                                   (!coordinator_ || ended(coordinator_)))) {
    ::poll(nullptr, 0, 5);
  }
  peers_.clear();  // kills what is left
  coordinator_.reset();
}

int run_bench(const BenchOptions& options) {
  std::atomic<bool> stop{false};
  StopSignals signals;
  ::signal(SIGPIPE, SIG_IGN);
  signals.watch([&stop] { stop = true; });
  try {
    const TemporaryFolder folder;
    BenchRun run(options, folder.path());
    return run.run(stop);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "atoll bench: %s\n", error.what());
    return kExitFailure;
  }
}

}  // namespace atoll_cli
