// What the user asked `atoll bench` to measure.
#pragma once

#include <cstdint>
#include <string>

namespace atoll_cli {

struct BenchCollective;

inline constexpr unsigned kBenchWorldMax = 64;
inline constexpr unsigned kBenchInFlightMax = 64;
inline constexpr unsigned kBenchTensorsMax = 65536;
inline constexpr uint64_t kBenchBytesMax = uint64_t{1} << 36;

struct BenchOptions {
  const BenchCollective* collective = nullptr;
  unsigned world = 0;  // 0: not given
  uint64_t min_bytes = uint64_t{4} << 10;
  uint64_t max_bytes = uint64_t{64} << 20;
  unsigned step_factor = 2;
  std::string algorithm = "auto";
  std::string wire = "fp32";
  std::string place = "both";  // in, out, both
  unsigned connections = 0;    // 0: the library chooses
  unsigned in_flight = 1;
  unsigned tensors = 1;        // that a call has as a batch; all-reduce only
  unsigned iterations = 20;
  unsigned warmup = 5;
  bool input_disposable = false;
  bool keep_segments = false;
  bool optimize = false;       // atollOptimizeTopology before the first case
  std::string json;  // file; "-": standard output, and no table

  std::string join;        // the coordinator of a run that others started; empty: a run of our own
  std::string start_line;  // hidden: the file that the peers of a run of our own share
  std::string fault;       // hidden: what the last peer does wrong
};

// The run of our own: starts coordinator and peers on this computer. Returns the exit code.
int run_bench(const BenchOptions& options);
// One peer of a run, by options.join. Returns the exit code.
int run_bench_peer(const BenchOptions& options);

}  // namespace atoll_cli
