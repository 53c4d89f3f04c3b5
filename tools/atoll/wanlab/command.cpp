// atoll wanlab: commands on this computer that see each other through emulated long links.
#include <signal.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>

#include "tools/atoll/commands.h"
#include "tools/atoll/duration.h"
#include "tools/atoll/stop_signals.h"
#include "tools/atoll/wanlab/matrix.h"
#include "tools/atoll/wanlab/options.h"
#include "tools/atoll/wanlab/quantities.h"
#include "tools/atoll/wanlab/report.h"
#include "tools/atoll/wanlab/run.h"

namespace atoll_cli {
namespace {

constexpr const char* kExamples =
    "atoll wanlab [OPTIONS] -- COMMAND [WORD...]\n"
    "\n"
    "Each of N peers is a network namespace on this computer, the coordinator has one of its own,\n"
    "and this process carries their packets as links of the given kind would. COMMAND runs in\n"
    "each peer, with real TCP, and finds in its environment\n"
    "  ATOLL_COORDINATOR                       where the coordinator listens\n"
    "  ATOLL_WANLAB_PEER, ATOLL_WANLAB_PEERS   its number, 1 to N, and N\n"
    "  ATOLL_WANLAB_ADDRESS, ...ADDRESS6       its address; peer I is 10.44.0.I and fd44::I (hex)\n"
    "In its words {coordinator}, {peer}, {peers} and {address} stand for the same. Its output\n"
    "comes with `peer I | ` in front of each line; at the end a table of all paths goes to\n"
    "standard error.\n"
    "The exit code is 0 only if all commands exit with 0. Needs root and /dev/net/tun.\n"
    "Rates: 500kbit, 100mbit, 1gbit a second, with IP headers. Durations: 200us, 40ms, 1s.\n"
    "\n"
    "Examples:\n"
    "  Four peers with 100 Mbit/s each, 80 ms of round trip, and one packet in 2,000 lost:\n"
    "    atoll wanlab --peers 4 --host-rate 100mbit --delay 40ms --loss 0.05% \\\n"
    "        -- ./train --coordinator {coordinator} --name island-{peer}\n"
    "  What two peers measure of the path between them:\n"
    "    atoll wanlab --peers 2 --delay 40ms --no-coordinator \\\n"
    "        -- sh -c 'test $ATOLL_WANLAB_PEER = 1 || ping -c 5 10.44.0.1'\n"
    "  Whether this computer can do it:\n"
    "    atoll wanlab --check";

int complain(const std::string& sentence) {
  std::fprintf(stderr, "atoll wanlab: %s\n", sentence.c_str());
  return kExitFailure;
}

// An option whose text `parse` reads; what it does not understand is refused with an example.
template <class Value, class Parse>
CLI::Option* add_quantity(CLI::App& command, const std::string& name, Value& value, Parse parse,
                          const std::string& example, const std::string& text) {
  return command.add_option_function<std::string>(
      name,
      [name, &value, parse, example](const std::string& given) {
        const auto parsed = parse(given);
        if (!parsed) throw CLI::ValidationError(name, "'" + given + "' is not like " + example);
        value = *parsed;
      },
      text);
}

void add_network_options(CLI::App& command, WanlabOptions& options) {
  add_quantity(command, "--delay", options.path.delay, parse_duration, "40ms",
               "One way, between any two nodes [0ms]")
      ->type_name("D");
  add_quantity(command, "--jitter", options.path.jitter, parse_duration, "2ms",
               "The delay wanders by up to so much, both ways; packets stay in order [0ms]")
      ->type_name("J");
  add_quantity(command, "--loss", options.path.loss, parse_percentage, "0.05%",
               "Of packets, each by itself [0%]")
      ->type_name("P");
  command
      .add_option_function<std::string>(
          "--host-rate",
          [&options](const std::string& given) {
            const auto rate = parse_rate(given);
            if (!rate) {
              throw CLI::ValidationError("--host-rate", "'" + given + "' is not like 100mbit");
            }
            options.host.up = options.host.down = *rate;
          },
          "What a peer can send, and can receive, in all [unlimited]")
      ->type_name("R");
  add_quantity(command, "--pair-rate", options.path.rate, parse_rate, "100mbit",
               "What one peer can send to one other [unlimited]")
      ->type_name("R");
  command
      .add_option_function<std::string>(
          "--queue",
          [&options](const std::string& given) {
            options.path.queue = options.host.queue = parse_duration(given);
            if (!options.path.queue) {
              throw CLI::ValidationError("--queue", "'" + given + "' is not like 50ms");
            }
          },
          "How long a packet may wait for its turn where a rate is limited; one that would wait "
          "longer is dropped [the round trip, at least 20ms]")
      ->type_name("D");
  command.add_option("--matrix", options.matrix,
                     "What single paths and hosts are like; see docs/WANLAB.md")
      ->type_name("FILE");
  command.add_option("--congestion", options.congestion,
                     "Congestion control of all connections, such as cubic or bbr [the kernel's]")
      ->type_name("NAME");
  command.add_option("--seed", options.seed, "Of loss and jitter [drawn]");
  command.add_flag("--reorder", options.reorder,
                   "Jitter of each packet by itself: packets overtake each other");
  command.add_option("--mtu", options.mtu, "Of all links")
      ->type_name("BYTES")
      ->check(CLI::Range(1280u, 9000u))
      ->capture_default_str();
}

void add_run_options(CLI::App& command, WanlabOptions& options) {
  command.add_option("--peers", options.peers, "How many peers there are")
      ->type_name("N")
      ->check(CLI::Range(1u, kWanlabPeersMax))
      ->capture_default_str();
  command.add_option("--min-replicas", options.min_replicas,
                     "The coordinator's first view waits for so many replicas [N]")
      ->type_name("M")
      ->check(CLI::Range(1u, kWanlabPeersMax));
  CLI::Option* none =
      command.add_flag("!--no-coordinator", options.coordinator, "Run no coordinator");
  command.add_option("--coordinator-at", options.coordinator_at,
                     "Run it on this peer's host: all that it hears and says shares that line")
      ->type_name("PEER")
      ->check(CLI::Range(1u, kWanlabPeersMax))
      ->excludes(none);
  add_quantity(command, "--timeout", options.timeout, parse_duration, "5m",
               "End the commands, and fail, when they run for so long [never]")
      ->type_name("D");
  command.add_option("--log-dir", options.log_dir,
                     "The commands' output goes to DIR/peer-I.log instead")
      ->type_name("DIR");
  command.add_option("--json", options.json, "Write the table as one JSON object to this file")
      ->type_name("FILE");
  command.add_flag("--check", options.check,
                   "Only say what this computer allows; exit code 0: all that is needed");
}

// The settings of all paths, or a sentence about what is wrong.
std::string make_settings(const WanlabOptions& options, NetworkSettings& settings) {
  if (!options.matrix.empty()) {
    std::ifstream file(options.matrix);
    if (!file) return "cannot read " + options.matrix + ": " + std::strerror(errno);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const std::string problem = apply_matrix(text, settings);
    if (!problem.empty()) return options.matrix + ", " + problem;
  }
  settings.choose_queues();
  return "";
}

std::string milliseconds(Nanoseconds time) {
  return format_milliseconds(std::chrono::duration<double, std::milli>(time).count());
}

std::string describe(const WanlabOptions& options, const NetworkSettings& settings) {
  std::ostringstream text;
  text << "atoll wanlab: " << options.peers << " peers";
  if (options.host.up > 0) text << ", " << format_rate(options.host.up) << " a host";
  if (options.path.rate > 0) text << ", " << format_rate(options.path.rate) << " a pair";
  text << ", " << milliseconds(options.path.delay) << " each way";
  if (options.path.jitter > Nanoseconds(0)) {
    text << " +- " << milliseconds(options.path.jitter) << (options.reorder ? ", reordering" : "");
  }
  text << ", loss " << options.path.loss * 100 << " %";
  if (options.host.up > 0) text << ", queue " << milliseconds(*settings.host(1).queue);
  if (!options.matrix.empty()) text << ", as " << options.matrix << " changes it";
  if (options.coordinator_at > 0) text << ", coordinator at peer " << options.coordinator_at;
  text << ", congestion control "
       << (options.congestion.empty() ? "of the kernel" : options.congestion) << " (there are "
       << available_congestion_controls() << "), seed " << options.seed << "\n";
  return text.str();
}

// Tries what a lab needs, on a namespace that is gone at the end.
int check(const WanlabOptions& options) {
  std::printf("congestion control: %s\n", available_congestion_controls().c_str());
  std::printf("IPv6: %s\n", kernel_has_ipv6() ? "yes" : "no");
  NodeSettings settings;
  settings.ipv6 = kernel_has_ipv6();
  settings.congestion = options.congestion;
  const Node node(settings);
  std::printf("network namespace with a TUN device: yes\n");
  return 0;
}

}  // namespace

int run_wanlab(const WanlabOptions& options) {
  try {
    if (options.check) return check(options);
    if (options.command.empty()) return complain("there is no COMMAND; put it behind `--`");
    if (options.coordinator_at > options.peers) {
      return complain("--coordinator-at " + std::to_string(options.coordinator_at) +
                      ": there are " + std::to_string(options.peers) + " peers");
    }
    NetworkSettings settings(options.peers, options.path, options.host);
    const std::string problem = make_settings(options, settings);
    if (!problem.empty()) return complain(problem);
    ::signal(SIGPIPE, SIG_IGN);
    WanlabRun run(options, settings);
    std::fputs(describe(options, settings).c_str(), stderr);
    StopSignals signals;
    signals.watch([&run] { run.stop(); });
    const WanlabReport report = run.run();
    signals.end();
    std::fputs(wanlab_table(report, run.emulator()).c_str(), stderr);
    if (!options.json.empty()) {
      std::ofstream file(options.json);
      file << wanlab_json(report, options, settings, run.emulator()) << std::flush;
      if (!file) return complain("cannot write " + options.json);
    }
    return report.passed ? 0 : kExitFailure;
  } catch (const std::exception& error) {
    std::string sentence = error.what();
    if (!options.congestion.empty()) {
      sentence += " (congestion controls: " + available_congestion_controls() + ")";
    }
    return complain(sentence);
  }
}

void add_wanlab_command(CLI::App& program, const std::vector<std::string>& command_words,
                        int& exit_code) {
  CLI::App* command = program.add_subcommand(
      "wanlab", "Run a command in each of N emulated hosts that long, thin links join");
  const auto options = std::make_shared<WanlabOptions>();
  options->seed = std::random_device()();
  add_run_options(*command, *options);
  add_network_options(*command, *options);
  command->footer(kExamples);
  options->command = command_words;
  command->callback([options, &exit_code] { exit_code = run_wanlab(*options); });
}

}  // namespace atoll_cli
