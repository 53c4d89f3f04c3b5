// A TCP address as text and number; resolved elsewhere.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace atoll_core {

struct Endpoint {
  std::string host;  // IPv4, IPv6 without brackets, perhaps with its zone (fe80::1%eth0), or a name
  uint16_t port = 0;
  auto operator<=>(const Endpoint&) const = default;
};

// "host:port", "[v6]:port"; the port is required.
Result<Endpoint> parse_endpoint(std::string_view text);
std::string to_string(const Endpoint& endpoint);  // brackets around IPv6

// A link-local IPv6 address is one only together with an interface. The sentence says so, when
// `host` is such an address and names none; else it is empty.
std::string lacks_zone(std::string_view host);

}  // namespace atoll_core
