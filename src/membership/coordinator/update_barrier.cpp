#include "membership/coordinator/update_barrier.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace atoll_core::membership {
namespace {

using Groups = std::map<Group, wire::GroupPositions>;

wire::GroupPositions positions_in(const Groups& groups, Group group) {
  const auto found = groups.find(group);
  return found == groups.end() ? wire::GroupPositions{group, 0, {}} : found->second;
}

std::string difference_at(const std::string& place, const Participant& one, uint64_t next,
                          const Participant& other, uint64_t others_next) {
  return fmt::format(
      "the members stand at different calls in atollUpdate: {}: {} is before #{}, {} before #{}",
      place, one.name, next, other.name, others_next);
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

void UpdateBarrier::open(PeerId peer, wire::UpdateRequest request) {
  Request opened;
  opened.number = request.number;
  for (const wire::GroupPositions& group : request.groups) {
    opened.groups.insert_or_assign(group.group, group);
  }
  for (const wire::AnyReceives& receives : request.receives) {
    opened.receives.insert_or_assign(receives.tag, receives);
  }
  requests_.insert_or_assign(peer, std::move(opened));
}

bool UpdateBarrier::ask(PeerId peer) {
  const auto found = requests_.find(peer);
  return found != requests_.end() && !std::exchange(found->second.asked, true);
}

bool UpdateBarrier::tell(PeerId peer, const std::vector<wire::CallPosition>& positions) {
  const auto found = requests_.find(peer);
  if (found == requests_.end() || !found->second.asked) return false;
  auto& told = found->second.positions.emplace();
  for (const wire::CallPosition& position : positions) {
    told[{position.group, position.tag}] = position.next_sequence;
  }
  return true;
}

std::optional<uint64_t> UpdateBarrier::next_sequence(PeerId peer, Group group,
                                                     uint64_t tag) const {
  const auto found = requests_.find(peer);
  if (found == requests_.end()) return std::nullopt;
  const Request& request = found->second;
  if (request.groups.count(group) == 0) return 0;
  if (!request.positions) return std::nullopt;
  const auto told = request.positions->find({group, tag});
  return told == request.positions->end() ? 0 : told->second;
}

bool UpdateBarrier::receives_any(PeerId peer, uint64_t tag) const {
  const auto found = requests_.find(peer);
  if (found == requests_.end()) return false;
  const auto receives = found->second.receives.find(tag);
  return receives != found->second.receives.end() && receives->second.open > 0;
}

std::vector<PeerId> UpdateBarrier::asked() const {
  std::vector<PeerId> peers;
  for (const auto& [peer, request] : requests_) {
    if (request.asked && !request.positions) peers.push_back(peer);
  }
  return peers;
}

bool UpdateBarrier::answered_already(PeerId peer) const {
  const auto found = requests_.find(peer);
  return found != requests_.end() && found->second.number < ended_;
}

std::vector<Participant> UpdateBarrier::missing(const std::vector<Participant>& members) const {
  std::vector<Participant> result;
  std::copy_if(members.begin(), members.end(), std::back_inserter(result),
               [this](const Participant& member) { return !waits(member.peer); });
  return result;
}

UpdateBarrier::Comparison UpdateBarrier::compare(const std::vector<Participant>& members) const {
  OnTheWay on_the_way;
  std::set<Group> groups;
  for (const Participant& member : members) {
    for (const auto& [group, positions] : of(member).groups) groups.insert(group);
  }
  for (const Group group : groups) {
    for (auto member = members.begin(); member != members.end(); ++member) {
      // The first member of the same group is the one that all others are compared with.
      const auto first = std::find_if(members.begin(), members.end(), [&](const auto& other) {
        return agree_in(group, *member, other);
      });
      if (first == members.end() || first == member) continue;
      const auto& groups_there = of(*member).groups;
      if (positions_in(of(*first).groups, group) == positions_in(groups_there, group)) continue;
      Comparison compared = compare_in(group, *first, *member, on_the_way);
      if (compared.difference || !compared.to_ask.empty()) return compared;
    }
  }
  return compare(members, on_the_way);
}

UpdateBarrier::Comparison UpdateBarrier::compare(const std::vector<Participant>& members,
                                                 const OnTheWay& on_the_way) const {
  for (const Participant& member : members) {
    const uint64_t one = of(members.front()).number;
    const uint64_t other = of(member).number;
    if (one == other) continue;
    return {difference_at("atollUpdate itself", members.front(), one, member, other), {}, {}};
  }
  Comparison result;
  for (const auto& [place, coming] : on_the_way) {
    const auto& [receiver, tag] = place;
    const auto found = std::find_if(members.begin(), members.end(), [receiver = receiver](
        const Participant& member) { return member.peer == receiver; });
    const uint64_t open = requests_.at(receiver).receives.at(tag).open;
    if (coming.sends > open) {
      result.difference = fmt::format(
          "the members stand at different calls in atollUpdate: tag {}: {} sends to {}, one of "
          "them from {}, and {} calls of it that receive from whoever sends", tag, coming.sends,
          found->name, coming.from, open);
      return result;
    }
    result.on_the_way = fmt::format("a send with tag {} from {} has not come to {}", tag,
                                    coming.from, found->name);
  }
  return result;
}

// Their digests differ.
UpdateBarrier::Comparison UpdateBarrier::compare_in(Group group, const Participant& one,
                                                    const Participant& other,
                                                    OnTheWay& on_the_way) const {
  Comparison result;
  bool explained = false;
  for (const Participant* member : {&one, &other}) {
    if (!of(*member).positions) result.to_ask.push_back(member->peer);
  }
  if (!result.to_ask.empty()) return result;
  std::set<uint64_t> tags;
  for (const Participant* member : {&one, &other}) {
    for (const auto& [place, next] : *of(*member).positions) {
      if (place.first == group) tags.insert(place.second);
    }
  }
  for (const uint64_t tag : tags) {
    const uint64_t here = *next_sequence(one.peer, group, tag);
    const uint64_t there = *next_sequence(other.peer, group, tag);
    if (here == there) continue;
    if (may_meet(group, tag, one, other, on_the_way)) {
      explained = true;
      continue;
    }
    const std::string place = fmt::format("group {} tag {}", group_name(group), tag);
    result.difference = difference_at(place, one, here, other, there);
    return result;
  }
  if (explained) return result;
  // What one of them has told does not have the digest that it told before.
  result.difference = fmt::format(
      "the members stand at different calls in atollUpdate: group {}: {} and {} tell digests that "
      "differ, and the same calls", group_name(group), one.name, other.name);
  return result;
}

bool UpdateBarrier::may_meet(Group group, uint64_t tag, const Participant& one,
                             const Participant& other, OnTheWay& on_the_way) const {
  if (!is_pair(group)) return false;
  const bool other_receives = slots_of(group).to == other.slot;
  const Participant& receiver = other_receives ? other : one;
  const Participant& sender = other_receives ? one : other;
  const auto& receives = of(receiver).receives;
  const auto found = receives.find(tag);
  if (found == receives.end()) return false;
  const uint64_t sent = *next_sequence(sender.peer, group, tag);
  const uint64_t received = *next_sequence(receiver.peer, group, tag);
  // A send that was made after the sender had asked for the update.
  if (received > sent) return received - sent <= found->second.taken;
  Coming& coming = on_the_way[{receiver.peer, tag}];
  coming.sends += sent - received;
  coming.from = sender.name;
  return true;
}

uint64_t UpdateBarrier::names(const std::vector<Participant>& members) const {
  uint64_t most = 0;
  for (const Participant& member : members) {
    uint64_t names = 0;
    for (const auto& [group, positions] : of(member).groups) names += positions.names;
    most = std::max(most, names);
  }
  return most;
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
