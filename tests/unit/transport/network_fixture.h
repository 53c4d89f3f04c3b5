// Networks on threads of their own, drivers with random bytes, and plain sockets that misbehave.
#pragma once

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "transport/network.h"

namespace atoll_core::transport {

// Until a test gives up; nothing waits for as long when all is well.
inline constexpr std::chrono::seconds kPatience{30};

// Values from other threads.
template <class Value>
class Mailbox {
 public:
  void push(Value value) {
    const std::lock_guard lock(mutex_);
    values_.push_back(std::move(value));
    arrived_.notify_all();
  }
  Value pop() {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, kPatience, [this] { return !values_.empty(); })) {
      throw std::runtime_error("nothing came into the mailbox");
    }
    Value value = std::move(values_.front());
    values_.pop_front();
    return value;
  }
  size_t size() {
    const std::lock_guard lock(mutex_);
    return values_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Value> values_;
};

inline ByteBuffer random_bytes(uint64_t seed, size_t count) {
  std::mt19937_64 random(seed);
  ByteBuffer bytes(count);
  for (size_t at = 0; at < count; at += sizeof(uint64_t)) {
    const uint64_t word = random();
    std::memcpy(bytes.data() + at, &word, std::min(sizeof(word), count - at));
  }
  return bytes;
}

inline NetworkConfig loopback_config() {
  NetworkConfig config;
  config.bind_host = "127.0.0.1";
  return config;
}

// One Network on one thread. Its session is (number, number), its peer id is number.
class TestPeer {
 public:
  explicit TestPeer(uint64_t number, NetworkConfig config = loopback_config()) : number_(number) {
    host = config.bind_host.empty() ? "127.0.0.1" : config.bind_host;
    auto created = Network::create(
        std::move(config),
        [this](const wire::Hello& hello) {
          return HelloAnswer{this->hello(hello.peer.value, hello.role),
                             hello.role == wire::HelloRole::kLink};
        },
        [this](AcceptedHello hello) { on_accept(hello); });
    if (!created) throw std::runtime_error(created.error().message);
    network = std::move(*created);
    port = network->listening_port();
    thread_ = std::thread([this] { network->run(); });
  }
  ~TestPeer() { end(); }

  // No callback comes after this.
  void end() {
    if (!thread_.joinable()) return;
    network->stop();
    thread_.join();
    network.reset();
  }

  Endpoint endpoint() const { return {host, port}; }
  wire::Hello hello(uint64_t target, wire::HelloRole role = wire::HelloRole::kLink) const {
    wire::Hello hello;
    hello.role = role;
    hello.peer = {number_};
    hello.session = {number_, number_};
    hello.target_peer = {target};
    hello.target_session = {target, target};
    return hello;
  }

  // Runs `task` on the loop's thread and waits for it.
  void on_loop(const std::function<void()>& task) {
    Mailbox<bool> done;
    network->post([&] {
      task();
      done.push(true);
    });
    done.pop();
  }

  DialOutcome dial(const std::vector<Endpoint>& candidates, const wire::Hello& hello,
                   Duration timeout = kPatience) {
    Mailbox<DialOutcome> outcomes;
    network->post([&] {
      network->dial(candidates, hello, timeout,
                    [&outcomes](const DialOutcome& outcome) { outcomes.push(outcome); });
    });
    return outcomes.pop();
  }
  DialOutcome dial(const TestPeer& target) {
    return dial({target.endpoint()}, hello(target.number_));
  }

  std::unique_ptr<Network> network;
  std::string host;
  uint16_t port = 0;
  Mailbox<AcceptedHello> accepted;
  // Change only from the loop's thread.
  std::function<void(AcceptedHello)> on_accept = [this](AcceptedHello hello) {
    accepted.push(hello);
  };

 private:
  uint64_t number_;
  std::thread thread_;
};

// Sends `outgoing` and receives into `incoming`, in spans of random number and size.
class RandomDriver : public StreamDriver {
 public:
  RandomDriver(uint64_t seed, ByteBuffer outgoing, size_t incoming_bytes)
      : incoming(incoming_bytes), random_(seed), outgoing_(std::move(outgoing)) {}

