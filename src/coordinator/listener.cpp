#include "coordinator/listener.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "coordinator/socket_address.h"
#include "process/descriptors.h"

namespace atoll_core::coordinator {
namespace {

constexpr int kBacklog = 1024;
constexpr Duration kNamePatience = std::chrono::seconds(10);

}  // namespace

Result<std::unique_ptr<Listener>> Listener::open(EventLoop& loop, const Endpoint& endpoint,
                                                 bool insecure, Incoming incoming) {
  if (std::string why = lacks_zone(endpoint.host); !why.empty()) {
    return fail(ErrorCode::kInvalidArgument, "cannot listen on {}: {}", to_string(endpoint), why);
  }
  const auto addresses = resolve(endpoint, kNamePatience);
  if (!addresses) return tl::unexpected(addresses.error());
  for (const sockaddr_storage& address : *addresses) {
    if (insecure || is_loopback(address)) continue;
    return fail(ErrorCode::kInvalidArgument,
                "will not listen on {}: {} can be reached from other machines, and connections are "
                "neither authenticated nor encrypted; listen on 127.0.0.1 or [::1], or allow it "
                "with --insecure (insecure = true) on a network you trust",
                to_string(endpoint), endpoint_of(address).host);
  }
  std::unique_ptr<Listener> listener(new Listener(loop, std::move(incoming)));
  int status = UV_EADDRNOTAVAIL;
  for (const sockaddr_storage& address : *addresses) {
    status = listener->try_address(address);
    if (status == 0) return listener;
    listener->close();
  }
  return fail(ErrorCode::kSystemError, "cannot listen on {}: {}", to_string(endpoint),
              describe_uv_error(status));
}

// Errors are libuv's, which are those of the system with a minus.
int Listener::try_address(const sockaddr_storage& address) {
  const int family = address.ss_family;
  socket_ = process::open_noted(
      [family] { return ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); });
  if (socket_ < 0) return -errno;
  const int on = 1;
  const socklen_t size = family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  const auto* name = reinterpret_cast<const sockaddr*>(&address);
  if (::setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      ::bind(socket_, name, size) != 0 || ::listen(socket_, kBacklog) != 0) {
    return -errno;
  }
  sockaddr_storage bound{};
  socklen_t bound_size = sizeof(bound);
  if (::getsockname(socket_, reinterpret_cast<sockaddr*>(&bound), &bound_size) != 0) return -errno;
  address_ = endpoint_of(bound);
  return watch();
}

int Listener::watch() {
  if (const int status = uv_poll_init(loop_.native(), &readable_, socket_); status != 0) {
    return status;
  }
  uv_timer_init(loop_.native(), &pause_timer_);  // cannot fail
  readable_.data = this;
  pause_timer_.data = this;
  return uv_poll_start(&readable_, UV_READABLE, on_readable);
}

void Listener::on_readable(uv_poll_t* handle, int, int) {
  auto* self = static_cast<Listener*>(handle->data);
  self->loop_.guard([self] { self->accept_some(); });
}

void Listener::accept_some() {
  for (int left = kAcceptsPerTurn; left > 0; --left) {
    const int socket = process::open_noted([this] {
      return ::accept4(socket_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    });
    if (socket >= 0) {
      has_told_ = false;
      incoming_(socket);
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO) continue;  // gone already
    const int error = errno;
    if (!std::exchange(has_told_, true)) {
      incoming_(fail(ErrorCode::kSystemError,
                     "cannot accept a control connection, peers that come wait: {}",
                     describe_uv_error(-error)));
    }
    return pause();
  }
}

// The connections that wait would wake the loop at once again.
void Listener::pause() {
  uv_poll_stop(&readable_);
  const auto on_timer = [](uv_timer_t* timer) {
    auto* self = static_cast<Listener*>(timer->data);
    uv_poll_start(&self->readable_, UV_READABLE, on_readable);
  };
  uv_timer_start(&pause_timer_, on_timer, kRetryAcceptMs, 0);
}

void Listener::close() noexcept {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

}  // namespace atoll_core::coordinator
