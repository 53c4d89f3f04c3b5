// Reads one hello from a socket.
#pragma once

#include <cstddef>
#include <functional>

#include "base/error.h"
#include "transport/asio_headers.h"
#include "wire/hello.h"

namespace atoll_core::transport {

struct HelloBuffer {
  wire::HelloBytes bytes{};
  size_t filled = 0;
};

// Not called when the socket is closed by this side meanwhile.
using HelloReadHandler = std::function<void(Result<wire::Hello>)>;

// Reads exactly one hello, and refuses a stranger at the first byte that is not of the magic.
// `socket` and `buffer` must live until `done` is called or destroyed.
void async_read_hello(tcp::socket& socket, HelloBuffer& buffer, HelloReadHandler done);

}  // namespace atoll_core::transport
