#include "coordinator/socket_address.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <utility>

#include "process/shortage.h"

namespace atoll_core::coordinator {
namespace {

const sockaddr_in* as_v4(const sockaddr_storage& address) {
  return address.ss_family == AF_INET ? reinterpret_cast<const sockaddr_in*>(&address) : nullptr;
}

const sockaddr_in6* as_v6(const sockaddr_storage& address) {
  return address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(&address) : nullptr;
}

// "%eth0", for a link-local address; else empty.
std::string zone_of(const sockaddr_in6& address) {
  if (!IN6_IS_ADDR_LINKLOCAL(&address.sin6_addr) || address.sin6_scope_id == 0) return {};
  std::array<char, IF_NAMESIZE> name{};
  if (::if_indextoname(address.sin6_scope_id, name.data()) == nullptr) return {};
  return fmt::format("%{}", name.data());
}

}  // namespace

std::string describe_uv_error(int status) {
  if (process::is_shortage_of_descriptors(-status)) {
    return process::describe_shortage_of_descriptors(-status);
  }
  return fmt::format("{} ({})", uv_strerror(status), uv_err_name(status));
}

Endpoint endpoint_of(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (const sockaddr_in* v4 = as_v4(address)) {
    uv_ip4_name(v4, text.data(), text.size());
    return {text.data(), ntohs(v4->sin_port)};
  }
  if (const sockaddr_in6* v6 = as_v6(address)) {
    uv_ip6_name(v6, text.data(), text.size());
    return {text.data() + zone_of(*v6), ntohs(v6->sin6_port)};
  }
  return {};
}

Endpoint remote_endpoint(const uv_tcp_t& socket) {
  sockaddr_storage address{};
  int size = sizeof(address);
  if (uv_tcp_getpeername(&socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  return endpoint_of(address);
}

bool is_loopback(const sockaddr_storage& address) {
  if (const sockaddr_in* v4 = as_v4(address)) return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
  const sockaddr_in6* v6 = as_v6(address);
  if (v6 == nullptr) return false;
  if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) return v6->sin6_addr.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

Result<std::vector<sockaddr_storage>> resolve(const Endpoint& endpoint, Duration patience,
                                              names::NameLookups& names) {
  names::Found found = names.wait(endpoint.host, patience);
  if (found.addresses.empty()) {
    return fail(ErrorCode::kInvalidArgument, "'{}' is no address of a host: {}", endpoint.host,
                found.problem);
  }
  for (sockaddr_storage& address : found.addresses) {
    if (address.ss_family == AF_INET) {
      reinterpret_cast<sockaddr_in&>(address).sin_port = htons(endpoint.port);
    } else {
      reinterpret_cast<sockaddr_in6&>(address).sin6_port = htons(endpoint.port);
    }
  }
  return std::move(found.addresses);
}

}  // namespace atoll_core::coordinator
