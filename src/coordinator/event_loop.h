// A libuv loop as one object: run, stop from anywhere, one deadline, signals, and the exception
// wall. libuv is C, so no exception may pass through it: every callback does its work in guard(),
// and the first failure stops the loop and becomes the result of run().
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <uv.h>

#include "base/error.h"
#include "base/time.h"

namespace atoll_core::coordinator {

class EventLoop {
 public:
  static Result<std::unique_ptr<EventLoop>> create();
  // Drains the loop. Whatever owns handles of it must still be alive: call drain() first when not.
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  uv_loop_t* native() { return &loop_; }
  // A socket that is none yet.
  void init(uv_tcp_t& socket);
  static TimePoint now();

  // One deadline: `on_deadline` is called when it has come. kNever: none.
  void on_deadline(std::function<void()> callback) { deadline_callback_ = std::move(callback); }
  void set_deadline(TimePoint at);

  // Called after each turn of the loop in which sockets were looked at, when what had come over all
  // of them has been read, and before the loop waits again.
  void on_turn_end(std::function<void()> callback);

  // SIGINT and SIGTERM stop the loop from now on.
  Result<void> stop_on_signals();

  // Blocks until stop() or a failure; returns the failure.
  Result<void> run();
  // From any thread, from a signal handler, before run() (which then returns at once) or after it.
  void stop() noexcept;
  // On the loop's thread: ends run() with this error; the first one counts.
  void fail(Error error) noexcept;

  // Closes every handle of the loop and runs it until all are closed. stop() stays callable.
  void drain() noexcept;

  // Does nothing after a failure: what failed may be half done.
  template <class Body>
  void guard(Body&& body) noexcept {
    if (failure_) return;
    try {
      body();
    } catch (...) {
      fail_with_current_exception();
    }
  }

 private:
  EventLoop() = default;
  Result<void> start();
  void fail_with_current_exception() noexcept;

  uv_loop_t loop_{};
  uv_async_t stop_async_{};
  uv_timer_t deadline_timer_{};
  uv_check_t turn_end_{};
  TimePoint deadline_ = kNever;
  std::array<uv_signal_t, 2> signals_{};
  bool started_ = false;
  std::function<void()> deadline_callback_;
  std::function<void()> turn_end_callback_;
  std::optional<Error> failure_;
};

}  // namespace atoll_core::coordinator
