// A TCP relay on loopback that can fall silent: connections stay open, and nothing passes any more.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <gtest/gtest.h>

namespace atoll_test {

class Relay {
 public:
  Relay() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof(address);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_, any, size), 0);
    EXPECT_EQ(::listen(listener_, 64), 0);
    EXPECT_EQ(::getsockname(listener_, any, &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~Relay() {
    stop_ = true;
    thread_.join();
    for (const Pair& pair : pairs_) close_pair(pair);
    ::close(listener_);
  }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // Connections wait to be accepted until it is known where they lead.
  void lead_to(uint64_t port) { target_ = static_cast<uint16_t>(port); }

  // From any thread. Nothing passes over the connections that there are; new ones work.
  void silence_present() { silence_ = accepted_.load(); }
  // Nothing passes from the one who dialled to the target over those.
  void silence_present_inwards() { silence_inwards_ = accepted_.load(); }
  // Nothing passes at all, and nobody is accepted.
  void silence_all(bool silent) { all_silent_ = silent; }
  uint64_t accepted() const { return accepted_; }
  uint64_t bytes() const { return bytes_; }

 private:
  struct Way {  // from file `from` of the pair to the other
    std::vector<char> waiting;
  };
  struct Pair {
    uint64_t number = 0;          // 1, 2, … as accepted
    std::array<int, 2> files{};   // the one who dialled, the target
    std::array<Way, 2> ways;      // by sender
  };

  static sockaddr_in loopback(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  static void close_pair(const Pair& pair) {
    for (const int file : pair.files) ::close(file);
  }

  void run() {
    while (!stop_) {
      std::vector<pollfd> files;
      if (target_ != 0 && !all_silent_) files.push_back({listener_, POLLIN, 0});
      for (const Pair& pair : pairs_) {
        for (size_t from : {0u, 1u}) {
          if (!passes(pair, from)) continue;
          const bool full = !pair.ways[from].waiting.empty();
          files.push_back({pair.files[full ? 1 - from : from],
                           static_cast<short>(full ? POLLOUT : POLLIN), 0});
        }
      }
      ::poll(files.data(), files.size(), 5);
      if (target_ != 0 && !all_silent_) accept();
      for (auto pair = pairs_.begin(); pair != pairs_.end();) {
        const bool open = move(*pair, 0) && move(*pair, 1);
        if (!open) close_pair(*pair);
        pair = open ? std::next(pair) : pairs_.erase(pair);
      }
    }
  }

  bool passes(const Pair& pair, size_t from) const {
    if (all_silent_ || pair.number <= silence_) return false;
    return from == 1 || pair.number > silence_inwards_;
  }

  void accept() {
    const int file = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (file < 0) return;
    const int onward = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(target_);
    if (::connect(onward, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      ::close(onward);
      ::close(file);
      return;
    }
    ::fcntl(onward, F_SETFL, O_NONBLOCK);
    pairs_.push_back({++accepted_, {file, onward}, {}});
  }

  // False: the pair is to be closed.
  bool move(Pair& pair, size_t from) {
    Way& way = pair.ways[from];
    for (int turns = 0; turns < 16 && passes(pair, from); ++turns) {
      if (way.waiting.empty()) {
        std::array<char, 1u << 16> buffer;
        const ssize_t got = ::recv(pair.files[from], buffer.data(), buffer.size(), 0);
        if (got == 0) return false;
        if (got < 0) return errno == EAGAIN || errno == EINTR;
        way.waiting.assign(buffer.begin(), buffer.begin() + got);
      }
      const ssize_t sent =
          ::send(pair.files[1 - from], way.waiting.data(), way.waiting.size(), MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN || errno == EINTR;
      way.waiting.erase(way.waiting.begin(), way.waiting.begin() + sent);
      bytes_ += static_cast<uint64_t>(sent);
    }
    return true;
  }

  const int listener_;
  uint16_t port_ = 0;
  std::atomic<uint16_t> target_{0};
  std::atomic<bool> stop_{false};
  std::atomic<bool> all_silent_{false};
  std::atomic<uint64_t> silence_{0};          // of pairs up to this number
  std::atomic<uint64_t> silence_inwards_{0};
  std::atomic<uint64_t> accepted_{0};
  std::atomic<uint64_t> bytes_{0};
  std::list<Pair> pairs_;  // the relay's thread
  std::thread thread_;
};

}  // namespace atoll_test
