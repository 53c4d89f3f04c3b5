// Which thread runs the loop of a session: its I/O thread, or a caller that has to wait anyway and
// lends its own. So a short call needs no hand-over: its caller sends, waits for the sockets
// itself, and returns.
//
// For that the I/O thread must not be in the loop when the call begins. So after a call that
// somebody waited for it rests for kRest before it goes back, if nothing is left to be moved:
// where one such call has ended the next one is often near. While calls follow each other it looks
// only every kLook whether they still do, since waking up costs a good part of a short call. What
// comes from outside after the last one waits for so long; what other threads of this process ask
// for wakes it at once.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>

#include "base/time.h"

namespace atoll_core::peer {

class LoopBaton {
 public:
  static constexpr Duration kRest = std::chrono::milliseconds(1);
  static constexpr Duration kLook = std::chrono::milliseconds(4);

  // A caller's thread. What was asked of the loop so far; it runs the loop until it calls
  // give_back(). Nothing: somebody else does.
  std::optional<uint64_t> try_take();
  // `nothing_left`: the I/O thread may rest, unless more was asked of the loop than `done`. Else it
  // takes over at once.
  void give_back(bool nothing_left, uint64_t done);
  // Any thread that has asked one thing of the loop.
  void asked();
  // The loop will not be run again.
  void end();

  // The I/O thread. Returns when it is to run the loop; false: when it is to end.
  bool take();
  // It has left the loop because nothing is left to be moved, having `done` what was asked.
  void rest(uint64_t done);

 private:
  enum class Holder : uint8_t { kNobody, kIoThread, kCaller };

  void release(bool nothing_left, uint64_t done);

  std::mutex mutex_;
  std::condition_variable changed_;
  Holder holder_ = Holder::kNobody;
  bool wanted_ = true;     // the I/O thread is to take it, rested or not
  bool asleep_ = false;    // the I/O thread, until it is woken
  bool ended_ = false;
  uint64_t taken_ = 0;     // by callers, so many times
  uint64_t asked_ = 0;
  TimePoint rested_at_{};  // since then nobody holds it
};

}  // namespace atoll_core::peer
