// A coordinator that knows nothing of a run that goes on: it was started again, or takes over. And
// one that has lost the run.
#include <algorithm>
#include <iterator>
#include <utility>

#include "base/limits.h"
#include "membership/common/reconnect_times.h"
#include "membership/common/sentence.h"
#include "membership/coordinator/parts.h"
#include "membership/coordinator/rejoin_windows.h"

namespace atoll_core::membership {
namespace {

using Parts = CoordinatorMachine::Parts;

// What one member holds of the run becomes part of what this coordinator holds.
void merge(Parts& parts, const wire::Register& hello) {
  const wire::Rejoin& rejoin = *hello.rejoin;
  parts.run.history = std::max(parts.run.history, hello.memory.history);
  parts.last_sync = std::max(parts.last_sync, parts.run.history.syncs);
  for (const auto& state : rejoin.generations) parts.merge_generation(state);
  const bool tells_of_updates = rejoin.view.generation == parts.view.generation;
  if (!tells_of_updates) return;
  std::optional<Error> error;
  if (rejoin.update_code != ErrorCode::kSuccess) {
    error = Error{rejoin.update_code, rejoin.update_reason};
  }
  parts.waits.updates.restore(rejoin.updates, std::move(error));
}

// The view of the group, with what its members hold, becomes what this coordinator holds.
void adopt_run(Parts& parts, const ClaimGroup& group) {
  if (group.instance != parts.run.instance) parts.committed = {};
  parts.run = {group.instance, false, {}};
  parts.last_instance = group.instance;
  parts.last_sync = 0;
  parts.view = *group.view;
  for (const auto& [session, claim] : group.claims) merge(parts, claim->message);
  if (parts.ledgers.generations.find(parts.view.generation) == nullptr) {
    parts.note_generation(parts.view);
  }
}

PeerRecord record_of(const wire::PeerInfo& member, const RejoinClaim* claim, TimePoint now) {
  PeerRecord record;
  record.info = member;
  record.standing = Standing::kMember;
  record.last_heard = now;
  record.view_unknown = true;
  record.remote = "?";
  if (claim == nullptr) return record;
  record.info.endpoints = claim->message.peer.endpoints;
  record.connection = claim->connection;
  record.remote = claim->remote;
  record.gap = claim->rejoin().gap;
  record.memory = claim->message.memory;
  return record;
}

// Newcomers that registered while the run was not known have ids that may have been used in it.
void send_pending_back(Parts& parts) {
  std::vector<PeerId> peers;
  for (const auto& [peer, record] : parts.people.roster.records()) {
    if (!record.in_view()) peers.push_back(peer);
  }
  for (const PeerId peer : peers) {
    PeerRecord& record = *parts.people.roster.find(peer);
    const std::string why = "the coordinator has found the run that goes on: register again";
    parts.out.send(record, wire::Refused{ErrorCode::kCoordinatorUnreachable, why});
    parts.out.close(record.connection, why);
    parts.drop_pending(peer, why);
  }
}

void turn_away(Parts& parts, const RejoinClaim& claim, ErrorCode code, const std::string& why) {
  parts.out.event(fmt::format("refuse {}: {}", claim.remote, why));
  parts.out.send(claim.connection, wire::Refused{code, bounded(why)});
  parts.out.close(claim.connection, why);
}

// All who have claimed a run, now that `group` goes on.
void answer_claims(Parts& parts, const ClaimGroup& group) {
  for (const RejoinClaim& claim : parts.people.claims.claims()) {
    const std::string name = display_name(claim.message.peer);
    PeerRecord* record = parts.people.roster.find(claim.message.peer.session);
    if (claim.instance() != group.instance) {
      turn_away(parts, claim, ErrorCode::kOtherInstance,
                parts.rights.why_other(parts.run, name, claim.message.memory));
    } else if (record == nullptr || record->connection != claim.connection) {
      turn_away(parts, claim, ErrorCode::kEvicted,
                fmt::format("{} holds epoch {} of incarnation {}, but the run goes on from epoch "
                            "{} of incarnation {} without it",
                            name, to_string(claim.rejoin().view.epoch),
                            to_string(claim.rejoin().view.epoch.incarnation),
                            to_string(parts.view.epoch),
                            to_string(parts.view.epoch.incarnation)));
    } else {
      parts.out.send(*record, parts.registered(record->info.id, true));
    }
  }
}

// Each member of the view that is known here has the same id and session there.
bool names_alike(const wire::View& view, const Roster& roster) {
  return std::all_of(view.members.begin(), view.members.end(), [&](const auto& member) {
    const PeerRecord* by_id = roster.find(member.id);
    const PeerRecord* by_session = roster.find(member.session);
    const bool pending = by_session != nullptr && !by_session->in_view();  // is sent back
    return pending ? by_id == nullptr || !by_id->in_view() : by_id == by_session;
  });
}

// Who of the group's view has come.
struct Presence {
  std::set<PeerId> there;
  std::vector<std::string> missing;
};

Presence presence_of(const Parts& parts, const ClaimGroup& group) {
  const Roster& roster = parts.people.roster;
  Presence presence;
  for (const wire::PeerInfo& member : group.view->members) {
    const bool here = group.find(member.session) != nullptr ||
                      roster.find(member.session) != nullptr;
    if (here) presence.there.insert(member.id);
    else presence.missing.push_back(display_name(member));
  }
  return presence;
}

}  // namespace

wire::Registered CoordinatorMachine::Parts::registered(PeerId peer, bool member) const {
  return {peer,
          incarnation,
          config.run,
          wire::kProtocolVersion,
          static_cast<uint64_t>(to_ms(config.heartbeat_interval)),
          static_cast<uint64_t>(to_ms(config.peer_timeout)),
          member};
}

// Who has lost its membership remembers the life in which it had one. Would this one count alike or
// less, ids were given twice in one instance, and a member that comes late from that life were
// superior to a run that has gone on since.
void CoordinatorMachine::Parts::outlive(const wire::RunMemory& memory) {
  if (!memory.instance || memory.life == incarnation) return;
  if (is_later(incarnation, memory.life)) return;
  incarnation.counter = memory.life.counter + 1;
  out.event(fmt::format("is now incarnation {}: a former member of instance {} has come",
                        to_string(incarnation), to_string(memory.instance)));
  send_pending_back(*this);  // they were told another one
}

void CoordinatorMachine::Parts::claim(TimePoint now, ConnectionId connection,
                                      wire::Register message) {
  const auto visitor = people.visitors.find(connection);
  out.event(fmt::format("{} from {} holds epoch {} of instance {}, which is not known here",
                        display_name(message.peer), visitor->second.remote,
                        to_string(message.rejoin->view.epoch),
                        to_string(message.rejoin->view.instance)));
  const auto lot = static_cast<uint64_t>(now.time_since_epoch().count()) ^ incarnation.nonce;
  const int64_t windows = rejoin_windows(message.address, message.coordinators, lot);
  const TimePoint deadline = now + config.rejoin_window * windows;
  const auto replaced = people.claims.add(
      {connection, visitor->second.remote, std::move(message)}, deadline);
  people.visitors.erase(visitor);
  if (replaced) out.close(*replaced, "replaced by a new connection");
  changed.claims = true;
  timers.arm_earlier(Timer::kHeartbeat, now);  // says that it is heard
}

void CoordinatorMachine::Parts::evaluate_claims(TimePoint now) {
  if (people.claims.empty()) return;
  const std::vector<ClaimGroup> groups = people.claims.groups();
  const ClaimGroup* best = nullptr;
  Presence present;
  DrivingRights::ClaimFacts best_facts;
  for (const ClaimGroup& group : groups) {
    Presence presence = presence_of(*this, group);
    const DrivingRights::ClaimFacts facts{group.instance, quorum(*group.view, presence.there),
                                          group.history, group.several_coordinators,
                                          group.deadline};
    if (best != nullptr && !rights.prefers(facts, best_facts)) continue;
    best = &group;
    best_facts = facts;
    present = std::move(presence);
  }
  const TimePoint due = rights.may_be_adopted_at(best_facts, now);
  if (now < due) return timers.arm_earlier(Timer::kRejoin, due);
  const DrivingRights::Answer goes_on =
      rights.may_go_on(best_facts.present, best->several_coordinators);
  if (goes_on.yes) return rejoin(now, *best, present.missing);
  out.event(goes_on.why);
  const std::vector<RejoinClaim> claims = people.claims.claims();
  for (const RejoinClaim& claim : claims) {
    out.send(claim.connection, wire::Refused{ErrorCode::kCoordinatorUnreachable, goes_on.why});
    out.close(claim.connection, goes_on.why);
  }
  people.claims.clear();
}

void CoordinatorMachine::Parts::rejoin(TimePoint now, const ClaimGroup& group,
                                       const std::vector<std::string>& missing) {
  ++counters.rejoins;
  rights.goes_on(group.instance, group.several_coordinators);
  stepped_down.clear();
  out.drives();
  // Views that this life has issued itself, before it stepped down, are not issued again.
  const uint32_t unused = incarnation.counter + (view.epoch.number > 0 ? 1 : 0);
  incarnation.counter = std::max(unused, group.highest_incarnation + 1);
  people.last_number = 0;
  send_pending_back(*this);
  adopt_run(*this, group);
  ledgers.states.forget();
  const std::string cause = fmt::format(
      "the coordinator, now incarnation {}, goes on from epoch {}", to_string(incarnation),
      to_string(view.epoch));
  out.event(fmt::format("{} of instance {}{}", cause, to_string(run.instance),
                        missing.empty() ? "" : "; not yet there: " + join(missing)));
  for (const wire::PeerInfo& member : view.members) {
    const RejoinClaim* claim = group.find(member.session);
    if (claim != nullptr) people.roster.add(record_of(member, claim, now));
  }
  answer_claims(*this, group);
  await_absent(now);
  need_round(cause);
  for (const RejoinClaim* stray : group.strays) {
    const PeerRecord* record = people.roster.find(stray->message.peer.session);
    if (record != nullptr) drop_replica(record->info.id, "it went on in another life", false);
  }
  people.claims.clear();
  timers.arm_earlier(Timer::kHeartbeat, now + config.heartbeat_interval);
}

// Members that have not come may be on their way: a dial that fails is tried again only after
// seconds. Until they are back, or found dead, the settle round is open.
void CoordinatorMachine::Parts::await_absent(TimePoint now) {
  const Roster& roster = people.roster;
  std::vector<PeerId> absent;
  for (const wire::PeerInfo& member : view.members) {
    if (roster.find(member.id) != nullptr || agenda.gone.count(member.id) != 0) continue;
    people.roster.add(record_of(member, nullptr, now));
    // However short the peer timeout is: so long a member may need to be heard of.
    const Duration longer = std::max(Duration{0}, kFormerMembersMayCome - config.peer_timeout);
    people.roster.mark_suspect(member.id, now + longer, "the coordinator was started again");
    absent.push_back(member.id);
  }
  for (const PeerId peer : absent) probe(peer);
  changed.roster = true;
  changed.updates = true;
  timers.arm_earlier(Timer::kLiveness, now + config.peer_timeout);
}

void CoordinatorMachine::Parts::hear_late_member(TimePoint now, const wire::Register& hello) {
  const bool settled = view.members.empty() || view.epoch.incarnation == incarnation;
  if (settled || hello.memory.instance != run.instance) return;
  const wire::View& theirs = hello.rejoin->view;
  // What was told in a later life, or in one that has counted like the one that goes on, is no part
  // of what goes on.
  const Incarnation& life = theirs.epoch.incarnation;
  const bool of_this_run = life == view.epoch.incarnation || is_later(view.epoch.incarnation, life);
  if (!of_this_run || is_later(hello.rejoin->incarnation, incarnation)) return;
  const bool later = theirs.epoch.incarnation == view.epoch.incarnation &&
                     is_later(theirs.epoch, view.epoch);
  if (later && names_alike(theirs, people.roster)) {
    adopt_later_view(now, theirs, display_name(hello.peer));
  }
  PeerRecord* record = people.roster.find(hello.peer.session);
  if (record == nullptr || !record->in_view()) return;
  record->gap = hello.rejoin->gap;
  record->memory = hello.memory;
  merge(*this, hello);
}

// Some member had heard of a later view than those who came first.
void CoordinatorMachine::Parts::adopt_later_view(TimePoint now, const wire::View& later,
                                                 const std::string& teller) {
  const std::string why = fmt::format("{} has heard of epoch {}", teller, to_string(later.epoch));
  out.event(why);
  send_pending_back(*this);
  if (later.generation != view.generation) {
    waits.updates.clear();
    note_generation(later);
  }
  std::set<PeerId> stay;
  for (const wire::PeerInfo& member : later.members) stay.insert(member.id);
  std::vector<PeerId> dropped;
  for (const auto& [peer, record] : people.roster.records()) {
    if (stay.count(peer) == 0) dropped.push_back(peer);
  }
  view = later;
  for (const PeerId peer : dropped) {
    // Its replica is no longer part of the run.
    if (people.roster.find(peer) != nullptr) drop_replica(peer, why, false);
  }
  await_absent(now);
  need_round(why);
}

DrivingRights::Answer CoordinatorMachine::Parts::may_drop(PeerId peer) const {
  if (!rights.needs_majority()) return {};
  const std::string& replica = people.roster.find(peer)->info.replica;
  std::set<PeerId> there;
  for (const auto& [id, record] : people.roster.records()) {
    const bool stays = record.standing == Standing::kMember && record.info.replica != replica;
    if (stays) there.insert(id);
  }
  return rights.may_drop(quorum(view, there));
}

void CoordinatorMachine::Parts::step_down(TimePoint now, const std::string& reason) {
  out.event("steps down: " + reason);
  out.drives(reason);
  for (auto& [peer, record] : people.roster.records()) {
    if (!record.connected()) continue;
    out.send(record, wire::Refused{ErrorCode::kCoordinatorUnreachable, bounded(reason)});
    out.close(record.connection, reason);
  }
  forget_run();
  // Views that this incarnation has issued live on among peers: their numbers are never used again.
  const uint64_t issued = view.epoch.incarnation == incarnation ? view.epoch.number : 0;
  view = {};
  view.epoch = {incarnation, issued};
  run = {};
  stepped_down = reason;
  ++counters.steps_down;
  rights.lost_run(now);
  timers.arm_earlier(Timer::kRejoin, rights.first_view_after());
  blocked_since.reset();
}

}  // namespace atoll_core::membership
