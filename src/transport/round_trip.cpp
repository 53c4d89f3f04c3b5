#include "transport/round_trip.h"

// Not <netinet/tcp.h>: its tcp_info has no least round trip, and the two exclude each other.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace atoll_core::transport {
namespace {

// What takes longer within one computer has waited for a CPU, and not for the way.
constexpr uint64_t kWithinOneComputerUs = 100;

// The address without its port, as bytes; empty if there is none.
std::string address_of(int socket, int (*name_of)(int, sockaddr*, socklen_t*)) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  if (name_of(socket, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
  if (storage.ss_family == AF_INET) {
    const auto& ip = reinterpret_cast<const sockaddr_in&>(storage).sin_addr;
    return {reinterpret_cast<const char*>(&ip), sizeof(ip)};
  }
  if (storage.ss_family == AF_INET6) {
    const auto& ip = reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr;
    return {reinterpret_cast<const char*>(&ip), sizeof(ip)};
  }
  return {};
}

// 0: not known.
uint64_t least_round_trip_us(int socket) {
  tcp_info info{};
  socklen_t size = sizeof(info);
  if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
  const uint64_t smoothed = info.tcpi_rtt;
  const bool has_least = size >= offsetof(tcp_info, tcpi_min_rtt) + sizeof(info.tcpi_min_rtt);
  const uint64_t least = has_least ? info.tcpi_min_rtt : 0;
  // The least is all ones until there is a sample.
  if (least == 0 || least == ~uint32_t{0}) return smoothed;
  return smoothed == 0 ? least : std::min(smoothed, least);
}

}  // namespace

bool both_ends_here(int socket) {
  const std::string here = address_of(socket, ::getsockname);
  return !here.empty() && here == address_of(socket, ::getpeername);
}

uint64_t round_trip_us(int socket) {
  const uint64_t least = least_round_trip_us(socket);
  return both_ends_here(socket) ? std::min(least, kWithinOneComputerUs) : least;
}

bool goes_by_rate(int socket) {
  char name[16] = {};  // TCP_CA_NAME_MAX
  socklen_t size = sizeof(name);
  if (getsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name, &size) != 0) return false;
  return std::string_view(name, size).starts_with("bbr");
}

}  // namespace atoll_core::transport
