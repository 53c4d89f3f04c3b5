#include "transport/round_trip.h"

// Not <netinet/tcp.h>: its tcp_info has no least round trip, and the two exclude each other.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace atoll_core::transport {

uint64_t round_trip_us(int socket) {
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

bool goes_by_rate(int socket) {
  char name[16] = {};  // TCP_CA_NAME_MAX
  socklen_t size = sizeof(name);
  if (getsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name, &size) != 0) return false;
  return std::string_view(name, size).starts_with("bbr");
}

}  // namespace atoll_core::transport
