// What the kernel knows of the way of a TCP connection.
#pragma once

#include <cstdint>

namespace atoll_core::transport {

// The least round trip so far, the handshake's included, in microseconds; 0: not known.
uint64_t round_trip_us(int socket);

// Whether its congestion control goes by the rate at which bytes arrive (BBR, in all its versions),
// not by what is lost.
bool goes_by_rate(int socket);

}  // namespace atoll_core::transport
