// What the kernel knows of the way of a TCP connection.
#pragma once

#include <cstdint>

namespace atoll_core::transport {

// Whether it connects an address with itself.
bool both_ends_here(int socket);

// The least round trip so far, the handshake's included, in microseconds; 0: not known. Within one
// computer it never says more than what its kernel takes for it.
uint64_t round_trip_us(int socket);

// Whether its congestion control goes by the rate at which bytes arrive (BBR, in all its versions),
// not by what is lost.
bool goes_by_rate(int socket);

}  // namespace atoll_core::transport