  size_t read_spans(std::span<MutableByteSpan> spans) override {
    return cut(MutableByteSpan(incoming).subspan(received), spans);
  }
  bool on_read(size_t bytes) override {
    received += bytes;
    report_when_complete();
    return true;
  }
  bool expects_more() const override { return received < incoming.size(); }
  size_t write_spans(std::span<ByteSpan> spans) override {
    return cut(ByteSpan(outgoing_).subspan(sent), spans);
  }
  void on_written(size_t bytes) override {
    sent += bytes;
    report_when_complete();
  }
  void on_closed(const std::string& reason) override { closed.push(reason); }
  std::string broken_reason() const override { return "these bytes are garbage"; }

  // Of the loop's thread until `complete` or `closed` has a value.
  ByteBuffer incoming;
  size_t received = 0;
  size_t sent = 0;
  Mailbox<bool> complete;  // all is sent and received
  Mailbox<std::string> closed;

 private:
  template <class Span>
  size_t cut(Span bytes, std::span<Span> spans) {
    const size_t count = std::uniform_int_distribution<size_t>(1, spans.size())(random_);
    const size_t longest = size_t{1} << std::uniform_int_distribution<int>(0, 18)(random_);
    size_t used = 0;
    while (used < count && !bytes.empty()) {
      const size_t size =
          std::uniform_int_distribution<size_t>(1, std::min(longest, bytes.size()))(random_);
      spans[used++] = bytes.first(size);
      bytes = bytes.subspan(size);
    }
    return used;
  }
  void report_when_complete() {
    if (sent == outgoing_.size() && received == incoming.size()) complete.push(true);
  }

  std::mt19937_64 random_;
  ByteBuffer outgoing_;
};

// A plain IPv4 loopback socket. A missing answer fails a receive after kPatience.
class RawSocket {
 public:
  RawSocket() : RawSocket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  explicit RawSocket(int descriptor) : descriptor_(descriptor) {
    if (descriptor_ < 0) throw std::runtime_error("no socket");
    const timeval patience{kPatience.count(), 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  }
  RawSocket(RawSocket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  ~RawSocket() { close(); }

  // A port of the kernel's choice: bound, so that nobody else gets it, and refusing.
  uint16_t bind() {
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof(address);
    if (::bind(descriptor_, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
        ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
      throw std::runtime_error("cannot bind");
    }
    return ntohs(address.sin_port);
  }
  uint16_t listen() {
    const uint16_t port = bind();
    ::listen(descriptor_, 16);
    return port;
  }
  RawSocket accept() { return RawSocket(::accept(descriptor_, nullptr, nullptr)); }
  void connect(uint16_t port) {
    sockaddr_in address = loopback(port);
    if (::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
      throw std::runtime_error("cannot connect");
    }
  }
  void send(std::string_view bytes) {
    if (::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(bytes.size())) {
      throw std::runtime_error("cannot send");
    }
  }
  // Exactly `count` bytes, or fewer when the other side has closed.
  std::string receive(size_t count) {
    std::string bytes(count, '\0');
    size_t got = 0;
    while (got < count) {
      const ssize_t now = ::recv(descriptor_, bytes.data() + got, count - got, 0);
      if (now < 0 && errno != ECONNRESET) throw std::runtime_error("nothing was received");
      if (now <= 0) break;
      got += static_cast<size_t>(now);
    }
    bytes.resize(got);
    return bytes;
  }
  // Until all that was sent lies in the other side's socket.
  void wait_for_arrival() const {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    for (int unacknowledged = 1; unacknowledged != 0; std::this_thread::yield()) {
      if (::ioctl(descriptor_, SIOCOUTQ, &unacknowledged) != 0 ||
          std::chrono::steady_clock::now() > deadline) {
        throw std::runtime_error("what was sent does not arrive");
      }
    }
  }
  void shut_down_sending() { ::shutdown(descriptor_, SHUT_WR); }
  // The other side sees a reset.
  void reset() {
    const linger abort{1, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
    close();
  }
  void close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

 private:
  static sockaddr_in loopback(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

  int descriptor_;
};

inline std::string bytes_of(const wire::Hello& hello) {
  wire::HelloBytes bytes;
  wire::encode_hello(hello, bytes);
  return std::string(as_text(bytes));
}

}  // namespace atoll_core::transport
