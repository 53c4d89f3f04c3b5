#include "transport/addresses.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/limits.h"

namespace atoll_core::transport {
namespace {

struct Address {
  std::string text;
  bool loopback = false;
  bool link_local = false;
};

Address describe(const in_addr& address) {
  char text[INET_ADDRSTRLEN] = {};
  ::inet_ntop(AF_INET, &address, text, sizeof(text));
  const uint32_t bits = ntohl(address.s_addr);
  return {text, (bits >> 24) == 127, (bits >> 16) == 0xA9FE};
}

std::optional<Address> describe(const sockaddr* address) {
  if (address == nullptr) return std::nullopt;
  if (address->sa_family == AF_INET) {
    sockaddr_in ipv4{};
    std::memcpy(&ipv4, address, sizeof(ipv4));
    return describe(ipv4.sin_addr);
  }
  if (address->sa_family != AF_INET6) return std::nullopt;
  sockaddr_in6 ipv6{};
  std::memcpy(&ipv6, address, sizeof(ipv6));
  if (IN6_IS_ADDR_V4MAPPED(&ipv6.sin6_addr)) {
    in_addr inner{};
    std::memcpy(&inner, ipv6.sin6_addr.s6_addr + 12, sizeof(inner));
    return describe(inner);
  }
  char text[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(AF_INET6, &ipv6.sin6_addr, text, sizeof(text));
  return Address{text, IN6_IS_ADDR_LOOPBACK(&ipv6.sin6_addr) != 0,
                 IN6_IS_ADDR_LINKLOCAL(&ipv6.sin6_addr) != 0};
}

// From text; a zone is left out, since it means nothing to others.
std::optional<Address> describe(const std::string& host) {
  sockaddr_storage address{};
  const std::string number = host.substr(0, host.find('%'));
  auto* ipv4 = reinterpret_cast<sockaddr_in*>(&address);
  auto* ipv6 = reinterpret_cast<sockaddr_in6*>(&address);
  if (::inet_pton(AF_INET, number.c_str(), &ipv4->sin_addr) == 1) {
    ipv4->sin_family = AF_INET;
  } else if (::inet_pton(AF_INET6, number.c_str(), &ipv6->sin6_addr) == 1) {
    ipv6->sin6_family = AF_INET6;
  }
  return describe(reinterpret_cast<const sockaddr*>(&address));
}

std::vector<Address> interface_addresses() {
  ifaddrs* found = nullptr;
  if (::getifaddrs(&found) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(found, &::freeifaddrs);
  std::vector<Address> addresses;
  for (const ifaddrs* entry = found; entry != nullptr; entry = entry->ifa_next) {
    constexpr unsigned kUsable = IFF_UP | IFF_RUNNING;
    if ((entry->ifa_flags & kUsable) != kUsable) continue;
    if (const auto address = describe(entry->ifa_addr)) addresses.push_back(*address);
  }
  return addresses;
}

}  // namespace

std::vector<Endpoint> local_candidates(uint16_t port, const Network::ControlEnds& ends,
                                       std::string* why) {
  std::vector<Endpoint> candidates;
  std::string reason;
  if (const auto facing = describe(ends.local.host)) {
    candidates.push_back({facing->text, port});
    reason =
        fmt::format("{} faces the coordinator at {}", ends.local.host, to_string(ends.remote));
  }
  const auto coordinator = describe(ends.remote.host);
  if (coordinator && coordinator->loopback) {
    reason += ", which is on loopback, so nothing else is advertised";
  } else {
    for (const Address& address : interface_addresses()) {
      const Endpoint candidate{address.text, port};
      const bool known =
          std::find(candidates.begin(), candidates.end(), candidate) != candidates.end();
      if (known || address.loopback || address.link_local) continue;
      if (candidates.size() == limits::kEndpointsPerPeer) break;
      candidates.push_back(candidate);
      reason += fmt::format(", {} is an address of an interface that is up", address.text);
    }
  }
  if (why != nullptr) *why = std::move(reason);
  return candidates;
}

}  // namespace atoll_core::transport
