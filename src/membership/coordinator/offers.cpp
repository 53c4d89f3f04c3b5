// Pending peers that fetch what the members have synced: telling them what there is.
#include <utility>

#include "membership/coordinator/parts.h"

namespace atoll_core::membership {

void CoordinatorMachine::Parts::note_synced(const OpKey& key) {
  SyncRecord* record = ledgers.syncs.find(key);
  const bool of_shards = key.scope == Scope::kShards;
  if (record == nullptr || !record->planned || !of_shards) return;
  ledgers.states.commit(run.instance, key.tag, std::move(record->plans),
                        ledgers.generations.participants(key));
  for (auto& [peer, follower] : people.roster.records()) {
    if (follower.follows && follower.follows->tag == key.tag) offer_state(follower);
  }
}

void CoordinatorMachine::Parts::offer_state(PeerRecord& follower) {
  std::optional<wire::StateOffer> offer = ledgers.states.offer(follower);
  if (!offer) return;
  std::erase_if(offer->holders, [this](PeerId holder) {
    const PeerRecord* record = people.roster.find(holder);
    return record == nullptr || !record->in_view();
  });
  out.event(fmt::format("{} is offered revision {} of tag {}", display_name(follower.info),
                        offer->revision, offer->tag));
  out.send(follower, std::move(*offer));
}

void CoordinatorMachine::Parts::handle(TimePoint, PeerId from, wire::FollowState message) {
  PeerRecord& record = *people.roster.find(from);
  if (record.in_view()) return;  // it was admitted meanwhile
  record.follows = message;
  out.event(fmt::format("{} follows tag {}, holds revision {}{}", display_name(record.info),
                        message.tag, message.revision,
                        message.waits ? "" : " and waits no longer for another one"));
  changed.updates = true;
  offer_state(record);
}

}  // namespace atoll_core::membership
