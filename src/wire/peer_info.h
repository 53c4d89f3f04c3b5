// A peer as others know it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/endpoint.h"
#include "base/ids.h"

namespace atoll_core::wire {

// What all that meet a peer need to know of it.
struct PeerInfo {
  PeerId id;
  SessionId session;
  std::string name;
  std::string replica;
  uint32_t shard = 0;
  uint32_t shard_count = 1;
  uint32_t slot = 0;  // of a member: its place in the first view of the generation
  uint64_t computer = 0;  // the same for peers that share one; 0: not known
  uint32_t cpus = 0;      // that this peer may use there; 0: not known
  std::vector<Endpoint> endpoints;  // candidates for data connections, most likely first
  bool operator==(const PeerInfo&) const = default;
};

}  // namespace atoll_core::wire
