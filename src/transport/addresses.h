// Under which addresses a peer may be reached, as far as this machine can tell.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/endpoint.h"

namespace atoll_core::transport {

// The addresses to advertise for a listener on `port`, best first, at most
// limits::kEndpointsPerPeer:
//   1. The one from which this machine talks to the coordinator. Whoever shares a network with the
//      coordinator reaches it; behind a NAT it is the address inside.
//   2. All other addresses of interfaces that are up: other peers may share another network. Not
//      link-local ones, which mean nothing without an interface name on the other side.
//   3. Loopback only when the coordinator is on loopback, and then nothing else: the whole run is
//      on this machine, and in any other run loopback would lead each peer to itself.
// A name of the coordinator is resolved; that may block. Nothing is sent. `why`, when given,
// receives a sentence for the log. Empty when this machine has no usable address.
std::vector<Endpoint> local_candidates(uint16_t port, const Endpoint& coordinator,
                                       std::string* why = nullptr);

}  // namespace atoll_core::transport
