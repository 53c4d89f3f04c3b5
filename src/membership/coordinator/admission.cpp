#include "membership/coordinator/admission.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

namespace atoll_core::membership {
namespace {

// "a cannot reach b at 10.0.0.7:4711 (connection refused)"
std::string one_way(PeerId from, PeerId to, const Roster& roster, const FailedLinks& failed) {
  const wire::PeerInfo& there = roster.find(to)->info;
  const FailedLinks::Failure* failure = failed.find(from, to);
  const std::string at = there.endpoints.empty() ? "" : " at " + to_string(there.endpoints.front());
  if (failure == nullptr) {
    return fmt::format("{} has not reached {}{} yet", display_name(roster.find(from)->info),
                       display_name(there), at);
  }
  return fmt::format("{} cannot reach {}{} ({})", display_name(roster.find(from)->info),
                     display_name(there), at, failure->reason);
}

// Names the first pair that is not linked.
std::string unlinked(const std::vector<PeerId>& inside, const Candidate& candidate,
                     const Roster& roster, const LinkMatrix& links, const FailedLinks& failed) {
  std::vector<PeerId> others = inside;
  for (const PeerId peer : candidate.peers) {
    for (const PeerId other : others) {
      if (links.linked(peer, other)) continue;
      return fmt::format("{} is left out: {}", candidate.replica,
                         why_unlinked(peer, other, roster, failed));
    }
    others.push_back(peer);
  }
  return fmt::format("{} is left out", candidate.replica);
}

// Takes each candidate, in this order, that is linked with all who are inside by then.
Admission admit_in_order(std::vector<PeerId> inside, const std::vector<const Candidate*>& order,
                         const Roster& roster, const LinkMatrix& links,
                         const FailedLinks& failed) {
  LinkMatrix::Group group(links);
  for (const PeerId peer : inside) group.add(peer);
  Admission admission;
  for (const Candidate* candidate : order) {
    LinkMatrix::Group with = group;
    const bool linked = std::all_of(candidate->peers.begin(), candidate->peers.end(),
                                    [&with](PeerId peer) {
                                      const bool fits = with.all_linked_with(peer);
                                      with.add(peer);
                                      return fits;
                                    });
    if (!linked) {
      admission.left_out.push_back(unlinked(inside, *candidate, roster, links, failed));
      continue;
    }
    group = std::move(with);
    inside.insert(inside.end(), candidate->peers.begin(), candidate->peers.end());
    admission.admitted.push_back(*candidate);
  }
  return admission;
}

// Whether so few candidates have so many links that a run of `at_least` replicas cannot begin yet.
// Cheap, so that what follows is not tried after each of the many links that a first view needs.
bool surely_too_few(const std::vector<Candidate>& candidates, const LinkMatrix& links,
                    size_t at_least) {
  const auto enough_links = [&](const Candidate& candidate) {
    // With at least one peer of each other replica, and with all of its own.
    const size_t needed = at_least - 1 + candidate.peers.size() - 1;
    return std::all_of(candidate.peers.begin(), candidate.peers.end(),
                       [&](PeerId peer) { return links.count(peer) >= needed; });
  };
  const auto possible = std::count_if(candidates.begin(), candidates.end(), enough_links);
  return static_cast<size_t>(possible) < at_least;
}

// Groups the pending peers by replica; the key that orders them is the id of their first peer.
std::map<PeerId, std::vector<const PeerRecord*>> pending_replicas(const Roster& roster) {
  std::map<std::string, PeerId> first;
  std::map<PeerId, std::vector<const PeerRecord*>> replicas;
  for (const auto& [peer, record] : roster.records()) {
    if (record.in_view()) continue;
    const PeerId key = first.emplace(record.info.replica, peer).first->second;
    replicas[key].push_back(&record);
  }
  return replicas;
}

// Of the pending shards of one replica, in shard order.
std::optional<std::string> why_not(const std::vector<const PeerRecord*>& shards,
                                   bool has_member, const UpdateBarrier& updates,
                                   const PublishedStates& states) {
  const wire::PeerInfo& info = shards.front()->info;
  if (shards.size() < info.shard_count) {
    return fmt::format("{} has {} of {} shards", info.replica, shards.size(), info.shard_count);
  }
  if (has_member) {
    return fmt::format("{} waits for its former self to be dropped", info.replica);
  }
  for (const PeerRecord* record : shards) {
    if (updates.waits(record->info.id)) continue;
    return fmt::format("{} waits for {} to call atollUpdate", info.replica,
                       display_name(record->info));
  }
  for (const PeerRecord* record : shards) {
    const auto behind = states.waits_for(*record);
    if (!behind) continue;
    return fmt::format("{}: {} waits for {}", info.replica, display_name(record->info), *behind);
  }
  return std::nullopt;
}

void sort_by_shard(std::vector<const PeerRecord*>& shards) {
  std::sort(shards.begin(), shards.end(), [](const PeerRecord* a, const PeerRecord* b) {
    return a->info.shard < b->info.shard;
  });
}

}  // namespace

std::string why_unlinked(PeerId one, PeerId other, const Roster& roster,
                         const FailedLinks& failed) {
  const bool known = failed.find(one, other) != nullptr || failed.find(other, one) != nullptr;
  return fmt::format("{} and {} are not linked: {}; {}{}", display_name(roster.find(one)->info),
                     display_name(roster.find(other)->info),
                     one_way(one, other, roster, failed), one_way(other, one, roster, failed),
                     known ? ". One of the two must be reachable: open its port in its firewall, "
                             "forward one to it, or let it advertise an address that the other "
                             "can dial"
                           : "");
}

Candidates find_candidates(const Roster& roster, const UpdateBarrier& updates,
                           const PublishedStates& states) {
  Candidates result;
  std::set<std::string_view> in_view;
  for (const auto& [peer, record] : roster.records()) {
    if (record.in_view()) in_view.insert(record.info.replica);
  }
  for (auto& [key, records] : pending_replicas(roster)) {
    const std::string& replica = records.front()->info.replica;
    std::vector<const PeerRecord*> shards = records;
    sort_by_shard(shards);
    if (auto why = why_not(shards, in_view.count(replica) != 0, updates, states)) {
      result.not_ready.push_back(std::move(*why));
      continue;
    }
    Candidate candidate{replica, {}};
    for (const PeerRecord* record : shards) candidate.peers.push_back(record->info.id);
    result.ready.push_back(std::move(candidate));
  }
  return result;
}

std::optional<std::string> why_not_ready(const std::string& replica, const Roster& roster,
                                         const UpdateBarrier& updates,
                                         const PublishedStates& states) {
  std::vector<const PeerRecord*> shards;
  bool has_member = false;
  for (const auto& [peer, record] : roster.records()) {
    if (record.info.replica != replica) continue;
    if (record.in_view()) has_member = true;
    else shards.push_back(&record);
  }
  if (shards.empty()) return std::nullopt;
  sort_by_shard(shards);
  return why_not(shards, has_member, updates, states);
}

Admission choose_admitted(const std::vector<Participant>& members,
                          const std::vector<Candidate>& candidates, const Roster& roster,
                          const LinkMatrix& links, const FailedLinks& failed, size_t at_least) {
  std::vector<PeerId> inside;
  for (const Participant& member : members) inside.push_back(member.peer);
  std::vector<const Candidate*> order;
  for (const Candidate& candidate : candidates) order.push_back(&candidate);
  if (!members.empty()) return admit_in_order(inside, order, roster, links, failed);

  const size_t tries = surely_too_few(candidates, links, at_least) ? 0 : order.size();
  for (size_t first = 0; first < tries; ++first) {
    // This one, then the others in order of registration.
    std::rotate(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(first),
                order.begin() + static_cast<std::ptrdiff_t>(first) + 1);
    Admission admission = admit_in_order({}, order, roster, links, failed);
    if (admission.admitted.size() >= at_least) return admission;
    std::rotate(order.begin(), order.begin() + 1,
                order.begin() + static_cast<std::ptrdiff_t>(first) + 1);
  }
  Admission nobody;
  nobody.left_out.push_back(fmt::format(
      "a run starts with {} replicas that are linked with each other; {} are ready", at_least,
      candidates.size()));
  return nobody;
}

}  // namespace atoll_core::membership
