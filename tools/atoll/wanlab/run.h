// One lab from its first namespace to its last process.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/atoll/wanlab/child.h"
#include "tools/atoll/wanlab/emulator.h"
#include "tools/atoll/wanlab/guard.h"
#include "tools/atoll/wanlab/node.h"
#include "tools/atoll/wanlab/options.h"
#include "tools/atoll/wanlab/output.h"
#include "tools/atoll/wanlab/report.h"

namespace atoll_cli {

class WanlabRun {
 public:
  // Makes the network. Call it before the process has threads. Throws std::runtime_error.
  WanlabRun(const WanlabOptions& options, const NetworkSettings& settings);
  ~WanlabRun();
  WanlabRun(const WanlabRun&) = delete;
  WanlabRun& operator=(const WanlabRun&) = delete;

  // Runs the commands until all have ended or stop() was called. Throws std::runtime_error.
  WanlabReport run();
  // From any thread: ends the commands.
  void stop();

  const Emulator& emulator() const { return emulator_; }

 private:
  struct Running {
    std::unique_ptr<Child> child;
    OutputRelay output;
    OutputRelay error;
  };

  unsigned coordinator_node() const;
  std::string coordinator_address() const;
  void start_coordinator();
  void wait_for_coordinator();
  void start_peers();
  Running start(unsigned node, const ChildSettings& child);
  void wait_for_peers();
  void end_all();
  void wait_until_ended(Nanoseconds limit, bool with_coordinator);
  bool any_runs(bool with_coordinator);
  void poll_once(Nanoseconds limit);
  void pump(Running& running);
  void flush_output();

  const WanlabOptions& options_;
  std::vector<Node> nodes_;
  std::unique_ptr<Guard> guard_;
  Emulator emulator_;
  std::optional<Running> coordinator_;
  std::vector<Running> peers_;
  std::vector<int> logs_;
  std::string problem_;  // why the lab ended before its commands
  int wake_ = -1;
  std::atomic<bool> stop_{false};
};

}  // namespace atoll_cli
