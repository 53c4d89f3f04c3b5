// A coordinator that knows nothing of a run that goes on: it was started again, or takes over. And
// one that has lost the majority of the run.
#include <algorithm>
#include <utility>

#include "membership/common/sentence.h"
#include "membership/coordinator/parts.h"

namespace atoll_core::membership {
namespace {

using Parts = CoordinatorMachine::Parts;

// The latest view, with what its members hold, becomes what this coordinator holds.
void adopt_run(Parts& parts) {
  const wire::Rejoin& latest = *parts.people.claims.latest().message.rejoin;
  parts.view = latest.view;
  for (const RejoinClaim& claim : parts.people.claims.claims()) {
    const wire::Rejoin& rejoin = *claim.message.rejoin;
    for (const auto& state : rejoin.generations) parts.ledgers.generations.merge(state);
    const bool tells_of_updates = rejoin.view.generation == latest.view.generation;
    if (!tells_of_updates) continue;
    std::optional<Error> error;
    if (rejoin.update_code != ErrorCode::kSuccess) {
      error = Error{rejoin.update_code, rejoin.update_reason};
    }
    parts.waits.updates.restore(rejoin.updates, std::move(error));
  }
  if (parts.ledgers.generations.find(latest.view.generation) == nullptr) {
    parts.ledgers.generations.open(latest.view);
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
  record.gap = claim->message.rejoin->gap;
  return record;
}

// Newcomers that registered while the run was not known have ids that may have been used in it.
std::set<SessionId> send_pending_back(Parts& parts) {
  std::set<SessionId> sessions;
  std::vector<PeerId> peers;
  for (const auto& [peer, record] : parts.people.roster.records()) peers.push_back(peer);
  for (const PeerId peer : peers) {
    const PeerRecord& record = *parts.people.roster.find(peer);
    sessions.insert(record.info.session);
    const std::string why = "the coordinator has found the run that goes on: register again";
    parts.out.send(record, wire::Refused{ErrorCode::kCoordinatorUnreachable, why});
    parts.out.close(record.connection, why);
    parts.drop_pending(peer, why);
  }
  return sessions;
}

void answer_claims(Parts& parts) {
  for (const RejoinClaim& claim : parts.people.claims.claims()) {
    const PeerRecord* record = parts.people.roster.find(claim.message.peer.session);
    if (record == nullptr) {
      const std::string why = fmt::format(
          "{} holds epoch {}, but the run goes on from epoch {} without it",
          display_name(claim.message.peer), to_string(claim.message.rejoin->view.epoch),
          to_string(parts.view.epoch));
      parts.out.event("refuse " + why);
      parts.out.send(claim.connection, wire::Refused{ErrorCode::kEvicted, bounded(why)});
      parts.out.close(claim.connection, why);
      continue;
    }
    parts.out.send(*record, parts.registered(record->info.id, true));
  }
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

void CoordinatorMachine::Parts::claim(TimePoint now, ConnectionId connection,
                                      wire::Register message) {
  const auto visitor = people.visitors.find(connection);
  out.event(fmt::format("{} from {} holds epoch {} of a run that is not known here",
                        display_name(message.peer), visitor->second.remote,
                        to_string(message.rejoin->view.epoch)));
  const auto replaced = people.claims.add(
      {connection, visitor->second.remote, std::move(message)}, now + config.rejoin_window);
  people.visitors.erase(visitor);
  if (replaced) out.close(*replaced, "replaced by a new connection");
  timers.arm_earlier(Timer::kRejoin, people.claims.deadline());
  timers.arm_earlier(Timer::kHeartbeat, now);  // says that it is heard
}

void CoordinatorMachine::Parts::evaluate_claims(TimePoint now) {
  RejoinClaims& claims = people.claims;
  if (claims.empty()) return;
  const wire::View& latest = claims.latest().message.rejoin->view;
  std::set<PeerId> there;
  std::vector<std::string> missing;
  for (const wire::PeerInfo& member : latest.members) {
    const bool here = claims.find(member.session) != nullptr ||
                      people.roster.find(member.session) != nullptr;
    if (here) there.insert(member.id);
    else missing.push_back(display_name(member));
  }
  if (!missing.empty() && now < claims.deadline()) return;
  const DrivingRights::Answer goes_on =
      rights.may_go_on(quorum(latest, there), claims.several_coordinators());
  if (goes_on.yes) return rejoin(now, missing);
  out.event(goes_on.why);
  for (const RejoinClaim& claim : claims.claims()) {
    out.send(claim.connection, wire::Refused{ErrorCode::kCoordinatorUnreachable, goes_on.why});
    out.close(claim.connection, goes_on.why);
  }
  claims.clear();
}

void CoordinatorMachine::Parts::rejoin(TimePoint now, const std::vector<std::string>& missing) {
  rights.has_run(people.claims.several_coordinators());
  incarnation.counter = std::max(incarnation.counter, people.claims.highest_incarnation() + 1);
  people.last_number = 0;
  const std::set<SessionId> expected = send_pending_back(*this);
  adopt_run(*this);
  ledgers.states.forget();
  const std::string cause = fmt::format(
      "the coordinator, now incarnation {}, goes on from epoch {}", to_string(incarnation),
      to_string(view.epoch));
  out.event(missing.empty() ? cause : cause + " without " + join(missing));
  std::vector<PeerId> lost;
  for (const wire::PeerInfo& member : view.members) {
    const RejoinClaim* claim = people.claims.find(member.session);
    people.roster.add(record_of(member, claim, now));
    if (claim != nullptr) continue;
    people.roster.mark_suspect(member.id, now, "the coordinator was started again");
    if (expected.count(member.session) == 0) lost.push_back(member.id);
  }
  answer_claims(*this);
  people.claims.clear();
  changed.roster = true;
  changed.updates = true;
  need_round(cause);
  for (const PeerId peer : lost) {
    if (people.roster.find(peer) == nullptr) continue;  // went with its replica
    drop_replica(peer, fmt::format("it has not come back within {} ms of the first",
                                   to_ms(config.rejoin_window)), false);
  }
  timers.arm_earlier(Timer::kLiveness, now + config.peer_timeout);
  timers.arm_earlier(Timer::kHeartbeat, now + config.heartbeat_interval);
}

bool CoordinatorMachine::Parts::may_drop(PeerId peer) const {
  if (!rights.needs_majority()) return true;
  const std::string& replica = people.roster.find(peer)->info.replica;
  std::set<PeerId> there;
  for (const auto& [id, record] : people.roster.records()) {
    const bool stays = record.standing == Standing::kMember && record.info.replica != replica;
    if (stays) there.insert(id);
  }
  return rights.may_drop(quorum(view, there));
}

void CoordinatorMachine::Parts::step_down(const std::string& reason) {
  out.event("steps down: " + reason);
  for (const auto& [peer, record] : people.roster.records()) {
    if (!record.connected()) continue;
    out.send(record, wire::Refused{ErrorCode::kCoordinatorUnreachable, bounded(reason)});
    out.close(record.connection, reason);
  }
  people.roster = {};
  people.links = {};
  people.network = {};
  people.departures = {};
  ledgers = {};
  waits = {};
  pending = {};
  changed = {};
  // Views that this incarnation has issued live on among peers: their numbers are never used again.
  const uint64_t issued = view.epoch.incarnation == incarnation ? view.epoch.number : 0;
  view = {};
  view.epoch = {incarnation, issued};
  rights.lost_run();
  blocked_since.reset();
}

}  // namespace atoll_core::membership
