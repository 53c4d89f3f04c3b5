#include "membership/coordinator/op_ledger.h"

#include <algorithm>
#include <iterator>

namespace atoll_core::membership {

std::optional<std::string> difference(const OpKey& key, const Call& one, const Call& other) {
  if (!same_group(key, one.caller.shard, other.caller.shard)) return std::nullopt;
  const std::string what = wire::describe_difference(one.description, other.description);
  if (what.empty()) return std::nullopt;
  return fmt::format("{} {} differs between {} (here) and {} (there): {}",
                     wire::to_string(one.description.kind), describe(key), one.caller.name,
                     other.caller.name, what);
}

OpRecord* OpLedger::open(const OpKey& key) {
  const auto found = records_.find(key);
  if (found != records_.end()) return &found->second;
  if (records_.size() >= ops_max_) return nullptr;
  OpRecord& record = records_[key];
  record.since = now_;
  return &record;
}

OpRecord* OpLedger::find(const OpKey& key) {
  const auto found = records_.find(key);
  return found == records_.end() ? nullptr : &found->second;
}

const OpRecord* OpLedger::find(const OpKey& key) const {
  const auto found = records_.find(key);
  return found == records_.end() ? nullptr : &found->second;
}

void OpLedger::erase_below(const OpKey& key) {
  OpKey first = key;
  first.sequence = 0;
  first.shard = 0;
  first.pair = 0;
  first.replica.clear();
  for (auto at = records_.lower_bound(first); at != records_.end();) {
    const OpKey& found = at->first;
    const bool same = found.generation == key.generation && found.scope == key.scope &&
                      found.tag == key.tag;
    if (!same || found.sequence >= key.sequence) return;
    at = same_name(found, key) ? records_.erase(at) : std::next(at);
  }
}

void OpLedger::forget(Generation generation) {
  std::erase_if(records_, [&](const auto& entry) { return entry.first.generation == generation; });
}

std::optional<std::string> note_call(const OpKey& key, OpRecord& record, Call call) {
  const PeerId caller = call.caller.peer;
  const Call& noted = record.calls.insert_or_assign(caller, std::move(call)).first->second;
  for (const auto& [peer, other] : record.calls) {
    if (peer == caller) continue;
    if (auto what = difference(key, other, noted)) return what;
  }
  return std::nullopt;
}

bool all_done(const OpRecord& record, const std::vector<Participant>& participants) {
  return std::all_of(participants.begin(), participants.end(), [&](const Participant& peer) {
    return record.done.count(peer.peer) != 0;
  });
}

}  // namespace atoll_core::membership
