// Members that wait for each other in calls of one tag, but of different groups.
//
// Calls of one tag are made in one order by all. So if one peer has made call X and not yet Y, and
// another one Y and not yet X, with both of them in both groups, they will never meet. Each of the
// two knows for sure only what it has not made itself, and tells so the other, once it has waited
// for a while: "I am in Y, and have not made X". Who hears that in X, and has not made Y, knows all
// four, and asks for the end of X. For example a first peer reduces over all and a second one over
// its shard: the one ends the call of all, the other that of the shard, and both sentences name the
// two groups.
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "engine/call_ledger.h"
#include "membership/common/participant.h"
#include "membership/common/sentence.h"

namespace atoll_core::engine {
namespace {

// What two peers send each other is counted apart from all other calls.
bool differ_in_group(const OpId& one, const OpId& other) {
  return one.generation == other.generation && one.tag == other.tag && one.group != other.group &&
         !is_pair(one.group) && !is_pair(other.group);
}

CallGroup kind_of(Group group) {
  if (group == kGroupAll) return CallGroup::kAll;
  if (group == kGroupReplica) return CallGroup::kReplica;
  return group >= kGroupAlone ? CallGroup::kShardAlone : CallGroup::kShard;
}

const wire::PeerInfo* find_member(const wire::View& view, PeerId peer) {
  for (const wire::PeerInfo& member : view.members) {
    if (member.id == peer) return &member;
  }
  return nullptr;
}

std::string name_of(const wire::View& view, PeerId peer) {
  const wire::PeerInfo* member = find_member(view, peer);
  return member == nullptr ? to_string(peer) : membership::display_name(*member);
}

}  // namespace

void CallLedger::note_stalled(const CallMachine& call) {
  if (!call.stalled()) return;
  stalled_.insert(call.op());
  stash_.for_each_elsewhere(call.op(), [&](const OpId& there, PeerId from) {
    tell_elsewhere(call, from, there);
  });
}

// Of each group the first call that waits under this tag is enough: those behind it wait for it.
void CallLedger::hear_of_call(PeerId from, const OpId& there) {
  auto at = stalled_.lower_bound({there.generation, 0, 0, 0});
  while (at != stalled_.end() && at->generation == there.generation) {
    const Group group = at->group;
    const auto first = stalled_.lower_bound({there.generation, group, there.tag, 0});
    const bool waits = first != stalled_.end() && first->group == group;
    if (waits && differ_in_group(*first, there)) {
      tell_elsewhere(open_.at(*first).machine, from, there);
    }
    if (group == std::numeric_limits<Group>::max()) return;
    at = stalled_.lower_bound({there.generation, group + 1, 0, 0});
  }
}

void CallLedger::tell_elsewhere(const CallMachine& call, PeerId to, const OpId& there) {
  const bool in_vain = call.stalled() && call.lacks(to) && differ_in_group(call.op(), there) &&
                       names_.in_future(there);
  if (!in_vain) return;
  link::OutFrame frame;
  frame.header.kind = wire::FrameKind::kCredit;
  frame.header.attempt = call.attempt();
  frame.header.fingerprint = call.fingerprint();
  frame.header.detail = std::numeric_limits<uint64_t>::max();
  frame.header.step = static_cast<uint32_t>(PostedNotice::kElsewhere);
  frame.header.segment = there.group;
  frame.header.element_offset = there.sequence;
  links_->send_free(to, std::move(frame));
}

void CallLedger::hear_elsewhere(PeerId from, const wire::FrameHeader& header) {
  const OpId& there = header.attempt.op;
  const OpId here{there.generation, header.segment, there.tag, header.element_offset};
  const auto open = open_.find(here);
  if (open == open_.end() || !differ_in_group(here, there) || !names_.in_future(there)) return;
  open->second.machine.hear_elsewhere(
      from, fmt::format("{} calls it for {}, {} calls tag {} #{} for {}", self().name,
                        describe_group(here.group, self().id), name_of(view(), from), there.tag,
                        there.sequence, describe_group(there.group, from)));
  after_event(open);
}

// As a call of this peer names it.
std::string CallLedger::describe_group(Group group, PeerId caller) const {
  const wire::PeerInfo* info = find_member(view(), caller);
  if (info == nullptr) return "group " + group_name(group);
  std::vector<std::string> names;
  for (const PeerId peer : CallNames::participants(view(), *info, kind_of(group))) {
    names.push_back(name_of(view(), peer));
  }
  const std::string who = membership::join(names);
  switch (kind_of(group)) {
    case CallGroup::kAll: return fmt::format("all peers ({})", who);
    case CallGroup::kReplica: return fmt::format("replica {} ({})", info->replica, who);
    case CallGroup::kShard: return fmt::format("shard {} ({})", info->shard, who);
    case CallGroup::kShardAlone: return fmt::format("shard {} alone ({})", info->shard, who);
  }
  return who;
}

}  // namespace atoll_core::engine
