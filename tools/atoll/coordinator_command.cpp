// atoll coordinator: the process that decides who is in a run and how its calls end.
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <type_traits>

#include <atoll/atoll.h>

#include "commands.h"
#include "port_file.h"
#include "stop_signals.h"

namespace atoll_cli {
namespace {

constexpr const char* kExamples =
    "The address is printed once the coordinator listens, as one line on standard output:\n"
    "  atoll coordinator listening on 127.0.0.1:7700\n"
    "It stops on SIGINT or SIGTERM with exit code 0, or with 3 when another coordinator drives\n"
    "the run by then; on a failure it exits with 1 and says why.\n"
    "\n"
    "Examples:\n"
    "  Try it on one computer; peers use the coordinator 127.0.0.1:7700:\n"
    "    atoll coordinator\n"
    "  In a private network, beginning when four replicas are there:\n"
    "    atoll coordinator --listen 0.0.0.0:7700 --insecure --run atlantis --min-replicas 4\n"
    "  In a script, on a port that the kernel chooses:\n"
    "    atoll coordinator --listen 127.0.0.1:0 --port-file port.txt &\n"
    "  So that it can be killed and started again while the run goes on:\n"
    "    atoll coordinator --listen 0.0.0.0:7700 --insecure --state-dir /var/lib/atoll";

struct CoordinatorOptions {
  std::string listen = "127.0.0.1:7700";
  bool insecure = false;
  uint32_t min_replicas = 1;
  std::string run;
  std::string port_file;
  uint32_t heartbeat_ms = 500;
  uint32_t peer_timeout_ms = 5000;
  std::string state_dir;
  uint32_t rejoin_window_ms = 1500;
  bool new_run = false;
  std::string instance;
  bool accept_lower_revision = false;
  std::string log_level = "info";
};

struct CoordinatorDestroyer {
  void operator()(atollCoordinator_t coordinator) const { atollCoordinatorDestroy(coordinator); }
};
using CoordinatorPointer =
    std::unique_ptr<std::remove_pointer_t<atollCoordinator_t>, CoordinatorDestroyer>;

int complain(const std::string& sentence) {
  std::fprintf(stderr, "atoll coordinator: %s\n", sentence.c_str());
  return kExitFailure;
}

int complain_of(atollResult_t result) {
  const std::string sentence = atollGetLastError();
  return complain(sentence.empty() ? atollGetErrorString(result) : sentence);
}

// Every peer is a connection; the usual soft limit of 1024 files would be the limit of a run.
void allow_many_connections() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

int serve(const CoordinatorOptions& options) {
  StopSignals signals;
  ::signal(SIGPIPE, SIG_IGN);  // whoever reads our output may go away
  setenv("ATOLL_LOG", options.log_level.c_str(), 1);
  allow_many_connections();

  atollCoordinatorConfig_t config = ATOLL_COORDINATOR_CONFIG_INITIALIZER;
  config.listen = options.listen.c_str();
  config.insecure = options.insecure ? 1 : 0;
  config.run = options.run.c_str();
  config.min_replicas = options.min_replicas;
  config.heartbeat_ms = options.heartbeat_ms;
  config.peer_timeout_ms = options.peer_timeout_ms;
  if (!options.state_dir.empty()) config.state_dir = options.state_dir.c_str();
  config.rejoin_window_ms = options.rejoin_window_ms;
  config.new_run = options.new_run ? 1 : 0;
  if (!options.instance.empty()) config.instance = options.instance.c_str();
  config.accept_lower_revision = options.accept_lower_revision ? 1 : 0;

  atollCoordinator_t handle = nullptr;
  if (const auto result = atollCoordinatorCreate(&handle, &config); result != atollSuccess) {
    return complain_of(result);
  }
  const CoordinatorPointer coordinator(handle);
  const char* address = nullptr;
  if (const auto result = atollCoordinatorGetAddress(handle, &address); result != atollSuccess) {
    return complain_of(result);
  }
  if (!options.port_file.empty()) {
    const std::string problem = write_port_file(options.port_file, address);
    if (!problem.empty()) return complain(problem);
  }
  std::printf("atoll coordinator listening on %s\n", address);
  std::fflush(stdout);

  signals.watch([handle] { atollCoordinatorStop(handle); });
  const atollResult_t result = atollCoordinatorRun(handle);
  signals.end();  // before the handle goes
  if (result == atollSteppedDown) {
    complain_of(result);
    return kExitSteppedDown;
  }
  return result == atollSuccess ? 0 : complain_of(result);
}

}  // namespace

void add_coordinator_command(CLI::App& program, int& exit_code) {
  CLI::App* command = program.add_subcommand(
      "coordinator", "Decide who is in a run and how its calls end; moves no tensors");
  const auto options = std::make_shared<CoordinatorOptions>();
  command
      ->add_option("--listen", options->listen, "Where peers register; port 0: the kernel chooses")
      ->type_name("ADDR:PORT")
      ->capture_default_str();
  command->add_flag("--insecure", options->insecure,
                    "Allow an address that other computers can reach, although connections are "
                    "neither authenticated nor encrypted");
  command
      ->add_option("--min-replicas", options->min_replicas,
                   "The first view waits for so many complete replicas")
      ->type_name("N")
      ->check(CLI::Range(1u, 4096u))
      ->capture_default_str();
  command->add_option("--run", options->run, "Run id; peers that name another one are refused")
      ->type_name("ID");
  command
      ->add_option("--port-file", options->port_file,
                   "Write the address, just HOST:PORT, to this file once it listens")
      ->type_name("FILE");
  command
      ->add_option("--heartbeat-ms", options->heartbeat_ms,
                   "Interval of the heartbeats, both ways, in milliseconds")
      ->type_name("N")
      ->check(CLI::Range(1u, 3'600'000u))
      ->capture_default_str();
  command
      ->add_option("--peer-timeout-ms", options->peer_timeout_ms,
                   "A peer silent for so long is dropped; at least two heartbeats")
      ->type_name("N")
      ->check(CLI::Range(2u, 86'400'000u))
      ->capture_default_str();
  command
      ->add_option("--state-dir", options->state_dir,
                   "Keep a few bytes here from one life to the next; without it a coordinator that "
                   "is started again finds the run from what its members tell")
      ->type_name("DIR");
  command
      ->add_option("--rejoin-window-ms", options->rejoin_window_ms,
                   "After a start, once a first member of a run that goes on has come, the others "
                   "are waited for so long")
      ->type_name("N")
      ->check(CLI::Range(1u, 3'600'000u))
      ->capture_default_str();
  command->add_flag("--new-run", options->new_run,
                    "Nobody can be in the run yet: begin at once, and refuse who was in another");
  command
      ->add_option("--instance", options->instance,
                   "Go on with this instance of the run, as refusals and `atoll status` name it, "
                   "and with no other")
      ->type_name("ID");
  command->add_flag("--accept-lower-revision", options->accept_lower_revision,
                    "Let a state sync replace a revision that the run has committed by a lower "
                    "one, although a connected peer still holds it");
  command->add_option("--log-level", options->log_level, "What goes to standard error")
      ->type_name("L")
      ->envname("ATOLL_LOG")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}))
      ->capture_default_str();
  command->footer(kExamples);
  command->callback([options, &exit_code] { exit_code = serve(*options); });
}

}  // namespace atoll_cli
