#include "transport/listener.h"

#include <cerrno>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/endpoint.h"
#include "transport/numeric_address.h"
#include "transport/socket_options.h"

namespace atoll_core::transport {
namespace {

// Addresses to try to bind, best first.
Result<std::vector<tcp::endpoint>> bind_addresses(const NetworkConfig& config) {
  if (config.bind_host.empty()) {
    // A machine without IPv6 cannot make the first.
    return std::vector<tcp::endpoint>{tcp::endpoint(tcp::v6(), config.port),
                                      tcp::endpoint(tcp::v4(), config.port)};
  }
  std::vector<tcp::endpoint> endpoints;
  const auto numeric = numeric_addresses(config.bind_host, Zone::kOurs);
  if (!numeric) {
    return fail(ErrorCode::kInvalidArgument, "cannot listen: {}", numeric.error().message);
  }
  if (*numeric) {
    for (const auto& address : **numeric) endpoints.emplace_back(address, config.port);
    return endpoints;
  }
  const names::Found found = config.names->wait(config.bind_host, config.bind_timeout);
  if (found.addresses.empty()) {
    return fail(ErrorCode::kInvalidArgument, "cannot listen on {}: the name has no address: {}",
                config.bind_host, found.problem);
  }
  for (const auto& address : found.addresses) {
    endpoints.push_back(endpoint_of(address, config.port));
  }
  return endpoints;
}

std::error_code try_listen(tcp::acceptor& acceptor, const tcp::endpoint& endpoint,
                           const NetworkConfig& config) {
  std::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (error) return error;
  if (endpoint.protocol() == tcp::v6()) {
    // Explicit both ways: the system's default differs between machines.
    acceptor.set_option(asio::ip::v6_only(!config.bind_host.empty()), error);
  }
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  set_buffer_sizes(acceptor.native_handle(),
                   {config.socket_send_buffer, config.socket_receive_buffer});
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  if (error) {
    std::error_code ignored;
    acceptor.close(ignored);
  }
  return error;
}

// An IPv4 address may come in the form that a socket for both families has.
bool is_loopback(const asio::ip::address& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address.is_loopback();
  return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).is_loopback();
}

ErrorCode code_of(const std::error_code& error) {
  return is_system_error(error, EADDRNOTAVAIL) ? ErrorCode::kInvalidArgument
                                               : ErrorCode::kSystemError;
}

}  // namespace

struct Listener::HalfOpen {
  HalfOpen(tcp::socket connected, std::string from)
      : socket(std::move(connected)), remote(std::move(from)), deadline(socket.get_executor()) {}

  tcp::socket socket;
  std::string remote;
  asio::steady_timer deadline;
  HelloBuffer hello;
  wire::HelloBytes answer{};
  std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
};

Result<std::unique_ptr<Listener>> Listener::open(Loop& loop, const NetworkConfig& config,
                                                 Network::HelloHandler on_hello,
                                                 Network::AcceptHandler on_accept) {
  const auto candidates = bind_addresses(config);
  if (!candidates) return tl::unexpected<Error>(candidates.error());
  tcp::acceptor acceptor(loop.context());
  std::error_code error;
  std::string address;
  for (const tcp::endpoint& candidate : *candidates) {
    error = try_listen(acceptor, candidate, config);
    address = text_of(candidate);
    const bool taken = is_system_error(error, EADDRINUSE) || is_system_error(error, EACCES);
    if (!error || taken) break;  // IPv4 alone would hide that the port belongs to somebody else
  }
  if (error) {
    return fail(code_of(error), "cannot listen on {}: {}", address, words_of(error));
  }
  auto listener = std::unique_ptr<Listener>(new Listener(
      loop, std::move(acceptor), config, std::move(on_hello), std::move(on_accept)));
  listener->accept_next();
  return listener;
}

Listener::Listener(Loop& loop, tcp::acceptor acceptor, const NetworkConfig& config,
                   Network::HelloHandler on_hello, Network::AcceptHandler on_accept)
    : loop_(loop),
      acceptor_(std::move(acceptor)),
      port_(acceptor_.local_endpoint().port()),
      hello_timeout_(config.hello_timeout),
      only_loopback_(config.only_loopback),
      on_hello_(std::move(on_hello)),
      on_accept_(std::move(on_accept)),
      on_trouble_(config.on_trouble),
      pause_timer_(loop.context()) {}

