// What `atoll bench` prints and writes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/atoll/bench/options.h"

namespace atoll_cli {

// One case, over all peers.
struct BenchRow {
  uint64_t bytes = 0;
  bool in_place = false;
  std::vector<double> seconds;  // per iteration: of the slowest peer
  double cpu_seconds = 0;       // of all peers, all iterations
  uint64_t wrong = 0;           // elements of all peers, and iterations in which peers differ
};

// The lines above the rows.
std::string bench_table_head(const BenchOptions& options, bool common_clock);
std::string bench_table_line(const BenchOptions& options, const BenchRow& row);
// {"rows": [...]}; docs/PERFORMANCE.md names the fields.
std::string bench_json(const BenchOptions& options, const std::vector<BenchRow>& rows,
                       bool common_clock);

// "4 KiB", "1000 B".
std::string describe_bytes(uint64_t bytes);

}  // namespace atoll_cli
