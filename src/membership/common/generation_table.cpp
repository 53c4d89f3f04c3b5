#include "membership/common/generation_table.h"

#include <algorithm>
#include <iterator>

#include "base/assert.h"
#include "base/canary.h"

namespace atoll_core::membership {
namespace {

bool belongs(const OpKey& key, const Participant& member) {
  if (key.scope == Scope::kReplica) return member.replica == key.replica;
  if (key.scope == Scope::kPair) {
    const PairSlots slots = slots_of(key.pair);
    return member.slot == slots.from || member.slot == slots.to;
  }
  return key.scope != Scope::kShard || member.shard == key.shard;
}

}  // namespace

void GenerationTable::open(const wire::View& view) {
  Record record{view.generation.first, {}, view.plan};
  std::transform(view.members.begin(), view.members.end(), std::back_inserter(record.members),
                 participant_of);
  generations_.insert_or_assign(view.generation, std::move(record));
}

std::optional<Generation> GenerationTable::to_be_forgotten() const {
  const size_t kept = broken(Canary::kForgetsGeneration) ? 1 : kGenerationsKept;
  if (generations_.size() <= kept) return std::nullopt;
  return generations_.begin()->first;
}

void GenerationTable::restart(Epoch epoch, const std::set<PeerId>& gone) {
  for (auto& [generation, record] : generations_) {
    record.attempt = epoch;
    std::vector<uint32_t> kept;
    std::vector<Participant> rest;
    for (uint32_t place = 0; place < record.members.size(); ++place) {
      if (gone.count(record.members[place].peer) != 0) continue;
      kept.push_back(place);
      rest.push_back(std::move(record.members[place]));
    }
    if (kept.size() < record.members.size()) record.plan = topology::restrict(record.plan, kept);
    record.members = std::move(rest);
  }
}

const GenerationTable::Record* GenerationTable::find(Generation generation) const {
  const auto found = generations_.find(generation);
  return found == generations_.end() ? nullptr : &found->second;
}

size_t GenerationTable::since(Generation generation) const {
  const auto later = generations_.upper_bound(generation);
  return static_cast<size_t>(std::distance(later, generations_.end()));
}

std::vector<wire::GenerationState> GenerationTable::states(size_t members_max) const {
  std::vector<wire::GenerationState> states;
  size_t members = 0;
  for (auto record = generations_.rbegin(); record != generations_.rend(); ++record) {
    members += record->second.members.size();
    if (members > members_max) break;
    wire::GenerationState state{record->first, record->second.attempt, {}, record->second.plan};
    for (const Participant& member : record->second.members) {
      state.members.push_back(
          {member.peer, member.name, member.replica, member.shard, member.slot});
    }
    states.push_back(std::move(state));
  }
  std::reverse(states.begin(), states.end());
  return states;
}

void GenerationTable::merge(const wire::GenerationState& state) {
  const auto found = generations_.find(state.generation);
  if (found != generations_.end() && !is_later(state.attempt, found->second.attempt)) return;
  Record record{state.attempt, {}, state.plan};
  for (const wire::Member& member : state.members) {
    record.members.push_back(
        {member.id, member.name, member.replica, member.shard, member.slot});
  }
  generations_.insert_or_assign(state.generation, std::move(record));
}

std::vector<Participant> GenerationTable::participants(const OpKey& key) const {
  std::vector<Participant> peers;
  const Record* record = find(key.generation);
  if (record == nullptr) return peers;
  std::copy_if(record->members.begin(), record->members.end(), std::back_inserter(peers),
               [&key](const Participant& member) { return belongs(key, member); });
  return peers;
}

bool GenerationTable::takes_part(const OpKey& key, PeerId peer) const {
  const Record* record = find(key.generation);
  return record != nullptr &&
         std::any_of(record->members.begin(), record->members.end(),
                     [&](const Participant& member) {
                       return member.peer == peer && belongs(key, member);
                     });
}

const std::vector<Participant>& ParticipantLookup::of(const OpKey& key) {
  const bool same = last_ && last_->generation == key.generation && last_->scope == key.scope &&
                    last_->shard == key.shard && last_->pair == key.pair &&
                    last_->replica == key.replica;
  if (same) return participants_;
  last_ = key;
  participants_ = generations_.participants(key);
  return participants_;
}

topology::Plan GenerationTable::plan_for(Generation generation,
                                         const std::vector<PeerId>& peers) const {
  const auto world = static_cast<uint32_t>(peers.size());
  const Record* record = find(generation);
  if (record == nullptr || world < 2) return topology::make_plan(world);
  std::vector<uint32_t> kept;
  uint32_t place = 0;
  for (const PeerId peer : peers) {
    while (place < record->members.size() && record->members[place].peer != peer) ++place;
    kept.push_back(place++);
  }
  ATOLL_ASSERT(place <= record->members.size(), "{} peers are not members of {}, in its order",
               world, to_string(generation));
  return topology::restrict(record->plan, kept);
}

}  // namespace atoll_core::membership
