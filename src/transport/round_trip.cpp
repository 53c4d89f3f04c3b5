#include "transport/round_trip.h"

// Not <netinet/tcp.h>: its tcp_info has no least round trip, and the two exclude each other.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
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

// How much of it the kernel knows; 0: nothing.
size_t read_info(int socket, tcp_info& info) {
  socklen_t size = sizeof(info);
  return getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? size : 0;
}

// 0: not known.
uint64_t least_round_trip_us(int socket) {
  tcp_info info{};
  if (read_info(socket, info) == 0) return 0;
  const uint64_t smoothed = info.tcpi_rtt;
  const uint64_t least = info.tcpi_min_rtt;  // 0 where the kernel does not know it
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

std::optional<PacingSample> pacing_sample(int socket) {
  tcp_info info{};
  const size_t size = read_info(socket, info);
  if (size < offsetof(tcp_info, tcpi_bytes_retrans) + sizeof(info.tcpi_bytes_retrans)) {
    return std::nullopt;
  }
  PacingSample sample;
  sample.sent_bytes = info.tcpi_bytes_sent;
  sample.resent_bytes = info.tcpi_bytes_retrans;
  sample.delivered_packets = info.tcpi_delivered;
  sample.packet_bytes = info.tcpi_snd_mss;
  sample.round_trip = std::chrono::microseconds(info.tcpi_rtt);
  sample.least_round_trip = std::chrono::microseconds(info.tcpi_min_rtt);
  return sample;
}

}  // namespace atoll_core::transport