void Listener::accept_next() {
  if (half_open_.size() >= kHalfOpenMax) return pause_at_limit();
  acceptor_.async_wait(tcp::acceptor::wait_read, [this](const std::error_code& error) {
    loop_.turn([&] { accept_one(error); });
  });
}

void Listener::accept_one(std::error_code error) {
  if (error == asio::error::operation_aborted) return;
  tcp::socket socket(loop_.context());
  if (!error) acceptor_.take(socket, error);
  if (!error) greet(std::move(socket));
  tell_of_shortage(error);
  const bool goes_on = !error || error == asio::error::would_block ||
                       error == asio::error::interrupted ||
                       error == asio::error::connection_aborted;
  if (goes_on) return accept_next();
  pause_timer_.expires_after(kRetryAccept);
  pause_timer_.async_wait([this](const std::error_code& cancelled) {
    if (!cancelled) accept_next();
  });
}

// Once: it is tried again and again.
void Listener::tell_of_shortage(const std::error_code& error) {
  const bool lacks = is_system_error(error, EMFILE) || is_system_error(error, ENFILE);
  if (!lacks && error) return;
  if (std::exchange(lacks_descriptors_, lacks) || !lacks || !on_trouble_) return;
  on_trouble_(fmt::format("connections of other peers wait: {}", words_of(error)));
}

void Listener::pause_at_limit() {
  paused_ = true;
  pause_timer_.expires_at(half_open_.front()->since + kGraceAtLimit);
  pause_timer_.async_wait([this](const std::error_code& cancelled) {
    if (!cancelled && paused_) drop(half_open_.front());
  });
}

void Listener::greet(tcp::socket socket) {
  std::error_code error;
  const tcp::endpoint remote = socket.remote_endpoint(error);
  if (error) return;  // gone already
  if (only_loopback_ && !is_loopback(remote.address())) return;
  auto half_open = std::make_shared<HalfOpen>(std::move(socket), text_of(remote));
  half_open_.push_back(half_open);
  tune_connection(half_open->socket.native_handle());
  half_open->deadline.expires_after(hello_timeout_);
  half_open->deadline.async_wait([this, half_open](const std::error_code& cancelled) {
    if (!cancelled) drop(half_open);
  });
  async_read_hello(half_open->socket, half_open->hello,
                   [this, half_open](const Result<wire::Hello>& hello) {
                     loop_.turn([&] { answer(half_open, hello); });
                   });
}

void Listener::answer(const std::shared_ptr<HalfOpen>& half_open,
                      const Result<wire::Hello>& hello) {
  if (!hello) return drop(half_open);
  const HelloAnswer answer = on_hello_(*hello);
  wire::encode_hello(answer.hello, half_open->answer);
  asio::async_write(
      half_open->socket, asio::buffer(half_open->answer),
      [this, half_open, hello = *hello, answer](const std::error_code& error, size_t) {
        if (error) return drop(half_open);
        loop_.turn([&] { finish(half_open, hello, answer); });
      });
}

void Listener::finish(const std::shared_ptr<HalfOpen>& half_open, const wire::Hello& hello,
                      const HelloAnswer& answer) {
  if (!half_open->socket.is_open()) return;  // dropped while the answer was on its way
  if (!answer.keep) return drop(half_open);
  tcp::socket socket = std::move(half_open->socket);
  std::string remote = std::move(half_open->remote);
  forget(half_open);
  on_accept_(AcceptedHello{hello, answer.hello, loop_.adopt(std::move(socket), std::move(remote))});
}

void Listener::drop(const std::shared_ptr<HalfOpen>& half_open) {
  if (!half_open->socket.is_open()) return;
  std::error_code ignored;
  half_open->socket.close(ignored);
  forget(half_open);
}

void Listener::forget(const std::shared_ptr<HalfOpen>& half_open) {
  const std::shared_ptr<HalfOpen> keep = half_open;  // the argument may be the list's own element
  keep->deadline.cancel();
  half_open_.remove(keep);
  if (!std::exchange(paused_, false)) return;
  pause_timer_.cancel();
  accept_next();
}

}  // namespace atoll_core::transport
