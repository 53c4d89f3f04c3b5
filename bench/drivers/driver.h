// What the drivers of bench/compare.py share: arguments, the same data, start and clock as
// `atoll bench`, and what they report. A driver brings one function that all-reduces a buffer in
// place.
//
// Protocol, in FOLDER/report.RANK of each rank (mpirun mixes the outputs of its processes), a line
// each:
//   RANK time_us T      per measured iteration, in order: from the common start to this rank's end
//   RANK cpu_s S        user and system time of this rank, all measured iterations
//   RANK wrong N        elements that are not the sum, over all iterations
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "tools/atoll/bench/cpu.h"
#include "tools/atoll/bench/start_line.h"
#include "tools/atoll/bench/values.h"

namespace driver {

struct Options {
  unsigned rank = 0;
  unsigned world = 2;
  uint64_t bytes = 4096;
  unsigned iterations = 20;
  unsigned warmup = 5;
  std::string folder;     // of this run, empty at first
  std::string algorithm;  // where the library has several
};

inline Options parse(int argc, char** argv) {
  std::map<std::string, std::string> given;
  for (int i = 1; i + 1 < argc; i += 2) given[argv[i]] = argv[i + 1];
  const auto number = [&given](const char* name, uint64_t otherwise) {
    return given.count(name) != 0 ? std::strtoull(given[name].c_str(), nullptr, 10) : otherwise;
  };
  Options options;
  options.rank = static_cast<unsigned>(number("--rank", options.rank));
  options.world = static_cast<unsigned>(number("--world", options.world));
  options.bytes = number("--bytes", options.bytes);
  options.iterations = static_cast<unsigned>(number("--iterations", options.iterations));
  options.warmup = static_cast<unsigned>(number("--warmup", options.warmup));
  options.folder = given["--folder"];
  options.algorithm = given["--algorithm"];
  if (options.folder.empty()) throw std::runtime_error("--folder is missing");
  return options;
}

// `all_reduce` sums `data` over all ranks, in place; it is the same memory in each call.
template <class AllReduce>
int measure(const Options& options, std::vector<float>& data, AllReduce all_reduce) {
  const uint64_t count = data.size();
  std::vector<float> input(count);
  atoll_cli::fill_bench_values(input.data(), count, options.rank, 0);
  atoll_cli::BenchStartLine line(options.folder + "/start-line", options.world);
  atoll_cli::BenchCpu cpu;
  std::string report;
  const std::string rank = std::to_string(options.rank);
  uint64_t wrong = 0;
  uint64_t verified = 0;  // hash of a result whose every element was right
  for (unsigned i = 0; i < options.warmup + options.iterations; ++i) {
    if (i == options.warmup) cpu.begin();
    cpu.pause();
    std::memcpy(data.data(), input.data(), count * sizeof(float));
    const double begin = line.wait();
    cpu.resume();
    all_reduce();
    const double end = atoll_cli::monotonic_seconds();
    cpu.pause();
    line.wait_for_all();
    if (i >= options.warmup) {
      report += rank + " time_us " + std::to_string(1e6 * (end - begin)) + "\n";
    }
    const uint64_t hash = atoll_cli::bench_hash(data.data(), count, 0);
    if (i == 0 || hash != verified) {
      wrong += atoll_cli::count_wrong_sums(data.data(), count, options.world, 0);
      verified = hash;
    }
    cpu.resume();
  }
  report += rank + " cpu_s " + std::to_string(cpu.seconds()) + "\n";
  report += rank + " wrong " + std::to_string(wrong) + "\n";
  std::ofstream file(options.folder + "/report." + rank);
  file << report << std::flush;
  if (!file) throw std::runtime_error("the report could not be written to " + options.folder);
  return wrong == 0 ? 0 : 1;
}

// What main() returns: that of run(), or 1 after a sentence on standard error.
inline int run_and_report(const char* name, int (*run)(int, char**), int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
    return 1;
  }
}

}  // namespace driver
