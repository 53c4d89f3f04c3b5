#include "membership/common/participant.h"

namespace atoll_core::membership {

std::string display_name(const wire::PeerInfo& peer) {
  return peer.name.empty() ? to_string(peer.id) : peer.name;
}

Participant participant_of(const wire::PeerInfo& peer) {
  return {peer.id, display_name(peer), peer.replica, peer.shard, peer.slot};
}

std::vector<std::string> names_of(const std::vector<Participant>& participants) {
  std::vector<std::string> names;
  for (const Participant& participant : participants) names.push_back(participant.name);
  return names;
}

}  // namespace atoll_core::membership
