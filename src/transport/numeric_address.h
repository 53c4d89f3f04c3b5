// Addresses written as numbers, with the zone that a link-local IPv6 address needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/socket.h>

#include "base/error.h"
#include "transport/asio_headers.h"

namespace atoll_core::transport {

// Who has said an address. A zone ("%eth0") names an interface of that host.
enum class Zone {
  kOurs,    // this one: a link-local address has its zone, or it cannot be used
  kTheirs,  // another one: it means nothing here
};

inline constexpr size_t kInterfacesPerAddress = 8;

// Where to dial or listen for what `host` says: one address, or for a link-local one of another
// host's the same on each interface over which it may be. None: `host` is a name.
Result<std::optional<std::vector<asio::ip::address>>> numeric_addresses(const std::string& host,
                                                                        Zone zone);

tcp::endpoint endpoint_of(const sockaddr_storage& address, uint16_t port);

}  // namespace atoll_core::transport
