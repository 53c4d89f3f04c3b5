// Heartbeats to the coordinator that are sent beside the loop. The loop may stand still although
// the peer lives: a thread that has lent itself to it runs a signal handler of the program, or is
// held up by a debugger, for longer than the coordinator is patient. Then the I/O thread, which
// takes no signals, sends the last heartbeat of the loop again.
//
// The two never write at the same time, and never into each other's messages. While the loop's
// thread writes, it takes no signal: so it does not stand still there.
#pragma once

#include <functional>
#include <mutex>
#include <string>

#include "base/time.h"

namespace atoll_core::transport {

class ControlPulse {
 public:
  // The thread of the loop: over this connection, on which the next byte begins a message.
  void begin(int descriptor);
  // On return nobody uses the connection any more.
  void end();
  // What to send again when nothing has been sent for one and a half times `interval`.
  void set(std::string heartbeat, Duration interval);
  // The loop's own writing: sends from the front of `queue` and says whether all of it has gone.
  // What is left of a heartbeat comes before it.
  void write(TimePoint now, std::string& queue, const std::function<bool()>& send);
  // The loop sends on, or has sent all, by other ways.
  void set_whole(bool whole);

  // Any thread; waits for nothing.
  void beat(TimePoint now);

 private:
  std::mutex mutex_;
  int descriptor_ = -1;
  bool whole_ = false;  // the next byte begins a message
  std::string heartbeat_;
  Duration interval_{};
  std::string rest_;  // of a heartbeat that was sent in part
  TimePoint written_{};
};

}  // namespace atoll_core::transport
