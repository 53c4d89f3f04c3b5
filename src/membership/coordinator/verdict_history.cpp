#include "membership/coordinator/verdict_history.h"

#include "base/assert.h"
#include "base/canary.h"

namespace atoll_core::membership {

wire::Verdict verdict_for(const EndedOp& ended, uint32_t shard) {
  wire::Verdict verdict;
  verdict.op = op_for(ended.key, shard);
  verdict.epoch = ended.epoch;
  verdict.committed = ended.outcome.committed;
  verdict.final = ended.outcome.final;
  verdict.code = ended.outcome.code;
  verdict.reason = ended.outcome.reason;
  const auto kept = ended.kept.find(verdict.op.group);
  if (kept != ended.kept.end()) verdict.kept_below = kept->second;
  if (!ended.outcome.committed) return verdict;
  for (const ToldCommit& told : ended.told) {
    if (!same_group(ended.key, told.teller.shard, shard)) continue;
    if (verdict.contributors.empty()) verdict.contributors = told.contributors;
    if (told.holds_result) verdict.holders.push_back(told.teller.peer);
  }
  // The attempt may be one that only the tellers, of other shards, have gone through with all who
  // were in it. Whoever has completed it knows them.
  const bool unknown_here = !ended.told.empty() && !broken(Canary::kTheLivingContributed);
  if (!verdict.contributors.empty() || unknown_here) return verdict;
  for (const Participant& participant : ended.participants) {
    if (same_group(ended.key, participant.shard, shard)) {
      verdict.contributors.push_back(participant.peer);
    }
  }
  return verdict;
}

void VerdictHistory::add(EndedOp ended, uint64_t stamp) {
  ATOLL_ASSERT(ended.outcome.final, "{} is to be tried again", describe(ended.key));
  ATOLL_ASSERT(ended_.count(ended.key) == 0, "{} ends twice", describe(ended.key));
  ATOLL_ASSERT(order_.empty() || order_.back().stamp <= stamp, "stamp {} after {}", stamp,
               order_.back().stamp);
  order_.push_back({stamp, ended.key});
  OpKey key = ended.key;
  ended_.emplace(std::move(key), std::move(ended));
  if (order_.size() > kVerdictsKept) forget_oldest();
}

const EndedOp* VerdictHistory::find(const OpKey& key) const {
  const auto found = ended_.find(key);
  return found == ended_.end() ? nullptr : &found->second;
}

void VerdictHistory::prune(uint64_t heard) {
  while (!order_.empty() && order_.front().stamp < heard) forget_oldest();
}

void VerdictHistory::forget(Generation generation) {
  std::erase_if(order_, [&](const Stamped& one) { return one.key.generation == generation; });
  std::erase_if(ended_, [&](const auto& entry) { return entry.first.generation == generation; });
}

void VerdictHistory::clear() {
  ended_.clear();
  order_.clear();
}

std::vector<const EndedOp*> VerdictHistory::all() const {
  std::vector<const EndedOp*> result;
  for (const Stamped& stamped : order_) result.push_back(find(stamped.key));
  return result;
}

void VerdictHistory::forget_oldest() {
  ended_.erase(order_.front().key);
  order_.pop_front();
}

}  // namespace atoll_core::membership
