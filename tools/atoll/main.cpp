#include <cstdio>
#include <exception>
#include <string>

#include <atoll/atoll.h>

#include "commands.h"

namespace {

std::string version_line() {
  int version = 0;
  if (atollGetVersion(&version) != atollSuccess) version = ATOLL_VERSION;
  return "atoll " + std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) +
         "." + std::to_string(version % 100);
}

int run(int argc, char** argv) {
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
  atoll_cli::add_status_command(program, exit_code);
  atoll_cli::add_simulate_command(program, exit_code);
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
