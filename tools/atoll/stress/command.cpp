// atoll stress: real processes, killed, frozen and joined in quick succession, whose every result
// is checked.
#include <signal.h>
#include <stdlib.h>

#include <atomic>
#include <cstdio>
#include <exception>
#include <memory>
#include <random>
#include <string>

#include "tools/atoll/commands.h"
#include "tools/atoll/log_folder.h"
#include "tools/atoll/stop_signals.h"
#include "tools/atoll/stress/options.h"
#include "tools/atoll/stress/run.h"

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

}  // namespace

int run_stress(const StressOptions& options, StressObserver* observer) {
  std::atomic<bool> stop{false};
  StopSignals signals;
  ::signal(SIGPIPE, SIG_IGN);
  ::setenv("ATOLL_LOG", "info", 0);  // what the children write into their logs
  LogFolder folder;
  signals.watch([&stop] { stop = true; });
  try {
    StressRun run(options, folder.path(), observer);
    run.run(stop);
    const bool passed = run.tally().passed(options.growth_rule);
    const std::string summary = options.json ? summary_json(run.tally(), passed)
                                             : summary_table(run.tally(), passed);
    std::fputs(summary.c_str(), stdout);
    const int verdict = observer == nullptr ? 0 : observer->verdict();
    if (!passed || run.tally().stalls > 0 || verdict == kExitFailure) folder.keep();
    return passed ? verdict : kExitFailure;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "atoll: %s\n", error.what());
    folder.keep();
    return kExitFailure;
  }
}

void add_stress_command(CLI::App& program, int& exit_code) {
  CLI::App* command = program.add_subcommand(
      "stress", "Kill, freeze and add peers of a run on this computer and check every result");
  const auto options = std::make_shared<StressOptions>();
  options->seed = std::random_device()();
  add_stress_options(*command, *options);
  command->footer(kExamples);
  const CLI::App* coordinator = program.get_subcommand("coordinator");
  options->coordinator_keeps_state = coordinator->get_option_no_throw("--state-dir") != nullptr;
  command->callback([options, &exit_code] { exit_code = run_stress(*options, nullptr); });

  CLI::App* hidden = program.add_subcommand("stress-worker", "")->group("");
  const auto worker = std::make_shared<StressWorkerOptions>();
  hidden->add_option("--coordinator", worker->coordinator)->required();
  hidden->add_option("--name", worker->name)->required();
  hidden->add_option("--tensor-bytes", worker->tensor_bytes);
  hidden->add_option_function<int64_t>(
      "--deadline-ms", [worker](int64_t given) { worker->deadline = Milliseconds(given); });
  hidden->add_option("--steps", worker->steps);
  hidden->add_option("--fault", worker->fault);
  hidden->callback([worker, &exit_code] { exit_code = run_stress_worker(*worker); });
}

}  // namespace atoll_cli
