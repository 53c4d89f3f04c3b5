#include "transport/hello_io.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"

namespace atoll_core::transport {
namespace {

bool begins_like_hello(const HelloBuffer& buffer) {
  const size_t compared = std::min(buffer.filled, wire::kHelloMagic.size());
  return as_text(ByteSpan(buffer.bytes).first(compared)) == wire::kHelloMagic.substr(0, compared);
}

}  // namespace

void async_read_hello(tcp::socket& socket, HelloBuffer& buffer, HelloReadHandler done) {
  const auto rest = asio::buffer(buffer.bytes) + buffer.filled;
  socket.async_read_some(rest, [&socket, &buffer, done = std::move(done)](
                                   const std::error_code& error, size_t bytes) mutable {
    if (error == asio::error::operation_aborted || !socket.is_open()) return;
    if (error) {
      const auto text = error == asio::error::eof
                            ? std::string("the connection was closed before the hello")
                            : error.message();
      return done(fail(ErrorCode::kPeerLost, "{}", text));
    }
    buffer.filled += bytes;
    if (!begins_like_hello(buffer)) {
      return done(fail(ErrorCode::kMismatch, "the first bytes are not those of an Atoll peer"));
    }
    if (buffer.filled == buffer.bytes.size()) return done(wire::decode_hello(buffer.bytes));
    async_read_hello(socket, buffer, std::move(done));
  });
}

}  // namespace atoll_core::transport
