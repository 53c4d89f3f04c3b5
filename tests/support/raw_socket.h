// Plain TCP for tests that say what no peer would say.
#pragma once

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace atoll_test {

// Splits "HOST:PORT" or "[ADDRESS]:PORT".
inline std::pair<std::string, std::string> host_and_port(const std::string& address) {
  const size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (!host.empty() && host.front() == '[') host = host.substr(1, host.size() - 2);
  return {host, address.substr(colon + 1)};
}

class RawSocket {
 public:
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;
  RawSocket(RawSocket&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  ~RawSocket() {
    if (file_ >= 0) ::close(file_);
  }

  static RawSocket connect(const std::string& address) { return RawSocket(address, ::connect); }
  // Listens and never accepts: the kernel completes connections, and then there is silence.
  static RawSocket listen_silently(const std::string& address = "127.0.0.1:0") {
    RawSocket listener(address, ::bind);
    if (listener.ok() && ::listen(listener.file_, 16) != 0) listener.reset();
    return listener;
  }
  // The address of a port that was free a moment ago: nobody listens there.
  static std::string free_address() { return RawSocket("127.0.0.1:0", ::bind).local_address(); }

  bool ok() const { return file_ >= 0; }
  std::string local_address() const {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    char host[NI_MAXHOST] = "";
    char port[NI_MAXSERV] = "";
    if (::getsockname(file_, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
        ::getnameinfo(reinterpret_cast<sockaddr*>(&address), size, host, sizeof(host), port,
                      sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
      return "";
    }
    return std::string(host) + ":" + port;
  }

  // As much as the other side takes; false when it has closed.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(file_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  // What arrives until the other side closes, or until there are `enough` bytes; nothing when
  // neither happens in time.
  std::optional<std::string> receive(std::chrono::milliseconds limit,
                                     size_t enough = SIZE_MAX) const {
    const auto until = std::chrono::steady_clock::now() + limit;
    std::string received;
    while (received.size() < enough) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          until - std::chrono::steady_clock::now());
      pollfd waiting{file_, POLLIN, 0};
      if (left.count() <= 0) return std::nullopt;
      if (::poll(&waiting, 1, static_cast<int>(left.count())) <= 0) continue;
      char buffer[4096];
      const ssize_t count = ::recv(file_, buffer, sizeof(buffer), 0);
      if (count <= 0) return received;
      received.append(buffer, static_cast<size_t>(count));
    }
    return received;
  }
  bool closed_within(std::chrono::milliseconds limit) const { return receive(limit).has_value(); }

 private:
  // `start` is ::connect or ::bind.
  RawSocket(const std::string& address, int (*start)(int, const sockaddr*, socklen_t)) {
    const auto [host, port] = host_and_port(address);
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) return;
    file_ = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (ok() && start(file_, found->ai_addr, found->ai_addrlen) != 0) reset();
    ::freeaddrinfo(found);
  }
  void reset() {
    ::close(file_);
    file_ = -1;
  }

  int file_ = -1;
};

}  // namespace atoll_test
