// What the kernel knows of the way of a TCP connection.
#pragma once

#include <cstdint>
#include <optional>

#include "transport/pacing_cap.h"

namespace atoll_core::transport {

// Whether it connects an address with itself.
bool both_ends_here(int socket);

// The least round trip so far, the handshake's included, in microseconds; 0: not known. Within one
// computer it never says more than what its kernel takes for it.
uint64_t round_trip_us(int socket);

// Whether its congestion control goes by the rate at which bytes arrive (BBR, in all its versions),
// not by what is lost.
bool goes_by_rate(int socket);

// Nothing where the kernel does not count all of it (Linux 4.19 does).
std::optional<PacingSample> pacing_sample(int socket);

}  // namespace atoll_core::transport
