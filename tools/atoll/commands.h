// Each subcommand is one file with one function that adds it to the program. What the user asked
// for runs when CLI11 has parsed the whole line, and puts the exit code into `exit_code`.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace atoll_cli {

inline constexpr int kExitFailure = 1;  // with a sentence on standard error
inline constexpr int kExitSteppedDown = 3;  // of a coordinator: another one drives the run

void add_coordinator_command(CLI::App& program, int& exit_code);
void add_bench_command(CLI::App& program, int& exit_code);
void add_stress_command(CLI::App& program, int& exit_code);  // after the coordinator
void add_soak_command(CLI::App& program, int& exit_code);    // after the coordinator
void add_status_command(CLI::App& program, int& exit_code);
void add_simulate_command(CLI::App& program, int& exit_code);
// `command` is what the lab is to run in each peer.
void add_wanlab_command(CLI::App& program, const std::vector<std::string>& command, int& exit_code);

}  // namespace atoll_cli
