// atollComm_t, shared by the Python object and the calls that are made on it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "atoll/atoll.h"
#include "src/call.h"

namespace atoll_python {

struct Config {
  std::string coordinator, run, name, replica, bind, advertise, dump_on_error;
  uint32_t shard = 0, shard_count = 1, connections = 0;
  double connect_timeout = 10, update_timeout = 0, arrival_timeout = 600, progress_timeout = 30,
         outcome_grace = 10, coordinator_timeout = 30;
  uint64_t input_backup_bytes = uint64_t{1} << 30, input_backup_limit_bytes = 0;
  py::object log;  // (level, message), or None
};

uint32_t milliseconds_of(double seconds, const char* what);

// Under the GIL. Destroyed when neither the Python object nor a call is left.
class CommHandle {
 public:
  explicit CommHandle(const Config& config);
  ~CommHandle();
  CommHandle(const CommHandle&) = delete;
  CommHandle& operator=(const CommHandle&) = delete;

  atollComm_t get() const { return comm_; }
  const Config& config() const { return config_; }

  // An interrupted call whose outcome is still out.
  void await_before_next(const CallPointer& call) { awaited_.push_back(call); }
  // Nobody can call any more. If calls are in flight of which nobody will hear, the communicator
  // leaves the run at once, and they get so long to end.
  void give_up(double time_s);
  // Before a call is started. Waits for the interrupted ones; lets go of what has ended.
  void get_ready();

  // The view of the last update; none before.
  std::optional<atollView_t> view;
  // What is followed until the next update has ended.
  std::shared_ptr<void> followed;

 private:
  static void log(void* user, int level, const char* message);

  const Origin origin_;
  Config config_;
  atollComm_t comm_ = nullptr;
  std::vector<CallPointer> awaited_;
};

}  // namespace atoll_python
