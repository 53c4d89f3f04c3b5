// atoll stress: real processes, killed, frozen and joined in quick succession, whose every result
// is checked.
#include <signal.h>
#include <stdlib.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>

#include "commands.h"
#include "duration.h"
#include "stop_signals.h"
#include "stress_options.h"
#include "stress_run.h"

namespace atoll_cli {
namespace {

constexpr const char* kExamples =
    "Starts a coordinator and N workers on this computer. Each worker updates, syncs a state, and\n"
    "makes large and small all-reduces and a broadcast, and checks every element of every result;\n"
    "this process compares their states. A line per second goes to standard error, a summary to\n"
    "standard output. The exit code is 0 only if there was a step, no parity failure, no hang and\n"
    "no unexpected exit, and a step in every 5 s in which two or more peers were up.\n"
    "The last one that holds the state is never killed. Durations: 500ms, 5s, 2m, 1h.\n"
    "Ctrl-C stops the workers and prints the summary.\n"
    "\n"
    "Examples:\n"
    "    atoll stress --peers 6 --duration 60s --kill-every 500ms --join-every 500ms\n"
    "    atoll stress --peers 4 --duration 2m --kill-every 2s --join-every 2s \\\n"
    "        --freeze-every 5s --reset-connections-every 2s --seed 7 --json";

// The folder of one run; removed unless something in it may be of use.
class LogFolder {
 public:
  LogFolder() {
    std::string pattern = std::filesystem::temp_directory_path() / "atoll_stress_XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) {
      throw std::runtime_error("cannot make the folder " + pattern + " for logs");
    }
    path_ = pattern;
  }
  ~LogFolder() {
    std::error_code ignored;
    if (!kept_) std::filesystem::remove_all(path_, ignored);
  }
  LogFolder(const LogFolder&) = delete;
  LogFolder& operator=(const LogFolder&) = delete;

  const std::string& path() const { return path_; }
  void keep() {
    kept_ = true;
    std::fprintf(stderr, "the logs are in %s\n", path_.c_str());
  }

 private:
  std::string path_;
  bool kept_ = false;
};

void add_duration(CLI::App& command, const std::string& name, Milliseconds& value,
                  const std::string& text) {
  command
      .add_option_function<std::string>(
          name,
          [name, &value](const std::string& given) {
            const auto parsed = parse_duration(given);
            if (!parsed) {
              throw CLI::ValidationError(name, "'" + given + "' is not like 500ms or 5s");
            }
            value = std::chrono::duration_cast<Milliseconds>(*parsed);
          },
          text)
      ->type_name("DURATION");
}

void add_options(CLI::App& command, StressOptions& options) {
  command.add_option("--peers", options.peers, "How many workers the run is kept at")
      ->check(CLI::Range(2u, kStressPeersMax))
      ->capture_default_str();
  add_duration(command, "--duration", options.duration, "How long it runs [60s]");
  add_duration(command, "--kill-every", options.kill_every, "Kill a worker (SIGKILL)");
  add_duration(command, "--join-every", options.join_every, "Start a worker when one is missing");
  add_duration(command, "--leave-every", options.leave_every, "Have a worker leave in order");
  add_duration(command, "--freeze-every", options.freeze_every, "Freeze a worker (SIGSTOP)");
  add_duration(command, "--freeze-for", options.freeze_for, "How long it stays frozen [2s]");
  add_duration(command, "--coordinator-restart-every", options.coordinator_restart_every,
               "Kill the coordinator and start it again on the same address");
  add_duration(command, "--reset-connections-every", options.reset_connections_every,
               "Have a worker reset its data connections");
  add_duration(command, "--deadline", options.deadline, "Of each call of a worker [5s]");
  command.add_option("--seed", options.seed, "Of intervals and victims [drawn]");
  command.add_option("--tensor-bytes", options.tensor_bytes, "Of the state and of each large call")
      ->check(CLI::Range(uint64_t{64}, uint64_t{1} << 32))
      ->capture_default_str();
  command
      .add_option("--peer-timeout-ms", options.peer_timeout_ms,
                  "The coordinator drops a worker that is silent for so long")
      ->type_name("N")
      ->check(CLI::Range(20u, 86'400'000u))
      ->capture_default_str();
  command.add_flag("--json", options.json, "The summary as one JSON object");
  command.add_flag("!--no-growth-rule", options.growth_rule,
                   "Pass even if 5 s went by without a step");
  command.add_option("--worker-fault", options.worker_fault)->group("");
  command.footer(kExamples);
}

}  // namespace

int run_stress(const StressOptions& options) {
  std::atomic<bool> stop{false};
  StopSignals signals;
  ::signal(SIGPIPE, SIG_IGN);
  ::setenv("ATOLL_LOG", "info", 0);  // what the children write into their logs
  LogFolder folder;
  signals.watch([&stop] { stop = true; });
  try {
    StressRun run(options, folder.path());
    run.run(stop);
    const bool passed = run.tally().passed(options.growth_rule);
    const std::string summary = options.json ? summary_json(run.tally(), passed)
                                             : summary_table(run.tally(), passed);
    std::fputs(summary.c_str(), stdout);
    if (!passed || run.tally().stalls > 0) folder.keep();
    return passed ? 0 : kExitFailure;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "atoll stress: %s\n", error.what());
    folder.keep();
    return kExitFailure;
  }
}

void add_stress_command(CLI::App& program, int& exit_code) {
  CLI::App* command = program.add_subcommand(
      "stress", "Kill, freeze and add peers of a run on this computer and check every result");
  const auto options = std::make_shared<StressOptions>();
  options->seed = std::random_device()();
  add_options(*command, *options);
  const CLI::App* coordinator = program.get_subcommand("coordinator");
  options->coordinator_keeps_state = coordinator->get_option_no_throw("--state-dir") != nullptr;
  command->callback([options, &exit_code] { exit_code = run_stress(*options); });

  CLI::App* hidden = program.add_subcommand("stress-worker", "")->group("");
  const auto worker = std::make_shared<StressWorkerOptions>();
  hidden->add_option("--coordinator", worker->coordinator)->required();
  hidden->add_option("--name", worker->name)->required();
  hidden->add_option("--tensor-bytes", worker->tensor_bytes);
  hidden->add_option_function<int64_t>(
      "--deadline-ms", [worker](int64_t given) { worker->deadline = Milliseconds(given); });
  hidden->add_option("--fault", worker->fault);
  hidden->callback([worker, &exit_code] { exit_code = run_stress_worker(*worker); });
}

}  // namespace atoll_cli
