// Where a peer listens that was not told where.
#pragma once

#include <string>
#include <vector>

#include "base/endpoint.h"

namespace atoll_core::transport {

struct ListeningPlace {
  std::string host;            // empty: all addresses
  bool only_loopback = false;  // connections from other machines are closed at once
  bool operator==(const ListeningPlace&) const = default;
};

// A run whose coordinator is on loopback is on this machine as a whole, and nobody else needs to
// reach its peers; unless the peer is to advertise another address (its coordinator's port may be
// that of a tunnel). Where all of them are of one family, and not names, a loopback address is all
// that is listened on.
ListeningPlace listening_place(const std::vector<Endpoint>& coordinators,
                               const std::vector<Endpoint>& advertise);

}  // namespace atoll_core::transport
