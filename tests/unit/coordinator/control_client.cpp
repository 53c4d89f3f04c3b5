#include "unit/coordinator/control_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

namespace atoll_core::coordinator {
namespace {

[[noreturn]] void throw_errno(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void wait_for(int socket, short events) {
  pollfd entry{socket, events, 0};
  const auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(kPatience);
  const int ready = poll(&entry, 1, static_cast<int>(patience.count()));
  if (ready < 0) throw_errno("poll");
  if (ready == 0) throw std::runtime_error("the coordinator did nothing for too long");
}

int dial(int family, const void* address, socklen_t size) {
  const int socket = ::socket(family, SOCK_STREAM, 0);
  if (socket < 0) throw_errno("socket");
  if (::connect(socket, static_cast<const sockaddr*>(address), size) != 0) throw_errno("connect");
  return socket;
}

}  // namespace

ControlClient::ControlClient(const Endpoint& server) {
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET, server.host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(server.port);
    socket_ = dial(AF_INET, &v4, sizeof(v4));
  } else if (inet_pton(AF_INET6, server.host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(server.port);
    socket_ = dial(AF_INET6, &v6, sizeof(v6));
  } else {
    throw std::invalid_argument("not a numeric address: " + server.host);
  }
}

ControlClient::~ControlClient() { close(); }

void ControlClient::send_raw(std::string_view bytes) {
  while (!bytes.empty()) {
    wait_for(socket_, POLLOUT);
    const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0) throw_errno("send");
    bytes.remove_prefix(static_cast<size_t>(count));
  }
}

void ControlClient::send(const wire::ToCoordinator& message) { send_raw(framed(message)); }

void ControlClient::shut_sending() { ::shutdown(socket_, SHUT_WR); }

void ControlClient::reset() {
  const linger at_once{1, 0};
  setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  close();
}

void ControlClient::close() {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

std::optional<wire::ToPeer> ControlClient::receive() {
  while (received_.empty()) {
    wait_for(socket_, POLLIN);
    std::array<std::byte, 4096> bytes;
    const ssize_t count = ::recv(socket_, bytes.data(), bytes.size(), 0);
    if (count < 0) throw_errno("recv");
    if (count == 0) return std::nullopt;
    std::vector<std::string> messages;
    const auto fed = framer_.feed({bytes.data(), static_cast<size_t>(count)}, messages);
    if (!fed) throw std::runtime_error(fed.error().message);
    for (const std::string& message : messages) {
      auto decoded = wire::decode_to_peer(message);
      if (!decoded) throw std::runtime_error(decoded.error().message);
      received_.push_back(std::move(*decoded));
    }
  }
  wire::ToPeer first = std::move(received_.front());
  received_.pop_front();
  return first;
}

wire::Register register_message(uint32_t number, std::string run) {
  wire::Register message;
  message.run = std::move(run);
  message.peer.session = {0x5E55104'0000ull + number, ~static_cast<uint64_t>(number)};
  message.peer.name = fmt::format("island-{}", number);
  message.peer.replica = fmt::format("replica-{}", number);
  message.peer.endpoints = {{"127.0.0.1", static_cast<uint16_t>(20000 + number)}};
  return message;
}

std::string framed(const wire::ToCoordinator& message) {
  std::string bytes;
  wire::append_framed(wire::encode(message), bytes);
  return bytes;
}

}  // namespace atoll_core::coordinator
