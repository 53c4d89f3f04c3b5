#include "src/comm_handle.h"

#include <cmath>
#include <utility>

#include "src/gil.h"

namespace atoll_python {
namespace {

const char* or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

const char* level_name(int level) {
  constexpr const char* kNames[] = {"trace", "debug", "info", "warning", "error"};
  return level >= 0 && level < 5 ? kNames[level] : "error";
}

}  // namespace

uint32_t milliseconds_of(double seconds, const char* what) {
  if (!(seconds >= 0 && seconds < 4294967.0)) {
    refuse(atollInvalidArgument, std::string(what) + " is " + std::to_string(seconds) +
                                     ", not a number of seconds from 0 to 4294966");
  }
  return static_cast<uint32_t>(std::ceil(seconds * 1000));
}

CommHandle::CommHandle(const Config& config) : config_(config) {
  atollCommConfig_t given = ATOLL_COMM_CONFIG_INITIALIZER;
  given.coordinator = or_null(config_.coordinator);
  given.run = or_null(config_.run);
  given.name = or_null(config_.name);
  given.replica = or_null(config_.replica);
  given.bind = or_null(config_.bind);
  given.advertise = or_null(config_.advertise);
  given.dump_on_error = or_null(config_.dump_on_error);
  given.shard = config_.shard;
  given.shard_count = config_.shard_count;
  given.connections = config_.connections;
  given.connect_timeout_ms = milliseconds_of(config_.connect_timeout, "connect_timeout");
  given.update_timeout_ms = milliseconds_of(config_.update_timeout, "update_timeout");
  given.arrival_timeout_ms = milliseconds_of(config_.arrival_timeout, "arrival_timeout");
  given.progress_timeout_ms = milliseconds_of(config_.progress_timeout, "progress_timeout");
  given.outcome_grace_ms = milliseconds_of(config_.outcome_grace, "outcome_grace");
  given.coordinator_timeout_ms =
      milliseconds_of(config_.coordinator_timeout, "coordinator_timeout");
  given.input_backup_bytes = config_.input_backup_bytes;
  given.input_backup_limit_bytes = config_.input_backup_limit_bytes;
  if (!config_.log.is_none()) {
    given.log = log;
    given.log_user = this;
  }
  require(atollCommCreate(&comm_, &given));
}

// The others hear that it has left. While the interpreter ends nothing is freed any more: another
// thread may be in a call, and for the others this process has died soon in any case.
CommHandle::~CommHandle() {
  if (closing()) {
    config_.log.release();
    return;
  }
  without_gil([this] { return atollCommDestroy(comm_); });
}

void CommHandle::give_up(double time_s) {
  if (!origin_.is_here()) return;
  let_go_of_ended();
  std::vector<CallPointer> left = std::move(awaited_);
  awaited_.clear();
  take_orphans_of(*this, left);
  if (left.empty()) return;
  without_gil([this] { return atollCommAbort(comm_); });
  const auto time = std::chrono::milliseconds(static_cast<int64_t>(time_s * 1000));
  for (CallPointer& call : left) {
    if (!without_gil([&] { return call->wait_slice(time); })) keep_until_ended(std::move(call));
  }
}

void CommHandle::get_ready() {
  let_go_of_ended();
  while (!awaited_.empty()) {
    const CallPointer call = awaited_.back();
    if (call->ended()) {
      awaited_.pop_back();
      continue;
    }
    // When a handler of a signal raises, wait_for() puts it back.
    awaited_.pop_back();
    wait_for(call, {});
  }
}

void CommHandle::log(void* user, int level, const char* message) {
  PyGILState_STATE state;
  if (!enter_callback(state)) return;
  try {
    static_cast<CommHandle*>(user)->config_.log(level_name(level), message);
  } catch (py::error_already_set& error) {
    error.discard_as_unraisable("the log callback of an Atoll communicator");
  }
  leave_callback(state);
}

}  // namespace atoll_python
