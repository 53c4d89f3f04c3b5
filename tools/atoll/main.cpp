#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include <atoll/atoll.h>

#include "commands.h"

namespace {

std::string version_line() {
  int version = 0;
  if (atollGetVersion(&version) != atollSuccess) version = ATOLL_VERSION;
  return "atoll " + std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) +
         "." + std::to_string(version % 100);
}

// `atoll wanlab ... -- COMMAND WORD...`: what stands behind the dashes is another program's. CLI11
// would take it for its own, and words like [1,2] apart. Takes it off the line.
std::vector<std::string> take_other_command(int& argc, char** argv) {
  if (argc < 2 || std::string_view(argv[1]) != "wanlab") return {};
  int words = 2;
  while (words < argc && std::string_view(argv[words]) != "--") ++words;
  if (words == argc) return {};
  std::vector<std::string> command(argv + words + 1, argv + argc);
  argc = words;
  return command;
}

int run(int argc, char** argv) {
  const std::vector<std::string> other = take_other_command(argc, argv);
  CLI::App program("Fault-tolerant collective communication over the public internet", "atoll");
  program.set_version_flag("--version", version_line());
  program.require_subcommand(1);
  program.footer(
      "`atoll COMMAND --help` explains a command.\n"
      "Example: atoll coordinator --listen 127.0.0.1:7700");
  int exit_code = 0;
  atoll_cli::add_coordinator_command(program, exit_code);
  atoll_cli::add_bench_command(program, exit_code);
  atoll_cli::add_stress_command(program, exit_code);
  atoll_cli::add_soak_command(program, exit_code);
  atoll_cli::add_status_command(program, exit_code);
  atoll_cli::add_simulate_command(program, exit_code);
  atoll_cli::add_wanlab_command(program, other, exit_code);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return program.exit(error);
  }
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "atoll: %s\n", error.what());
    return atoll_cli::kExitFailure;
  }
}
