#include "transport/asio_headers.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "process/descriptors.h"

namespace atoll_core::transport {
namespace {

// `descriptor`: what was opened for it, or -1 with errno.
template <class Socket>
void hand_over(Socket& socket, const asio::ip::tcp& protocol, int descriptor,
               std::error_code& error) {
  if (descriptor < 0) {
    error = std::error_code(errno, asio::error::get_system_category());
    return;
  }
  socket.assign(protocol, descriptor, error);
  if (error) ::close(descriptor);
}

// `Base` is Asio's class, whose open is hidden.
template <class Base>
void open(Base& socket, const asio::ip::tcp& protocol, std::error_code& error) {
  const int descriptor = process::open_noted([&] {
    return ::socket(protocol.family(), protocol.type() | SOCK_CLOEXEC, protocol.protocol());
  });
  hand_over(socket, protocol, descriptor, error);
}

}  // namespace

void TcpSocket::open(const asio::ip::tcp& protocol, std::error_code& error) {
  transport::open<asio::ip::tcp::socket>(*this, protocol, error);
}

void TcpAcceptor::open(const asio::ip::tcp& protocol, std::error_code& error) {
  transport::open<asio::ip::tcp::acceptor>(*this, protocol, error);
  if (!error) non_blocking(true, error);  // for take
}

void TcpAcceptor::take(TcpSocket& socket, std::error_code& error) {
  const asio::ip::tcp protocol = local_endpoint(error).protocol();
  if (error) return;
  const int descriptor = process::open_noted(
      [this] { return ::accept4(native_handle(), nullptr, nullptr, SOCK_CLOEXEC); });
  hand_over(socket, protocol, descriptor, error);
}

}  // namespace atoll_core::transport
