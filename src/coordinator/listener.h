// The port where control connections arrive.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <uv.h>

#include "base/endpoint.h"
#include "base/error.h"
#include "coordinator/event_loop.h"

namespace atoll_core::coordinator {

class Listener {
 public:
  // `server` has a connection to accept, or `status` says why not.
  using Incoming = std::function<void(uv_stream_t* server, int status)>;

  // Binds and listens; `incoming` is called once the loop runs. The loop must be drained before
  // the listener goes. Without `insecure` every address of the host must be loopback.
  static Result<std::unique_ptr<Listener>> open(EventLoop& loop, const Endpoint& endpoint,
                                                bool insecure, Incoming incoming);

  const Endpoint& address() const { return address_; }

 private:
  Listener(EventLoop& loop, Incoming incoming) : loop_(loop), incoming_(std::move(incoming)) {}
  int try_address(const sockaddr_storage& address);

  EventLoop& loop_;
  Incoming incoming_;
  Endpoint address_;
  std::vector<std::unique_ptr<uv_tcp_t>> sockets_;  // the last one listens, the others failed
};

}  // namespace atoll_core::coordinator
