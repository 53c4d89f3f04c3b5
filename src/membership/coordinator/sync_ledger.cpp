#include "membership/coordinator/sync_ledger.h"

#include <algorithm>

namespace atoll_core::membership {

SyncRecord* SyncLedger::open(const OpKey& key) {
  const auto found = records_.find(key);
  if (found != records_.end()) return &found->second;
  if (records_.size() >= kOpenSyncsMax) return nullptr;
  SyncRecord& record = records_[key];
  record.since = now_;
  return &record;
}

SyncRecord* SyncLedger::find(const OpKey& key) {
  const auto found = records_.find(key);
  return found == records_.end() ? nullptr : &found->second;
}

void SyncLedger::forget(Generation generation) {
  std::erase_if(records_, [&](const auto& entry) { return entry.first.generation == generation; });
}

bool all_asked(const SyncRecord& record, const std::vector<Participant>& participants) {
  return std::all_of(participants.begin(), participants.end(), [&](const Participant& peer) {
    return record.requests.count(peer.peer) != 0;
  });
}

bool all_done(const SyncRecord& record, const std::vector<Participant>& participants) {
  return record.planned &&
         std::all_of(participants.begin(), participants.end(), [&](const Participant& peer) {
           return record.done.count(peer.peer) != 0;
         });
}

Result<SyncPlans> plan_sync(const OpKey& key, const SyncRecord& record,
                            const std::vector<Participant>& participants,
                            const std::set<PeerId>& gaps) {
  // Shards that end together but do not exchange state elect apart.
  std::map<uint32_t, std::vector<SyncVoter>> groups;
  for (const Participant& peer : participants) {
    const uint32_t group = key.scope == Scope::kShards ? peer.shard : 0;
    groups[group].push_back({peer, &record.requests.at(peer.peer), gaps.count(peer.peer) != 0});
  }
  SyncPlans plans;
  std::optional<uint64_t> revision;
  for (const auto& [group, voters] : groups) {
    Result<Elected> elected = elect(voters);
    if (!elected) return tl::unexpected<Error>(elected.error());
    const wire::StateSummary& state = *elected->state;
    if (revision && *revision != state.revision) {
      return fail(ErrorCode::kStateConflict,
                  "the shards elect different revisions: {} has revision {}, shard {} revision {}",
                  voters.front().who.name, state.revision, groups.begin()->first, *revision);
    }
    revision = state.revision;
    wire::SyncPlan plan{{}, {}, state.revision, state.digest, state.tensors, elected->holders};
    plans.sentences.push_back(elected->sentence);
    for (const SyncVoter& voter : voters) plans.by_shard.insert_or_assign(voter.who.shard, plan);
  }
  return plans;
}

}  // namespace atoll_core::membership
