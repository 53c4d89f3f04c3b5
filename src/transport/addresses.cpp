#include "transport/addresses.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

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

// The source address that the kernel picks towards `target`: connecting a UDP socket makes it
// choose and sends nothing.
std::optional<Address> source_towards(const addrinfo& target) {
  const int socket = ::socket(target.ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return std::nullopt;
  std::optional<Address> source;
  sockaddr_storage local{};
  socklen_t length = sizeof(local);
  if (::connect(socket, target.ai_addr, target.ai_addrlen) == 0 &&
      ::getsockname(socket, reinterpret_cast<sockaddr*>(&local), &length) == 0) {
    source = describe(reinterpret_cast<const sockaddr*>(&local));
  }
  ::close(socket);
  return source;
}

struct Route {
  std::optional<Address> source;
  bool to_loopback = false;
  std::string problem;  // when there is no source
};

Route route_towards(const Endpoint& coordinator) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int status = ::getaddrinfo(coordinator.host.c_str(),
                                   std::to_string(coordinator.port).c_str(), &hints, &found);
  if (status != 0) return {{}, false, ::gai_strerror(status)};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  for (const addrinfo* target = found; target != nullptr; target = target->ai_next) {
    const std::optional<Address> address = describe(target->ai_addr);
    const std::optional<Address> source = source_towards(*target);
    if (address && source) return {source, address->loopback, {}};
  }
  return {{}, false, "there is no route"};
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

std::vector<Endpoint> local_candidates(uint16_t port, const Endpoint& coordinator,
                                       std::string* why) {
  std::vector<Endpoint> candidates;
  std::string reason;
  const Route route = route_towards(coordinator);
  if (route.source) {
    candidates.push_back({route.source->text, port});
    reason =
        fmt::format("{} faces the coordinator at {}", route.source->text, to_string(coordinator));
  } else {
    reason = fmt::format("no address faces the coordinator at {}: {}", to_string(coordinator),
                         route.problem);
  }
  if (route.to_loopback) {
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
