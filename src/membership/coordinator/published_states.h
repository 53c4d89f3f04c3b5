// What the run has last synced under each tag, for the peers that are still pending: they may fetch
// it before they are admitted.
//
// Invariant: bounded by kTagsKept, the tag that was synced longest ago forgotten first.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"
#include "membership/common/participant.h"
#include "membership/coordinator/roster.h"
#include "wire/control.h"

namespace atoll_core::membership {

class PublishedStates {
 public:
  static constexpr size_t kTagsKept = limits::kPublishedTags;

  // A sync of this instance under this tag has committed, with these plans of the shards.
  void commit(InstanceId instance, uint64_t tag, std::map<uint32_t, wire::SyncPlan> plans,
              const std::vector<Participant>& participants);
  // Of a run that goes on, its members are not asked what they last synced: nobody is level until
  // they sync again.
  void forget() { *this = {}; unknown_ = true; }
  void forget(PeerId holder);

  size_t size() const { return tags_.size(); }

  // What a pending peer that follows lacks; nullopt: nothing, or nothing is known.
  std::optional<wire::StateOffer> offer(const PeerRecord& follower) const;
  // Why it is not to be admitted yet; nullopt: it may be.
  std::optional<std::string> waits_for(const PeerRecord& follower) const;

 private:
  struct Published {
    uint64_t synced = 0;  // the how manieth sync it was
    std::map<uint32_t, wire::StateOffer> by_shard;
  };

  // What it is to have; null: nothing, or something later is there that the instance committed.
  const wire::StateOffer* find(const PeerRecord& follower) const;

  std::map<uint64_t, Published> tags_;
  uint64_t syncs_ = 0;
  bool unknown_ = false;
};

}  // namespace atoll_core::membership
