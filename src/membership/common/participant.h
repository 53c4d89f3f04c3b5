// What agreement needs to know of a peer, also after its record is gone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "wire/control.h"

namespace atoll_core::membership {

struct Participant {
  PeerId peer;
  std::string name;
  std::string replica;
  uint32_t shard = 0;
  uint32_t slot = 0;  // in the generation that it is a member of
  bool operator==(const Participant&) const = default;
};

// How sentences name a peer: its name, or its id if it has none.
std::string display_name(const wire::PeerInfo& peer);

Participant participant_of(const wire::PeerInfo& peer);

std::vector<std::string> names_of(const std::vector<Participant>& participants);

}  // namespace atoll_core::membership
