// The coordinator as a process part: a libuv loop around membership::CoordinatorMachine.
// create() binds; run() blocks on the calling thread until stop(); stop() may be called from any
// thread and from a signal-safe context of the caller's own loop. One object, one run().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/endpoint.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/time.h"
#include "process/log.h"

namespace atoll_core::coordinator {

struct ServiceConfig {
  Endpoint listen{"127.0.0.1", 0};  // port 0: the kernel chooses
  bool insecure = false;            // allow an address that is not loopback without a token
  std::string run;                  // run id; empty accepts every peer's
  uint32_t min_replicas = 1;
  Duration heartbeat_interval = std::chrono::milliseconds(500);
  Duration peer_timeout = std::chrono::milliseconds(5000);
  // Members of a run that goes on are waited for so long from the first on.
  Duration rejoin_window = std::chrono::milliseconds(1500);
  bool new_run = false;             // nobody can be in the run: who comes from one is refused
  InstanceId instance;              // the one to go on with, and no other; zero: whatever is there
  bool accept_lower_revision = false;  // than one that was committed and is still held
  std::string state_dir;            // empty: nothing is kept on disk
  size_t connections_max = limits::kControlConnections;
  size_t queue_bytes_in_all = limits::kControlQueueBytesInAll;  // for peers that do not read
  bool handle_signals = false;      // SIGINT and SIGTERM stop the loop (for the CLI only)
  process::LogCallback log;         // empty: stderr, level from ATOLL_LOG
};

class Service {
 public:
  static Result<std::unique_ptr<Service>> create(ServiceConfig config);
  virtual ~Service() = default;

  virtual Endpoint address() const = 0;  // where it listens, with the port that was chosen
  // kSteppedDown: it was stopped while another coordinator drove the run.
  virtual Result<void> run() = 0;
  virtual void stop() = 0;
};

}  // namespace atoll_core::coordinator
