// atoll soak: the processes of atoll stress for hours, in which nothing may grow.
#include <memory>
#include <random>
#include <string>

#include <CLI/CLI.hpp>

#include "tools/atoll/commands.h"
#include "tools/atoll/soak/options.h"
#include "tools/atoll/soak/watch.h"

namespace atoll_cli {
namespace {

constexpr const char* kExamples =
    "As `atoll stress`, but what is looked for is growth. Each worker updates, syncs a state and\n"
    "takes steps: a large all-reduce and eight small ones in flight, whose tags count up for\n"
    "ever, every element checked. The coordinator (unless it is restarted) and the first two\n"
    "workers are never killed; those two lose connections and freeze like all others.\n"
    "Each report tells every process's memory, descriptors, threads and tables, and the median\n"
    "step. In the end they are judged, after a warm-up of a sixth of the run, at most 5 minutes:\n"
    "  memory       the Theil-Sen slope of anonymous memory, with its 95 % interval: growth if\n"
    "               all of it is above the bar, none if all of it is below twice the bar\n"
    "  descriptors  beyond those of connections; last third against first: 1 more is allowed\n"
    "  threads      the same\n"
    "  tables       within their limits, or not twice as many in the last third\n"
    "  steps        the median of the last third at most 1.25 times that of the first\n"
    "Exit code 0: nothing grows, and all results were right. 1: a sentence says what grows, or\n"
    "what was wrong. 2: it was too short to judge all of it; some 10 minutes are needed.\n"
    "Ctrl-C stops the workers and judges what there is.\n"
    "\n"
    "Examples:\n"
    "    atoll soak --duration 8h\n"
    "    atoll soak --duration 1h --peers 6 --coordinator-restart-every 5m --report-every 5m";

// Of those that may be killed there are always some others that hold the state.
constexpr unsigned kKept = 2;

StressOptions defaults() {
  StressOptions options;
  options.peers = 5;
  options.duration = std::chrono::hours(1);
  options.kill_every = std::chrono::seconds(20);
  options.join_every = std::chrono::seconds(5);
  options.leave_every = std::chrono::seconds(60);
  options.freeze_every = std::chrono::seconds(60);
  options.reset_connections_every = std::chrono::seconds(15);
  options.tensor_bytes = 3u << 19;  // so that its input is backed up, in slabs
  options.steps = 16;
  options.kept = kKept;
  options.seed = std::random_device()();
  return options;
}

}  // namespace

void add_soak_command(CLI::App& program, int& exit_code) {
  CLI::App* command = program.add_subcommand(
      "soak", "Let peers of a run on this computer come and go for hours and look for growth");
  const auto options = std::make_shared<SoakOptions>();
  options->stress = defaults();
  add_stress_options(*command, options->stress);
  add_duration(*command, "--report-every", options->report_every, "Print what each process takes");
  command->add_option("--steps", options->stress.steps, "Between two updates")
      ->check(CLI::Range(1u, 1'000u))
      ->capture_default_str();
  command
      ->add_option("--memory-bar", options->bars.memory_kib_per_minute,
                   "So many KiB a minute are no growth")
      ->type_name("KIB")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->footer(kExamples);
  const CLI::App* coordinator = program.get_subcommand("coordinator");
  options->stress.coordinator_keeps_state =
      coordinator->get_option_no_throw("--state-dir") != nullptr;
  command->callback([options, &exit_code] {
    if (options->report_every < Milliseconds(100)) {
      throw CLI::ValidationError("--report-every", "is less than 100ms");
    }
    options->stress.live_line_every = options->report_every;
    SoakWatch watch(*options);
    exit_code = run_stress(options->stress, &watch);
  });
}

}  // namespace atoll_cli
