#include "coordinator/listener.h"

#include <utility>

#include "coordinator/socket_address.h"

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
  }
  const std::string reason = describe_uv_error(status);
  loop.drain();  // the sockets that failed are still the loop's
  return fail(ErrorCode::kSystemError, "cannot listen on {}: {}", to_string(endpoint), reason);
}

int Listener::try_address(const sockaddr_storage& address) {
  uv_tcp_t* socket = sockets_.emplace_back(std::make_unique<uv_tcp_t>()).get();
  if (const int status = uv_tcp_init(loop_.native(), socket); status != 0) {
    sockets_.pop_back();
    return status;
  }
  socket->data = this;
  int status = uv_tcp_bind(socket, reinterpret_cast<const sockaddr*>(&address), 0);
  if (status == 0) {
    const auto on_incoming = [](uv_stream_t* server, int result) {
      auto* self = static_cast<Listener*>(server->data);
      self->loop_.guard([&] { self->incoming_(server, result); });
    };
    // libuv reports an address in use here, not at the bind.
    status = uv_listen(reinterpret_cast<uv_stream_t*>(socket), kBacklog, on_incoming);
  }
  if (status == 0) {
    address_ = local_endpoint(*socket);
  } else {
    uv_close(reinterpret_cast<uv_handle_t*>(socket), nullptr);
  }
  return status;
}

}  // namespace atoll_core::coordinator
