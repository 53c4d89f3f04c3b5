#include "tools/atoll/stress/options.h"

#include <CLI/CLI.hpp>

#include "tools/atoll/duration.h"

namespace atoll_cli {
namespace {

// " [60s]"; nothing for what is off.
std::string default_text(Milliseconds value) {
  const int64_t count = value.count();
  if (count == 0) return {};
  return count % 1'000 == 0 ? " [" + std::to_string(count / 1'000) + "s]"
                            : " [" + std::to_string(count) + "ms]";
}

}  // namespace

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
          text + default_text(value))
      ->type_name("DURATION");
}

void add_stress_options(CLI::App& command, StressOptions& options) {
  command.add_option("--peers", options.peers, "How many workers the run is kept at")
      ->check(CLI::Range(2u, kStressPeersMax))
      ->capture_default_str();
  add_duration(command, "--duration", options.duration, "How long it runs");
  add_duration(command, "--kill-every", options.kill_every, "Kill a worker (SIGKILL)");
  add_duration(command, "--join-every", options.join_every, "Start a worker when one is missing");
  add_duration(command, "--leave-every", options.leave_every, "Have a worker leave in order");
  add_duration(command, "--freeze-every", options.freeze_every, "Freeze a worker (SIGSTOP)");
  add_duration(command, "--freeze-for", options.freeze_for, "How long it stays frozen");
  add_duration(command, "--coordinator-restart-every", options.coordinator_restart_every,
               "Kill the coordinator and start it again on the same address");
  add_duration(command, "--reset-connections-every", options.reset_connections_every,
               "Have a worker reset its data connections");
  add_duration(command, "--deadline", options.deadline, "Of each call of a worker");
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
}

}  // namespace atoll_cli
