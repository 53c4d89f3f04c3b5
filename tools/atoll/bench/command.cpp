// atoll bench: how long collectives take, beside what must come out.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tools/atoll/bench/collective.h"
#include "tools/atoll/bench/options.h"
#include "tools/atoll/commands.h"

namespace atoll_cli {
namespace {

constexpr const char* kExamples =
    "Starts a coordinator and N peers on this computer, as processes that talk TCP over\n"
    "loopback. Each size is measured out of place and in place, on random data; every result is\n"
    "checked: by value against what the peers have put in, and by bits over the peers. The exit\n"
    "code is 0 only if nothing was wrong.\n"
    "\n"
    "  time    of the slowest peer, from when all stood ready: median, min, max\n"
    "  algbw   size / median time; busbw as in nccl-tests: of an all-reduce algbw * 2(N-1)/N\n"
    "  #wrong  elements of all peers that are not right, and iterations in which peers differ\n"
    "  cpu     seconds of user and system time, all peers, per GiB of size\n"
    "\n"
    "On several computers, or under `atoll wanlab`: start one `atoll bench` per peer, all with\n"
    "the same options, with --join or ATOLL_COORDINATOR set, and one `atoll coordinator`. Then\n"
    "each peer's time counts from its own return from a barrier, and the first peer prints, and\n"
    "writes FILE. Sizes: 64KiB, 256MiB, 1000000. Ctrl-C ends all processes.\n"
    "\n"
    "Examples:\n"
    "    atoll bench all-reduce --world 4 --min-bytes 4KiB --max-bytes 256MiB --step-factor 4\n"
    "    atoll bench all-reduce --world 2 --in-flight 16 --max-bytes 1MiB --json out.json\n"
    "    atoll bench all-reduce --tensors 1000 --min-bytes 4000KiB --max-bytes 4000KiB\n"
    "    atoll bench all-gather --world 4 --max-bytes 16MiB\n"
    "    atoll bench barrier --world 4 --iterations 1000\n"
    "    atoll bench all-reduce --join 10.0.0.1:7700 --world 3 --max-bytes 16MiB";

void add_size(CLI::App& command, const std::string& name, uint64_t& value,
              const std::string& text, const std::string& shown) {
  command.add_option(name, value, text + " [" + shown + "]")
      ->transform(CLI::AsSizeValue(true))
      ->check(CLI::Range(uint64_t{4}, kBenchBytesMax))
      ->type_name("SIZE");
}

void add_sizes(CLI::App& command, BenchOptions& options) {
  add_size(command, "--min-bytes", options.min_bytes, "The first size", "4KiB");
  add_size(command, "--max-bytes", options.max_bytes, "No size beyond this", "64MiB");
  command.add_option("--step-factor", options.step_factor, "Each size is so many times the last")
      ->type_name("N")
      ->check(CLI::Range(2u, 1'000'000u))
      ->capture_default_str();
  command.add_option("--place", options.place, "Measure out of place, in place, or both")
      ->type_name("in|out|both")
      ->check(CLI::IsMember({"in", "out", "both"}))
      ->capture_default_str();
  command.add_option("--in-flight", options.in_flight, "Calls at the same time, each of that size")
      ->type_name("N")
      ->check(CLI::Range(1u, kBenchInFlightMax))
      ->capture_default_str();
  if (options.collective->batches) {
    command.add_option("--tensors", options.tensors, "Of a batch; together they have the size")
        ->type_name("N")
        ->check(CLI::Range(1u, kBenchTensorsMax))
        ->capture_default_str();
  }
  command.add_option("--algorithm", options.algorithm, "auto, ring, star, mesh, direct")
      ->type_name("A")
      ->capture_default_str();
  command.add_option("--wire", options.wire, "How elements travel: fp32, as they are")
      ->type_name("W")
      ->capture_default_str();
  command.add_flag("--input-disposable", options.input_disposable,
                   "In place, do not keep the input until the outcome is known");
  command.add_flag("--keep-segments", options.keep_segments,
                   "What is complete on all peers stands (ATOLL_KEEP_COMPLETED_SEGMENTS)");
}

void add_run(CLI::App& command, BenchOptions& options) {
  command.add_option("--world", options.world, "Peers [2; with --join it must be said]")
      ->type_name("N")
      ->envname("ATOLL_WANLAB_PEERS")
      ->check(CLI::Range(1u, kBenchWorldMax));
  command.add_option("--iterations", options.iterations, "Measured calls per row")
      ->type_name("N")
      ->check(CLI::Range(1u, 1'000'000u))
      ->capture_default_str();
  command.add_option("--warmup", options.warmup, "Calls before them")
      ->type_name("N")
      ->check(CLI::Range(0u, 1'000'000u))
      ->capture_default_str();
  command
      .add_option("--connections", options.connections,
                  "TCP connections per link; 0: the library chooses")
      ->type_name("K")
      ->check(CLI::Range(0u, 64u))
      ->capture_default_str();
  command.add_flag("--optimize", options.optimize,
                   "Measure the network first, and plan by it (atollOptimizeTopology)");
  command.add_option("--json", options.json, "Write the rows to this file; -: instead of the table")
      ->type_name("FILE");
  command.add_option("--join", options.join, "Be one peer of the run of this coordinator")
      ->type_name("ADDR:PORT")
      ->envname("ATOLL_COORDINATOR");
  command.add_option("--start-line", options.start_line)->group("");
  command.add_option("--fault", options.fault)->group("");
}

// What only makes sense together.
void check(BenchOptions& options) {
  if (options.world == 0 && !options.join.empty()) {
    throw CLI::ValidationError("--join", "say with --world how many peers there are");
  }
  if (options.world == 0) options.world = 2;
  const BenchCollective& collective = *options.collective;
  if (collective.has_data() && options.min_bytes % sizeof(float) != 0) {
    throw CLI::ValidationError("--min-bytes", std::to_string(options.min_bytes) +
                                                  " bytes are not a whole number of float32");
  }
  if (collective.has_data() && options.min_bytes > options.max_bytes) {
    throw CLI::ValidationError("--min-bytes", "is more than --max-bytes");
  }
  if (options.in_flight > 1 && collective.begin == nullptr) {
    throw CLI::ValidationError("--in-flight", std::string(collective.name) +
                                                  " is measured one call at a time");
  }
  atollAlgorithm_t algorithm = atollAlgorithmAuto;
  if (auto problem = find_bench_algorithm(options.algorithm, algorithm); !problem.empty()) {
    throw CLI::ValidationError("--algorithm", problem);
  }
  if (auto problem = check_bench_wire(options.wire); !problem.empty()) {
    throw CLI::ValidationError("--wire", problem);
  }
}

void add_collective(CLI::App& bench, const BenchCollective& collective, int& exit_code) {
  CLI::App* command = bench.add_subcommand(collective.name, collective.summary);
  const auto options = std::make_shared<BenchOptions>();
  options->collective = &collective;
  if (collective.has_data()) add_sizes(*command, *options);
  add_run(*command, *options);
  command->footer(kExamples);
  command->callback([options, &exit_code] {
    check(*options);
    exit_code = options->join.empty() ? run_bench(*options) : run_bench_peer(*options);
  });
}

// CLI11 by itself would only say that a subcommand is required.
void require_collective(const CLI::App& command) {
  const std::vector<std::string> unknown = command.remaining();
  if (!command.get_subcommands().empty() && unknown.empty()) return;
  std::string known;
  for (const BenchCollective& one : bench_collectives()) {
    known += (known.empty() ? "" : ", ") + std::string(one.name);
  }
  throw CLI::ValidationError("bench", unknown.empty()
                                          ? "say what to measure; there is: " + known
                                          : "there is no collective '" + unknown.front() +
                                                "'; there is: " + known);
}

}  // namespace

void add_bench_command(CLI::App& program, int& exit_code) {
  CLI::App* command = program.add_subcommand(
      "bench", "Measure collectives between peers on this computer, or in a run of many");
  command->require_subcommand(0, 1);
  command->parse_complete_callback([command] { require_collective(*command); });
  command->footer(kExamples);
  for (const BenchCollective& collective : bench_collectives()) {
    add_collective(*command, collective, exit_code);
  }
  command->allow_extras();  // not before: they would inherit it
}

}  // namespace atoll_cli
