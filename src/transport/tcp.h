// TCP sockets as Asio has them, but opened so that neither a forked child nor another program that
// is executed keeps them: with SOCK_CLOEXEC, which Asio does not set, and noted for a child to
// close (process/descriptors.h). A flag that fcntl sets afterwards would come too late for a fork
// in another thread.
#pragma once

#include <system_error>

#include <asio/ip/tcp.hpp>

namespace atoll_core::transport {

class TcpSocket : public asio::ip::tcp::socket {
 public:
  using asio::ip::tcp::socket::socket;

  void open(const asio::ip::tcp& protocol, std::error_code& error);  // hides Asio's
};

class TcpAcceptor : public asio::ip::tcp::acceptor {
 public:
  using asio::ip::tcp::acceptor::acceptor;

  void open(const asio::ip::tcp& protocol, std::error_code& error);  // hides Asio's
  // The next connection that waits to be accepted; does not wait for one.
  void take(TcpSocket& socket, std::error_code& error);
};

// The names that Asio gives them.
struct tcp : asio::ip::tcp {
  using socket = TcpSocket;
  using acceptor = TcpAcceptor;
};

}  // namespace atoll_core::transport
