#include "transport/socket_options.h"

#include <algorithm>
#include <limits>

#include <linux/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/endpoint.h"
#include "base/tcp_silence.h"
#include "process/shortage.h"
#include "transport/round_trip.h"

namespace atoll_core::transport {
namespace {

// What waits in the kernel of a long, slow connection cannot go over another one any more.
constexpr uint64_t kLongRoundTripUs = 2000;
constexpr int kUnsentBytesOfLongWays = 16 << 10;
constexpr int kSendBufferWithinOneComputer = 128 << 10;  // the kernel doubles it

void set_option(int socket, int level, int name, int value) {
  ::setsockopt(socket, level, name, &value, sizeof(value));
}

int clamp_to_int(size_t value) {
  return static_cast<int>(
      std::min(value, static_cast<size_t>(std::numeric_limits<int>::max() / 2)));
}

bool send_buffer_is_chosen(int socket) {
  int locks = 0;
  socklen_t size = sizeof(locks);
  return ::getsockopt(socket, SOL_SOCKET, SO_BUF_LOCK, &locks, &size) == 0 &&
         (locks & SOCK_SNDBUF_LOCK) != 0;
}

}  // namespace

void set_buffer_sizes(int socket, const BufferSizes& sizes) {
  if (sizes.send > 0) set_option(socket, SOL_SOCKET, SO_SNDBUF, clamp_to_int(sizes.send));
  if (sizes.receive > 0) set_option(socket, SOL_SOCKET, SO_RCVBUF, clamp_to_int(sizes.receive));
}

void tune_connection(int socket) {
  // On the way to another computer many bytes must be in flight; within one they only push each
  // other, and everything else, out of the CPU's caches.
  if (both_ends_here(socket) && !send_buffer_is_chosen(socket)) {
    set_option(socket, SOL_SOCKET, SO_SNDBUF, kSendBufferWithinOneComputer);
  }
  if (is_long_way(socket)) {
    set_option(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, kUnsentBytesOfLongWays);
  }
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, kTcpSilenceSeconds * 1000);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, kTcpKeepaliveIdleSeconds);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, kTcpKeepaliveIntervalSeconds);
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, kTcpKeepaliveProbes);
}

bool is_long_way(int socket) { return round_trip_us(socket) >= kLongRoundTripUs; }

void limit_rate(int socket, std::optional<uint64_t> bytes_per_second) {
  const unsigned long rate = bytes_per_second.value_or(std::numeric_limits<unsigned long>::max());
  ::setsockopt(socket, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate));
}

void cut_on_close(int socket) {
  const linger cut{1, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &cut, sizeof(cut));
}

bool is_system_error(const std::error_code& error, int number) {
  return error == std::error_code(number, asio::error::get_system_category());
}

std::string words_of(const std::error_code& error) {
  const bool shortage =
      is_system_error(error, error.value()) && process::is_shortage_of_descriptors(error.value());
  return shortage ? process::describe_shortage_of_descriptors(error.value()) : error.message();
}

Endpoint address_of(const tcp::endpoint& endpoint) {
  asio::ip::address address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  return {address.to_string(), endpoint.port()};
}

std::string text_of(const tcp::endpoint& endpoint) { return to_string(address_of(endpoint)); }

}  // namespace atoll_core::transport
