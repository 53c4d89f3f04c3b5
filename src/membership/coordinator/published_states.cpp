#include "membership/coordinator/published_states.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/canary.h"

namespace atoll_core::membership {

void PublishedStates::commit(InstanceId instance, uint64_t tag,
                             std::map<uint32_t, wire::SyncPlan> plans,
                             const std::vector<Participant>& participants) {
  unknown_ = false;
  Published& published = tags_[tag];
  published.synced = ++syncs_;
  published.by_shard.clear();
  for (auto& [shard, plan] : plans) {
    published.by_shard[shard] = {instance, tag, plan.revision, plan.digest,
                                 std::move(plan.tensors), {}};
  }
  for (const Participant& participant : participants) {
    published.by_shard[participant.shard].holders.push_back(participant.peer);
  }
  if (tags_.size() <= kTagsKept) return;
  tags_.erase(std::min_element(tags_.begin(), tags_.end(), [](const auto& one, const auto& other) {
    return one.second.synced < other.second.synced;
  }));
}

void PublishedStates::forget(PeerId holder) {
  for (auto& [tag, published] : tags_) {
    for (auto& [shard, offer] : published.by_shard) std::erase(offer.holders, holder);
  }
}

const wire::StateOffer* PublishedStates::find(const PeerRecord& follower) const {
  if (!follower.follows) return nullptr;
  const auto published = tags_.find(follower.follows->tag);
  if (published == tags_.end()) return nullptr;
  const auto& by_shard = published->second.by_shard;
  const auto found = by_shard.find(follower.info.shard);
  if (found == by_shard.end()) return nullptr;
  const wire::CommittedRevision& committed = follower.follows->committed;
  const bool holds_more = committed.instance == found->second.instance &&
                          committed.revision > found->second.revision;
  return holds_more && !broken(Canary::kOlderStateWins) ? nullptr : &found->second;
}

std::optional<wire::StateOffer> PublishedStates::offer(const PeerRecord& follower) const {
  const wire::StateOffer* published = find(follower);
  if (published == nullptr) return std::nullopt;
  const wire::FollowState& held = *follower.follows;
  if (held.revision == published->revision && held.digest == published->digest) {
    return std::nullopt;
  }
  return *published;
}

std::optional<std::string> PublishedStates::waits_for(const PeerRecord& follower) const {
  if (!follower.follows || !follower.follows->waits) return std::nullopt;
  if (unknown_) return "the next state sync of the members, to know what they hold";
  const auto lacking = offer(follower);
  if (!lacking) return std::nullopt;
  return fmt::format("revision {} of the state that the members hold", lacking->revision);
}

}  // namespace atoll_core::membership
