#include "membership/coordinator/update_barrier.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace atoll_core::membership {
namespace {

using Place = std::pair<Group, uint64_t>;
constexpr Place kUpdatePlace{kGroupAll, kUpdateTag};

uint64_t at(const std::map<Place, uint64_t>& positions, const Place& place) {
  const auto found = positions.find(place);
  return found == positions.end() ? 0 : found->second;
}

// Members whose positions in this group must be the same.
bool agree_in(Group group, const Participant& one, const Participant& other) {
  if (group == kGroupAll) return true;
  if (group == kGroupReplica) return one.replica == other.replica;
  if (is_pair(group)) {
    const PairSlots slots = slots_of(group);
    const auto in = [&](const Participant& member) {
      return member.slot == slots.from || member.slot == slots.to;
    };
    return in(one) && in(other);
  }
  const uint32_t shard = group >= kGroupAlone ? group - kGroupAlone : group;
  return one.shard == shard && other.shard == shard;
}

}  // namespace

void UpdateBarrier::open(PeerId peer, std::vector<wire::CallPosition> positions) {
  Request request;
  for (const wire::CallPosition& position : positions) {
    request[{position.group, position.tag}] = position.next_sequence;
  }
  requests_.insert_or_assign(peer, std::move(request));
}

std::optional<uint64_t> UpdateBarrier::next_sequence(PeerId peer, Group group,
                                                     uint64_t tag) const {
  const auto found = requests_.find(peer);
  if (found == requests_.end()) return std::nullopt;
  return at(found->second, {group, tag});
}

bool UpdateBarrier::answered_already(PeerId peer) const {
  const auto found = requests_.find(peer);
  return found != requests_.end() && at(found->second, kUpdatePlace) < ended_;
}

std::vector<Participant> UpdateBarrier::missing(const std::vector<Participant>& members) const {
  std::vector<Participant> result;
  std::copy_if(members.begin(), members.end(), std::back_inserter(result),
               [this](const Participant& member) { return !waits(member.peer); });
  return result;
}

std::optional<std::string> UpdateBarrier::difference(
    const std::vector<Participant>& members) const {
  std::set<Place> places;
  for (const Participant& member : members) {
    for (const auto& [place, next] : requests_.at(member.peer)) places.insert(place);
  }
  for (const Place& place : places) {
    for (auto member = members.begin(); member != members.end(); ++member) {
      // The first member of the same group is the one that all others are compared with.
      const auto first = std::find_if(members.begin(), members.end(), [&](const auto& other) {
        return agree_in(place.first, *member, other);
      });
      if (first == members.end() || first == member) continue;
      const uint64_t one = at(requests_.at(first->peer), place);
      const uint64_t other = at(requests_.at(member->peer), place);
      if (one == other) continue;
      return fmt::format(
          "the members stand at different calls in atollUpdate: group {} tag {}: {} is before #{}, "
          "{} before #{}",
          group_name(place.first), place.second, first->name, one, member->name, other);
    }
  }
  return std::nullopt;
}

void UpdateBarrier::finish(const std::vector<Participant>& members, std::optional<Error> error) {
  for (const Participant& member : members) requests_.erase(member.peer);
  ++ended_;
  last_error_ = std::move(error);
}

void UpdateBarrier::restore(uint64_t ended, std::optional<Error> error) {
  if (ended <= ended_) return;
  ended_ = ended;
  last_error_ = std::move(error);
}

void UpdateBarrier::start_generation() {
  ended_ = 0;
  last_error_.reset();
}

std::vector<std::string> UpdateBarrier::news(std::vector<std::string> left_out) {
  std::vector<std::string> fresh;
  for (const std::string& reason : left_out) {
    const bool known = std::find(left_out_.begin(), left_out_.end(), reason) != left_out_.end();
    if (!known) fresh.push_back(reason);
  }
  left_out_ = std::move(left_out);
  return fresh;
}

}  // namespace atoll_core::membership
