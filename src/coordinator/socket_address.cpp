#include "coordinator/socket_address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

namespace atoll_core::coordinator {
namespace {

const sockaddr_in* as_v4(const sockaddr_storage& address) {
  return address.ss_family == AF_INET ? reinterpret_cast<const sockaddr_in*>(&address) : nullptr;
}

const sockaddr_in6* as_v6(const sockaddr_storage& address) {
  return address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(&address) : nullptr;
}

using NameFunction = int (*)(const uv_tcp_t*, sockaddr*, int*);

Endpoint name_of_socket(const uv_tcp_t& socket, NameFunction function) {
  sockaddr_storage address{};
  int size = sizeof(address);
  if (function(&socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  return endpoint_of(address);
}

}  // namespace

std::string describe_uv_error(int status) {
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
    return {text.data(), ntohs(v6->sin6_port)};
  }
  return {};
}

Endpoint local_endpoint(const uv_tcp_t& socket) {
  return name_of_socket(socket, uv_tcp_getsockname);
}

Endpoint remote_endpoint(const uv_tcp_t& socket) {
  return name_of_socket(socket, uv_tcp_getpeername);
}

bool is_loopback(const sockaddr_storage& address) {
  if (const sockaddr_in* v4 = as_v4(address)) return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
  const sockaddr_in6* v6 = as_v6(address);
  if (v6 == nullptr) return false;
  if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) return v6->sin6_addr.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

Result<std::vector<sockaddr_storage>> resolve(uv_loop_t* loop, const Endpoint& endpoint) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  uv_getaddrinfo_t request{};
  const int status = uv_getaddrinfo(loop, &request, nullptr, endpoint.host.c_str(),
                                    std::to_string(endpoint.port).c_str(), &hints);
  if (status != 0) {
    return fail(ErrorCode::kInvalidArgument, "'{}' is no address of a host: {}", endpoint.host,
                describe_uv_error(status));
  }
  std::vector<sockaddr_storage> found;
  for (const addrinfo* info = request.addrinfo; info != nullptr; info = info->ai_next) {
    if (info->ai_addrlen > sizeof(sockaddr_storage)) continue;
    std::memcpy(&found.emplace_back(), info->ai_addr, info->ai_addrlen);
  }
  uv_freeaddrinfo(request.addrinfo);
  return found;
}

}  // namespace atoll_core::coordinator
