// Which thread runs the loop of a session: its I/O thread, or a caller that has to wait anyway and
// lends its own. So a call needs no hand-over: its caller sends, waits for the sockets itself, and
// returns.
//
// For that the I/O thread must not be in the loop when the call begins. So after a call that
// somebody waited for, and for kFollow, since where one such call has ended the next one is often
// near, it rests if nothing is left to be moved. Now and then it looks what has come from outside,
// which waits for so long: first after kRest, then less and less often while nothing comes, up to
// kLook. Beside a caller that has the loop it sleeps longer and longer, up to kLookBesideCaller:
// waking up costs a good part of a short call, and disturbs a long one. What other threads of this
// process ask for wakes it at once.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>

#include "base/time.h"

namespace atoll_core::peer {

class LoopBaton {
 public:
  static constexpr Duration kRest = std::chrono::milliseconds(1);
  static constexpr Duration kLook = std::chrono::milliseconds(4);
  static constexpr Duration kLookBesideCaller = std::chrono::milliseconds(64);
  static constexpr Duration kFollow = std::chrono::seconds(1);

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

  // What the I/O thread is to do, which has the loop then: end, run it until it may rest, or do
  // what is ready.
  enum class Turn : uint8_t { kEnd, kRun, kLook };
  // The I/O thread. Returns when there is something for it to do. Beside a caller that has the loop
  // it calls `beside` now and then: that thread may be held up by a signal handler.
  Turn take(const std::function<void()>& beside = {});
  // It has left the loop because nothing is left to be moved, having `done` what was asked. After a
  // look: whether something had come, so that more may follow. Else it has run the loop until a
  // call had ended that somebody waited for.
  void rest(uint64_t done, std::optional<bool> came = {});

 private:
  enum class Holder : uint8_t { kNobody, kIoThread, kCaller };

  void release(bool nothing_left, uint64_t done);

  std::mutex mutex_;
  std::condition_variable changed_;
  Holder holder_ = Holder::kNobody;
  bool wanted_ = true;     // the I/O thread is to take it, rested or not
  bool ended_ = false;
  uint64_t taken_ = 0;     // by callers, so many times
  uint64_t asked_ = 0;
  TimePoint rested_at_{};   // since then nobody holds it
  Duration pause_ = kRest;  // for so long from then on, before the I/O thread looks
  TimePoint followed_until_{};
};

}  // namespace atoll_core::peer
