#include "wire/view_check.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/canary.h"
#include "base/limits.h"

namespace atoll_core::wire {
namespace {

std::string name_of_peer(const PeerInfo& peer) {
  return peer.name.empty() ? to_string(peer.id) : peer.name;
}

// Ids and sessions are each unique.
class Names {
 public:
  bool add(const PeerInfo& peer) {
    const bool fresh = ids_.insert(peer.id).second && sessions_.insert(peer.session).second;
    return fresh || broken(Canary::kViewNamesTwice);
  }

 private:
  std::set<PeerId> ids_;
  std::set<SessionId> sessions_;
};

std::optional<std::string> named_twice(const std::vector<PeerInfo>& peers) {
  Names names;
  for (const PeerInfo& peer : peers) {
    if (!names.add(peer)) return fmt::format("names {} twice", name_of_peer(peer));
  }
  return std::nullopt;
}

std::optional<std::string> wrong_count(const Epoch& epoch, const Generation& generation) {
  if (!can_be_counted_on(epoch) || !can_be_counted_on(generation.first)) {
    return fmt::format("is of epoch {} in generation {}, beyond all counts", to_string(epoch),
                       to_string(generation));
  }
  if (is_later(generation.first, epoch)) {
    return fmt::format("is of epoch {} in the later generation {}", to_string(epoch),
                       to_string(generation));
  }
  return std::nullopt;
}

// Each replica has all its shards, which stand together in their order.
std::optional<std::string> torn_replica(const std::vector<PeerInfo>& members) {
  std::set<std::string> seen;
  for (size_t at = 0; at < members.size();) {
    const PeerInfo& first = members[at];
    if (!seen.insert(first.replica).second) {
      return fmt::format("has the shards of replica {} apart", first.replica);
    }
    for (uint32_t shard = 0; shard < first.shard_count; ++shard, ++at) {
      const bool fits = at < members.size() && members[at].replica == first.replica &&
                        members[at].shard == shard &&
                        members[at].shard_count == first.shard_count;
      if (!fits) {
        return fmt::format("lacks shard {} of the {} of replica {}", shard, first.shard_count,
                           first.replica);
      }
    }
  }
  return std::nullopt;
}

std::optional<std::string> wrong_slots(const View& view) {
  const std::set<PeerId> once(view.slots.begin(), view.slots.end());
  if (once.size() < view.slots.size()) return "gives two slots to one peer";
  std::optional<uint32_t> last;
  for (const PeerInfo& member : view.members) {
    const bool its_own = member.slot < view.slots.size() && view.slots[member.slot] == member.id;
    if (!its_own || (last && member.slot <= *last)) {
      return fmt::format("does not have {} at its slot, which is {}", name_of_peer(member),
                         member.slot);
    }
    last = member.slot;
  }
  const bool begins = view.epoch == view.generation.first;
  if (begins && view.slots.size() != view.members.size()) {
    return fmt::format("begins a generation with {} slots for {} members", view.slots.size(),
                       view.members.size());
  }
  return std::nullopt;
}

}  // namespace

bool can_be_counted_on(const Incarnation& life) { return life.counter <= limits::kIncarnations; }

bool can_be_counted_on(const Epoch& epoch) {
  return can_be_counted_on(epoch.incarnation) && epoch.number <= limits::kCounts;
}

std::optional<std::string> problem_of(const View& view) {
  if (view.members.empty()) return "has no members";
  if (auto wrong = wrong_count(view.epoch, view.generation)) return wrong;
  if (auto twice = named_twice(view.members)) return twice;
  if (auto torn = torn_replica(view.members)) return torn;
  return wrong_slots(view);
}

std::optional<std::string> problem_of(const GenerationState& state) {
  if (auto wrong = wrong_count(state.attempt, state.generation)) return wrong;
  std::set<PeerId> ids;
  for (const Member& member : state.members) {
    if (!ids.insert(member.id).second) return fmt::format("names {} twice", to_string(member.id));
  }
  return std::nullopt;
}

std::optional<std::string> problem_of(const Rejoin& rejoin) {
  const Generation* before = nullptr;
  for (const GenerationState& state : rejoin.generations) {
    if (before != nullptr && !(*before < state.generation)) {
      return fmt::format("tells of generation {} after {}", to_string(state.generation),
                         to_string(*before));
    }
    before = &state.generation;
    const bool possible = !is_later(state.generation, rejoin.view.generation) &&
                          !is_later(state.attempt, rejoin.view.epoch);
    if (!possible) {
      return fmt::format("tells of generation {} in epoch {}, later than its view of epoch {}",
                         to_string(state.generation), to_string(state.attempt),
                         to_string(rejoin.view.epoch));
    }
  }
  const bool counted = can_be_counted_on(rejoin.incarnation) &&
                       (rejoin.updates <= limits::kCounts || broken(Canary::kAnyUpdateCount));
  if (counted) return std::nullopt;
  return fmt::format("tells of incarnation {} and {} updates", to_string(rejoin.incarnation),
                     rejoin.updates);
}

std::optional<std::string> problem_of(const Register& hello) {
  if (!can_be_counted_on(hello.memory.life)) {
    return fmt::format("remembers incarnation {}", to_string(hello.memory.life));
  }
  if (!hello.rejoin) return std::nullopt;
  const std::vector<PeerInfo>& members = hello.rejoin->view.members;
  const bool inside = std::any_of(members.begin(), members.end(), [&](const PeerInfo& member) {
    return member.session == hello.peer.session;
  });
  if (inside && hello.memory.instance == hello.rejoin->view.instance) return std::nullopt;
  return fmt::format("is of {}, which holds a view that it is not in", name_of_peer(hello.peer));
}

std::optional<std::string> problem_of(const ViewDelta& delta) {
  if (auto wrong = wrong_count(delta.epoch, delta.generation)) return wrong;
  if (auto twice = named_twice(delta.added)) return twice;
  const std::set<PeerId> once(delta.removed.begin(), delta.removed.end());
  if (once.size() < delta.removed.size()) return "removes a member twice";
  return std::nullopt;
}

std::optional<std::string> problem_of(const Roster& roster) {
  Names names;
  for (const Roster::Entry& entry : roster.peers) {
    if (!names.add(entry.peer)) {
      return fmt::format("names {} twice", name_of_peer(entry.peer));
    }
  }
  return std::nullopt;
}

}  // namespace atoll_core::wire
