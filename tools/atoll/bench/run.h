// A measured run of our own: a coordinator and peers on this computer, each a process.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "tools/atoll/bench/options.h"
#include "tools/atoll/stress/process.h"

namespace atoll_cli {

class BenchRun {
 public:
  // `folder` is for files of the run.
  BenchRun(const BenchOptions& options, std::string folder);
  ~BenchRun();  // no process outlives it
  BenchRun(const BenchRun&) = delete;
  BenchRun& operator=(const BenchRun&) = delete;

  // Until all peers have ended, one has failed, or `stop`. Returns the exit code.
  int run(const std::atomic<bool>& stop);

 private:
  void start_coordinator(const std::atomic<bool>& stop);
  void start_peers();
  void relay();
  bool reap();
  void end_all();

  const BenchOptions& options_;
  std::string folder_;
  std::string address_;
  std::unique_ptr<StressProcess> coordinator_;
  std::vector<std::unique_ptr<StressProcess>> peers_;
  bool failed_ = false;
};

}  // namespace atoll_cli
