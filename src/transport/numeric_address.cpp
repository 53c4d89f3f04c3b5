#include "transport/numeric_address.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include "base/endpoint.h"

namespace atoll_core::transport {
namespace {

// Those that are up and have a link-local IPv6 address of their own.
std::vector<unsigned> link_local_interfaces() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
  std::vector<unsigned> interfaces;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    constexpr unsigned kUsable = IFF_UP | IFF_RUNNING;
    if ((entry->ifa_flags & kUsable) != kUsable || entry->ifa_addr == nullptr) continue;
    if (entry->ifa_addr->sa_family != AF_INET6) continue;
    sockaddr_in6 address{};
    std::memcpy(&address, entry->ifa_addr, sizeof(address));
    if (!IN6_IS_ADDR_LINKLOCAL(&address.sin6_addr)) continue;
    const unsigned interface = address.sin6_scope_id;
    const bool known =
        std::find(interfaces.begin(), interfaces.end(), interface) != interfaces.end();
    if (!known && interfaces.size() < kInterfacesPerAddress) interfaces.push_back(interface);
  }
  return interfaces;
}

// By name, or as a number; 0: there is none.
unsigned interface_of(const std::string& zone) {
  if (const unsigned interface = ::if_nametoindex(zone.c_str()); interface != 0) return interface;
  unsigned number = 0;
  const auto [end, error] = std::from_chars(zone.data(), zone.data() + zone.size(), number);
  const bool whole = error == std::errc{} && end == zone.data() + zone.size();
  char name[IF_NAMESIZE] = {};
  return whole && ::if_indextoname(number, name) != nullptr ? number : 0;
}

}  // namespace

Result<std::optional<std::vector<asio::ip::address>>> numeric_addresses(const std::string& host,
                                                                        Zone zone) {
  const size_t percent = host.find('%');
  std::error_code is_name;
  const asio::ip::address address = asio::ip::make_address(host.substr(0, percent), is_name);
  if (is_name) return std::nullopt;
  if (!address.is_v6() || !address.to_v6().is_link_local()) return std::vector{address};
  asio::ip::address_v6 with_zone = address.to_v6();
  std::vector<asio::ip::address> addresses;
  if (zone == Zone::kTheirs) {
    for (const unsigned interface : link_local_interfaces()) {
      with_zone.scope_id(interface);
      addresses.emplace_back(with_zone);
    }
    if (!addresses.empty()) return addresses;
    return fail(ErrorCode::kInvalidArgument,
                "{} is a link-local address, and no interface of this machine has one", host);
  }
  if (percent == std::string::npos) {
    return fail(ErrorCode::kInvalidArgument, "{}", lacks_zone(address.to_string()));
  }
  with_zone.scope_id(interface_of(host.substr(percent + 1)));
  if (with_zone.scope_id() == 0) {
    return fail(ErrorCode::kInvalidArgument, "{}: this machine has no interface '{}'", host,
                host.substr(percent + 1));
  }
  addresses.emplace_back(with_zone);
  return addresses;
}

tcp::endpoint endpoint_of(const sockaddr_storage& address, uint16_t port) {
  tcp::endpoint endpoint;
  const bool ipv4 = address.ss_family == AF_INET;
  std::memcpy(endpoint.data(), &address, ipv4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
  endpoint.resize(ipv4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
  endpoint.port(port);
  return endpoint;
}

}  // namespace atoll_core::transport
