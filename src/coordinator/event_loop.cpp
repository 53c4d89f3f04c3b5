#include "coordinator/event_loop.h"

#include <algorithm>
#include <csignal>
#include <new>
#include <utility>

#include "base/assert.h"
#include "coordinator/sigpipe_block.h"
#include "coordinator/socket_address.h"
#include "process/descriptors.h"

namespace atoll_core::coordinator {
namespace {

template <class Handle>
uv_handle_t* as_handle(Handle* handle) {
  return reinterpret_cast<uv_handle_t*>(handle);
}

// By which it waits: its epoll, the event of stop(), and the pipe of its signals. All have
// close-on-exec from libuv, and hold no connection: a child that is forked before they are noted
// only has these numbers taken.
std::array<int, 4> descriptors_of(const uv_loop_t& loop) {
  return {uv_backend_fd(&loop), loop.async_io_watcher.fd, loop.signal_pipefd[0],
          loop.signal_pipefd[1]};
}

// What libuv opens for a loop: an epoll, an event, a pipe for signals, and at the first loop of a
// process another one. Without that pipe it aborts.
constexpr int kOfLibuv = 6;

EventLoop* owner_of(void* data) { return static_cast<EventLoop*>(data); }

}  // namespace

Result<std::unique_ptr<EventLoop>> EventLoop::create() {
  std::unique_ptr<EventLoop> loop(new EventLoop());
  if (auto started = loop->start(); !started) return tl::unexpected(started.error());
  return loop;
}

Result<void> EventLoop::start() {
  const process::StandardTaken standard;
  if (const int error = process::lacks_descriptors(kOfLibuv); error != 0) {
    return atoll_core::fail(ErrorCode::kSystemError, "cannot create an event loop: {}",
                            describe_uv_error(-error));
  }
  if (const int status = uv_loop_init(&loop_); status != 0) {
    return atoll_core::fail(ErrorCode::kSystemError, "cannot create an event loop: {}",
                            describe_uv_error(status));
  }
  const auto on_stop = [](uv_async_t* handle) { uv_stop(handle->loop); };
  if (const int status = uv_async_init(&loop_, &stop_async_, on_stop); status != 0) {
    uv_loop_close(&loop_);
    return atoll_core::fail(ErrorCode::kSystemError, "cannot create the stop event of a loop: {}",
                            describe_uv_error(status));
  }
  uv_timer_init(&loop_, &deadline_timer_);
  deadline_timer_.data = this;
  process::ForkPause pause;
  for (const int descriptor : descriptors_of(loop_)) pause.note(descriptor);
  started_ = true;
  return {};
}

// With its first socket libuv opens a file that it keeps.
void EventLoop::init(uv_tcp_t& socket) {
  std::optional<process::StandardTaken> standard;
  if (loop_.emfile_fd < 0) standard.emplace();
  uv_tcp_init(&loop_, &socket);  // without a socket yet: cannot fail
}

EventLoop::~EventLoop() {
  if (!started_) return;
  drain();
  // Only now: until here another thread may call stop().
  uv_close(as_handle(&stop_async_), nullptr);
  while (uv_run(&loop_, UV_RUN_DEFAULT) != 0) {
  }
  process::ForkPause pause;
  for (const int descriptor : descriptors_of(loop_)) pause.take_back(descriptor);
  uv_loop_close(&loop_);
}

TimePoint EventLoop::now() { return TimePoint(Duration(static_cast<int64_t>(uv_hrtime()))); }

void EventLoop::set_deadline(TimePoint at) {
  // A timer that is set anew in each turn of the loop would never be due.
  if (at == deadline_ && uv_is_active(as_handle(&deadline_timer_)) != 0) return;
  deadline_ = at;
  if (at == kNever) {
    uv_timer_stop(&deadline_timer_);
    return;
  }
  // Rounded up, and never 0: a deadline is not early, one in the past cannot starve the sockets.
  const Duration wait = at - now();
  const int64_t wait_ms = std::max<int64_t>(to_ms(wait) + 1, 1);
  uv_update_time(&loop_);
  const auto on_timer = [](uv_timer_t* timer) {
    EventLoop* self = owner_of(timer->data);
    // The loop's clock is coarse and may be ahead of the one that deadlines are of.
    if (now() < self->deadline_) return self->set_deadline(self->deadline_);
    self->guard([self] { self->deadline_callback_(); });
  };
  uv_timer_start(&deadline_timer_, on_timer, static_cast<uint64_t>(wait_ms), 0);
}

void EventLoop::on_turn_end(std::function<void()> callback) {
  turn_end_callback_ = std::move(callback);
  uv_check_init(&loop_, &turn_end_);  // this and the next cannot fail
  turn_end_.data = this;
  uv_check_start(&turn_end_, [](uv_check_t* check) {
    EventLoop* self = owner_of(check->data);
    self->guard([self] { self->turn_end_callback_(); });
  });
}

Result<void> EventLoop::stop_on_signals() {
  constexpr std::array kSignals{SIGINT, SIGTERM};
  for (size_t i = 0; i < kSignals.size(); ++i) {
    int status = uv_signal_init(&loop_, &signals_[i]);
    if (status == 0) {
      const auto on_signal = [](uv_signal_t* handle, int) { uv_stop(handle->loop); };
      status = uv_signal_start(&signals_[i], on_signal, kSignals[i]);
    }
    if (status != 0) {
      return atoll_core::fail(ErrorCode::kSystemError, "cannot watch signal {}: {}", kSignals[i],
                              describe_uv_error(status));
    }
  }
  return {};
}

Result<void> EventLoop::run() {
  const SigpipeBlock sigpipe_block;
  uv_run(&loop_, UV_RUN_DEFAULT);
  if (failure_) return tl::unexpected(*failure_);
  return {};
}

void EventLoop::stop() noexcept { uv_async_send(&stop_async_); }

void EventLoop::fail(Error error) noexcept {
  if (!failure_) failure_ = std::move(error);
  uv_stop(&loop_);
}

void EventLoop::drain() noexcept {
  const SigpipeBlock sigpipe_block;
  const auto close = [](uv_handle_t* handle, void* kept) {
    if (handle != kept && uv_is_closing(handle) == 0) uv_close(handle, nullptr);
  };
  uv_walk(&loop_, close, &stop_async_);
  uv_unref(as_handle(&stop_async_));
  // A stop that comes meanwhile ends uv_run early, hence the loop.
  while (uv_run(&loop_, UV_RUN_DEFAULT) != 0) {
  }
}

void EventLoop::fail_with_current_exception() noexcept {
  Error error;
  try {
    throw;
  } catch (const std::bad_alloc&) {
    error.code = ErrorCode::kOutOfMemory;  // no sentence: it would need memory
  } catch (const std::exception& exception) {
    try {
      error.message = exception.what();
    } catch (const std::exception&) {
      error.message.clear();
    }
  } catch (...) {
    error.code = ErrorCode::kInternalError;
  }
  fail(std::move(error));
}

}  // namespace atoll_core::coordinator
