// The listening socket, and the incoming connections whose hello exchange is not over yet.
//
// Such half-open connections cost anybody nothing to make, so their number and their time are
// bounded. When kHalfOpenMax is reached nothing more is accepted until one of them is done; those
// that have been silent for longer than kGraceAtLimit are dropped first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "base/limits.h"
#include "transport/asio_headers.h"
#include "transport/hello_io.h"
#include "transport/loop.h"
#include "transport/network.h"

namespace atoll_core::transport {

class Listener {
 public:
  static constexpr size_t kHalfOpenMax = limits::kHalfOpenConnections;
  static constexpr std::chrono::milliseconds kGraceAtLimit{1000};
  static constexpr std::chrono::milliseconds kRetryAccept{100};  // when descriptors have run out

  static Result<std::unique_ptr<Listener>> open(Loop& loop, const NetworkConfig& config,
                                                Network::HelloHandler on_hello,
                                                Network::AcceptHandler on_accept);

  uint16_t port() const { return port_; }

 private:
  struct HalfOpen;
  using HalfOpenList = std::list<std::shared_ptr<HalfOpen>>;  // oldest first

  Listener(Loop& loop, tcp::acceptor acceptor, const NetworkConfig& config,
           Network::HelloHandler on_hello, Network::AcceptHandler on_accept);

  void accept_next();
  void accept_one(std::error_code error);
  void tell_of_shortage(const std::error_code& error);
  void pause_at_limit();
  void greet(tcp::socket socket);
  void answer(const std::shared_ptr<HalfOpen>& half_open, const Result<wire::Hello>& hello);
  void finish(const std::shared_ptr<HalfOpen>& half_open, const wire::Hello& hello,
              const HelloAnswer& answer);
  void drop(const std::shared_ptr<HalfOpen>& half_open);
  void forget(const std::shared_ptr<HalfOpen>& half_open);

  Loop& loop_;
  tcp::acceptor acceptor_;
  uint16_t port_;
  Duration hello_timeout_;
  bool only_loopback_;
  Network::HelloHandler on_hello_;
  Network::AcceptHandler on_accept_;
  std::function<void(const std::string& sentence)> on_trouble_;
  HalfOpenList half_open_;
  asio::steady_timer pause_timer_;
  bool paused_ = false;  // at the limit
  bool lacks_descriptors_ = false;
};

}  // namespace atoll_core::transport
