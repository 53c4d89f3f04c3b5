// The port where control connections arrive.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include <uv.h>

#include "base/endpoint.h"
#include "base/error.h"
#include "coordinator/event_loop.h"

namespace atoll_core::coordinator {

// It accepts by itself: libuv would have the new socket before it could be noted for a forked child
// to close (process/descriptors.h).
class Listener {
 public:
  static constexpr int kAcceptsPerTurn = 64;
  static constexpr uint64_t kRetryAcceptMs = 100;  // when descriptors have run out, say

  // A connection that was accepted, whose socket is the callee's to close; or why there is none.
  using Incoming = std::function<void(Result<int> socket)>;

  // Binds and listens; `incoming` is called once the loop runs. The loop must be drained before
  // the listener goes. Without `insecure` every address of the host must be loopback.
  static Result<std::unique_ptr<Listener>> open(EventLoop& loop, const Endpoint& endpoint,
                                                bool insecure, Incoming incoming);
  ~Listener() { close(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  const Endpoint& address() const { return address_; }
  // Gives the port back. The loop must be drained.
  void close() noexcept;

 private:
  Listener(EventLoop& loop, Incoming incoming) : loop_(loop), incoming_(std::move(incoming)) {}
  int try_address(const sockaddr_storage& address);
  int watch();
  static void on_readable(uv_poll_t* handle, int status, int events);
  void accept_some();
  void pause();

  EventLoop& loop_;
  Incoming incoming_;
  Endpoint address_;
  int socket_ = -1;
  bool has_told_ = false;  // that it cannot accept, since it last could
  uv_poll_t readable_{};
  uv_timer_t pause_timer_{};
};

}  // namespace atoll_core::coordinator
