// Under which addresses a peer may be reached, as far as this machine can tell.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/endpoint.h"
#include "transport/network.h"

namespace atoll_core::transport {

// The addresses to advertise for a listener on `port`, best first, at most
// limits::kEndpointsPerPeer:
//   1. The one from which this machine talks to the coordinator, even a link-local one. Whoever
//      shares a network with the coordinator reaches it; behind a NAT it is the address inside.
//   2. All other addresses of interfaces that are up: other peers may share another network. Not
//      link-local ones, for which the other side would have to try its interfaces.
//   3. Loopback only when the coordinator is on loopback, and then nothing else: the whole run is
//      on this machine, and in any other run loopback would lead each peer to itself.
// `ends` are those of the connection to the coordinator. Zones are left out. `why`, when given,
// receives a sentence for the log.
std::vector<Endpoint> local_candidates(uint16_t port, const Network::ControlEnds& ends,
                                       std::string* why = nullptr);

}  // namespace atoll_core::transport
