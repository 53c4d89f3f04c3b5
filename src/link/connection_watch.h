// Whether one connection still carries bytes, each way. TCP itself finds out late: a path that
// swallows everything, or an end that has forgotten the connection, shows after its own timeouts
// only. So both ends send heartbeats, and each counts:
//   - silence: nothing has come over this connection for too long;
//   - a standstill: heartbeats do come, but for too long they have told of no further byte having
//     arrived there, while bytes that were sent are missing.
// Not the acknowledgements of frames: those are the link's, and stand still on all its connections
// when a frame is missing on one. Nor the time since something was sent: over a slow path with deep
// queues a heartbeat may be half a minute old when it comes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"

namespace atoll_core::link {

class ConnectionWatch {
 public:
  void wrote(size_t bytes) { written_ += bytes; }
  void read(TimePoint now, size_t bytes) {
    heard_ = now;
    received_ += bytes;
  }
  // What the next heartbeat is to tell.
  uint64_t received() const { return received_; }
  // A heartbeat tells how many bytes have arrived there. False: more than were sent.
  bool confirm(TimePoint now, uint64_t arrived);

  // Why the connection is to be given up, if it is. To be asked regularly; for `slept` since the
  // last time this process did not run, and what came meanwhile may still be unread.
  std::optional<std::string> check(TimePoint now, Duration slept, Duration limit);

 private:
  uint64_t written_ = 0;
  uint64_t received_ = 0;
  uint64_t arrived_ = 0;                // there, as far as is known
  std::optional<TimePoint> heard_;
  std::optional<TimePoint> standing_;   // since when heartbeats have told nothing new
  TimePoint told_{};                    // the last heartbeat that did not
};

}  // namespace atoll_core::link
