// What the user asked `atoll stress` or `atoll soak` to do, and what they ask of their workers.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace CLI {
class App;
}

namespace atoll_cli {

class StressObserver;

using Milliseconds = std::chrono::milliseconds;

struct StressOptions {
  unsigned peers = 4;
  Milliseconds duration{60'000};
  // How often on average; 0: never.
  Milliseconds kill_every{0};
  Milliseconds join_every{0};
  Milliseconds leave_every{0};
  Milliseconds freeze_every{0};
  Milliseconds coordinator_restart_every{0};
  Milliseconds reset_connections_every{0};
  Milliseconds freeze_for{2'000};
  Milliseconds deadline{5'000};  // of each collective call of a worker
  uint64_t seed = 0;             // 0: drawn
  uint64_t tensor_bytes = 1u << 20;
  uint32_t peer_timeout_ms = 1'000;
  bool json = false;
  bool growth_rule = true;
  uint32_t steps = 0;                    // of a round of a soak; 0: the rounds of a stress run
  unsigned kept = 0;                     // so many of the first workers are never killed
  Milliseconds live_line_every{1'000};
  bool coordinator_keeps_state = false;  // whether `atoll coordinator` has --state-dir
  std::string worker_fault;              // hidden: what the second worker does wrong
};

struct StressWorkerOptions {
  std::string coordinator;
  std::string name;
  uint64_t tensor_bytes = 1u << 20;
  Milliseconds deadline{5'000};
  uint32_t steps = 0;
  std::string fault;
};

// Past its deadline a call waits for its outcome for so long; what takes longer still is a hang.
inline constexpr Milliseconds kOutcomeGrace{3'000};
inline constexpr Milliseconds kHangMargin{2'000};

// Room for the ids of the contributors of a call.
inline constexpr unsigned kStressPeersMax = 256;

// Adds what both commands have. The values that `options` has are the defaults.
void add_stress_options(CLI::App& command, StressOptions& options);
void add_duration(CLI::App& command, const std::string& name, Milliseconds& value,
                  const std::string& text);

// `observer` may be null; otherwise the exit code is its verdict, if nothing else went wrong.
int run_stress(const StressOptions& options, StressObserver* observer);
int run_stress_worker(const StressWorkerOptions& options);

}  // namespace atoll_cli
