// Who can reach whom: reports about links, pairs that have none, peers that have moved.
#include <algorithm>

#include "membership/common/sentence.h"
#include "membership/coordinator/parts.h"

namespace atoll_core::membership {
namespace {

// A pair of members that needs a link and has none for so many peer timeouts is parted.
constexpr int64_t kUnlinkedPatience = 3;
constexpr size_t kPairsTold = 4;

size_t missing_links(PeerId peer, const std::vector<Participant>& members,
                     const LinkMatrix& links) {
  return static_cast<size_t>(std::count_if(members.begin(), members.end(), [&](const auto& other) {
    return other.peer != peer && !links.linked(peer, other.peer);
  }));
}

// Whether it can be this link that peers have waited for to be let in. A first view of hundreds
// takes tens of thousands of links, and who may form it is not to be looked for after each.
bool may_let_in(const CoordinatorMachine::Parts& parts, PeerId one, PeerId other) {
  const LinkMatrix& links = parts.people.links;
  if (!links.linked(one, other)) return false;
  if (!parts.view.members.empty()) return true;
  const size_t needed = std::max<size_t>(parts.config.min_replicas, 1) - 1;
  return links.count(one) >= needed && links.count(other) >= needed;
}

}  // namespace

void CoordinatorMachine::Parts::handle(TimePoint now, PeerId from, wire::LinkReport message) {
  const PeerRecord* about = people.roster.find(message.peer);
  if (about == nullptr || message.peer == from) return;
  const bool were_linked = people.links.linked(from, message.peer);
  people.links.report(from, message.peer, message.state);
  people.failed_links.report(now, from, message);
  people.network.changed();
  if (message.state == wire::LinkState::kUp) {
    people.network.report_round_trip(from, message.peer, message.rtt_us);
    if (!were_linked && may_let_in(*this, from, message.peer)) changed.updates = true;
    return;
  }
  if (message.needed) {
    timers.arm_earlier(Timer::kLiveness, now + kUnlinkedPatience * config.peer_timeout);
  }
  const std::string reporter = who(from).name;
  const bool refused = message.state == wire::LinkState::kRefused;
  if (refused && about->standing == Standing::kSuspect && may_drop(message.peer).yes) {
    return drop_replica(message.peer,
                        fmt::format("control connection broken ({}), and {} was refused: {}",
                                    about->suspect_reason, reporter, message.reason), false);
  }
  out.event(fmt::format("{} finds {} {}: {}{}", reporter, display_name(about->info),
                        refused ? "refused" : "unreachable", message.reason,
                        message.needed ? "; a call waits for it" : ""));
}

void CoordinatorMachine::Parts::handle(TimePoint, PeerId from, wire::ProbeResult message) {
  const PeerRecord* about = people.roster.find(message.peer);
  const bool asked = about != nullptr && about->standing == Standing::kSuspect &&
                     about->info.session == message.session;
  if (!asked) return;
  const std::string prober = who(from).name;
  if (message.outcome == wire::ProbeOutcome::kDead && may_drop(message.peer).yes) {
    return drop_replica(message.peer,
                        fmt::format("control connection broken ({}), and {} found it dead: {}",
                                    about->suspect_reason, prober, message.reason), false);
  }
  const bool alive = message.outcome == wire::ProbeOutcome::kAlive;
  out.event(fmt::format("{} found {} {}: {}", prober, display_name(about->info),
                        alive ? "alive" : "silent", message.reason));
}

void CoordinatorMachine::Parts::drop_unreached(TimePoint now, PeerId peer,
                                               const std::string& reason) {
  people.readmissions.note_loss(now, people.roster.find(peer)->info.replica, config.peer_timeout);
  drop_replica(peer, reason, false);
}

// One end of each such pair goes: the one with most missing links, then the later in the view.
void CoordinatorMachine::Parts::drop_unlinked(TimePoint now) {
  const Duration patience = kUnlinkedPatience * config.peer_timeout;
  for (const FailedLinks::Pair& pair : people.failed_links.needed_since(now - patience)) {
    const std::vector<Participant> present = members();
    const auto place = [&](PeerId peer) {
      return std::find_if(present.begin(), present.end(),
                          [peer](const auto& member) { return member.peer == peer; });
    };
    const auto usable = [&](PeerId peer) {
      return place(peer) != present.end() && people.roster.find(peer)->connected();
    };
    if (!usable(pair.one) || !usable(pair.other)) continue;
    if (people.links.linked(pair.one, pair.other)) continue;
    const size_t of_one = missing_links(pair.one, present, people.links);
    const size_t of_other = missing_links(pair.other, present, people.links);
    const bool one_goes = of_one != of_other ? of_one > of_other
                                             : place(pair.one) > place(pair.other);
    const PeerId goes = one_goes ? pair.one : pair.other;
    if (!may_drop(goes).yes) continue;
    drop_unreached(now, goes,
                   fmt::format("a call has waited {} ms for a link: {}", to_ms(now - pair.since),
                               why_unlinked(pair.one, pair.other)));
  }
}

TimePoint CoordinatorMachine::Parts::next_unlinked(TimePoint now) const {
  const TimePoint since = people.failed_links.longest_needed();
  if (since == kNever) return kNever;
  // One that may not be dropped is looked at again.
  return std::max(since + kUnlinkedPatience * config.peer_timeout,
                  now + config.heartbeat_interval);
}

std::string CoordinatorMachine::Parts::why_unlinked(PeerId one, PeerId other) const {
  return membership::why_unlinked(one, other, people.roster, people.failed_links);
}

std::vector<std::string> CoordinatorMachine::Parts::unlinked_pairs(
    const std::vector<Candidate>& candidates) const {
  std::vector<PeerId> peers;
  for (const Candidate& candidate : candidates) {
    peers.insert(peers.end(), candidate.peers.begin(), candidate.peers.end());
  }
  std::vector<std::string> sentences;
  for (size_t one = 1; one < peers.size(); ++one) {
    for (size_t other = 0; other < one; ++other) {
      if (people.links.linked(peers[one], peers[other])) continue;
      sentences.push_back(why_unlinked(peers[one], peers[other]));
      if (sentences.size() == kPairsTold) return sentences;
    }
  }
  return sentences;
}

void CoordinatorMachine::Parts::hold_back(TimePoint now, Candidates& candidates) const {
  if (view.members.empty()) return;
  std::erase_if(candidates.ready, [&](const Candidate& candidate) {
    const TimePoint until = people.readmissions.not_before(candidate.replica);
    if (until <= now) return false;
    candidates.not_ready.push_back(
        fmt::format("{} waits {} ms more: the run has lost it {} times in a row",
                    candidate.replica, to_ms(until - now),
                    people.readmissions.losses(candidate.replica)));
    return true;
  });
}

void CoordinatorMachine::Parts::note_endpoints(PeerRecord& record,
                                               std::vector<Endpoint> endpoints) {
  if (endpoints.empty() || record.info.endpoints == endpoints) return;
  out.event(fmt::format("{} listens at {} now, no longer at {}", display_name(record.info),
                        to_string(endpoints.front()),
                        record.info.endpoints.empty()
                            ? "an address that is not known"
                            : to_string(record.info.endpoints.front())));
  record.info.endpoints = std::move(endpoints);
  changed.roster = true;
}

}  // namespace atoll_core::membership
