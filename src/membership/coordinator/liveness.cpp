#include <algorithm>

#include "membership/common/sentence.h"
#include "membership/coordinator/parts.h"

namespace atoll_core::membership {
namespace {

constexpr size_t kProbers = 2;

// The nearest members before and after the suspect that are connected; without any, pending peers:
// they hold links with all members too.
std::vector<PeerRecord*> choose_probers(PeerId suspect, const std::vector<Participant>& members,
                                        Roster& roster) {
  std::vector<PeerRecord*> probers;
  const auto add = [&](PeerId peer) {
    PeerRecord* record = roster.find(peer);
    const bool usable = record != nullptr && record->connected() && probers.size() < kProbers &&
                        std::find(probers.begin(), probers.end(), record) == probers.end();
    if (usable) probers.push_back(record);
    return usable;
  };
  const auto place = std::find_if(members.begin(), members.end(), [suspect](const auto& member) {
    return member.peer == suspect;
  });
  const auto start = static_cast<size_t>(place - members.begin());
  const size_t count = members.size();
  for (size_t step = 1; step < count && !add(members[(start + step) % count].peer); ++step) {
  }
  for (size_t step = 1; step < count && !add(members[(start + count - step) % count].peer);
       ++step) {
  }
  if (!probers.empty()) return probers;
  for (const auto& [peer, record] : roster.records()) {
    if (!record.in_view()) add(peer);
  }
  return probers;
}

}  // namespace

void CoordinatorMachine::Parts::lose_connection(TimePoint now, PeerId peer,
                                                const std::string& reason) {
  const PeerRecord& record = *people.roster.find(peer);
  if (record.standing == Standing::kPending) return drop_pending(peer, reason);
  people.roster.mark_suspect(peer, now, reason);
  timers.arm_earlier(Timer::kLiveness, now + config.peer_timeout);
  const std::vector<std::string> names = probe(peer);
  const std::string probing = names.empty() ? "nobody can probe it" : "probed by " + join(names);
  out.event(fmt::format("suspect {}: control connection broken ({}); {}",
                        display_name(record.info), reason, probing));
}

std::vector<std::string> CoordinatorMachine::Parts::probe(PeerId suspect) {
  std::vector<std::string> names;
  for (PeerRecord* prober : choose_probers(suspect, members(), people.roster)) {
    out.send(*prober, wire::Probe{people.roster.find(suspect)->info});
    names.push_back(display_name(prober->info));
  }
  return names;
}

void CoordinatorMachine::Parts::reject(TimePoint now, PeerId peer, Error error) {
  const PeerRecord& record = *people.roster.find(peer);
  const ConnectionId connection = record.connection;
  out.event(fmt::format("reject {}: {}", display_name(record.info), error.message));
  out.send(connection, wire::Refused{error.code, bounded(error.message)});
  out.close(connection, error.message);
  lose_connection(now, peer, error.message);
}

void CoordinatorMachine::Parts::drop_pending(PeerId peer, const std::string& reason) {
  out.event(fmt::format("drop pending {}: {}", display_name(people.roster.find(peer)->info),
                        reason));
  forget_peer(peer);
  changed.updates = true;
}

void CoordinatorMachine::Parts::drop_replica(PeerId peer, const std::string& reason, bool leaves) {
  const wire::PeerInfo cause = people.roster.find(peer)->info;
  const std::string name = display_name(cause);
  const std::string sentence =
      fmt::format("{} {}: {}", name, leaves ? "left" : "is lost", reason);
  out.event(leaves ? fmt::format("replica {} is gone: {}", cause.replica, sentence)
                   : fmt::format("evict replica {}: {}", cause.replica, sentence));
  ++(leaves ? counters.left : counters.evictions);
  std::vector<PeerId> shards;
  for (const auto& [id, record] : people.roster.records()) {
    if (record.in_view() && record.info.replica == cause.replica) shards.push_back(id);
  }
  for (const PeerId shard : shards) {
    PeerRecord& record = *people.roster.find(shard);
    const std::string told = bounded(
        shard == peer ? sentence : fmt::format("replica {}: {}", cause.replica, sentence));
    if (record.connected()) {
      if (!leaves || shard != peer) out.send(record, wire::Evicted{ErrorCode::kEvicted, told});
      out.close(record.connection, told);
    }
    people.departures.add(record.info.session, told);
    forget_peer(shard);
    agenda.gone.insert(shard);
  }
  agenda.somebody_lost = true;
  // Its siblings lose their membership with it, and may come back.
  agenda.all_left = agenda.all_left && leaves && shards.size() == 1;
  need_round(sentence);
}

void CoordinatorMachine::Parts::send_heartbeats(TimePoint now) {
  if (people.roster.size() == 0 && people.claims.empty()) return;
  // During a round nothing is forgotten: its end may have to tell of it.
  if (!waits.rounds.about_all_open()) {
    uint64_t heard = counters.heartbeats;
    for (const Participant& member : members()) {
      heard = std::min(heard, people.roster.find(member.peer)->heartbeat_heard);
    }
    ledgers.history.prune(heard);
  }
  ++counters.heartbeats;
  for (auto& [peer, record] : people.roster.records()) {
    out.send(record, wire::CoordinatorHeartbeat{counters.heartbeats, record.session.received()});
  }
  for (const RejoinClaim& claim : people.claims.claims()) {
    out.send(claim.connection, wire::CoordinatorHeartbeat{counters.heartbeats});
  }
  timers.arm(Timer::kHeartbeat, now + config.heartbeat_interval);
}

void CoordinatorMachine::Parts::check_liveness(TimePoint now) {
  std::vector<ConnectionId> mute;
  for (const auto& [connection, visitor] : people.visitors) {
    if (visitor.since + config.register_timeout <= now) mute.push_back(connection);
  }
  for (const ConnectionId connection : mute) {
    refuse(connection,
           {ErrorCode::kTimeout,
            fmt::format("no register within {} ms", to_ms(config.register_timeout))});
  }
  const bool blocked = !drop_silent(now);
  drop_unlinked(now);
  changed.updates = true;  // somebody's wait before a readmission may be over
  while (const auto overdue = waits.rounds.overdue(now)) {
    // Its record may have gone above: the round that restarts without it has not begun yet.
    if (people.roster.find(*overdue) != nullptr && may_drop(*overdue).yes) {
      drop_replica(*overdue, fmt::format("no settle report within {} ms",
                                         to_ms(2 * config.peer_timeout)), false);
    }
    waits.rounds.excuse(*overdue);
  }
  if (!blocked) blocked_since.reset();
  else if (!blocked_since) blocked_since = now;
  if (blocked && now - *blocked_since > 2 * config.peer_timeout) {
    step_down(now, "it has lost the majority of the run");
  }
  arm_liveness(now);
}

bool CoordinatorMachine::Parts::drop_silent(TimePoint now) {
  bool all = true;
  std::vector<PeerId> peers;
  for (const auto& [peer, record] : people.roster.records()) peers.push_back(peer);
  for (const PeerId peer : peers) {
    PeerRecord* record = people.roster.find(peer);
    if (record == nullptr) continue;  // went with its replica
    const TimePoint since = record->silent_since(config.peer_timeout);
    if (since + config.peer_timeout > now) continue;
    const int64_t late = to_ms(now - since);
    std::string reason = fmt::format("silent for {} ms", late);
    if (record->standing == Standing::kPending) {
      out.send(*record, wire::Evicted{ErrorCode::kEvicted, reason});
      out.close(record->connection, reason);
      drop_pending(peer, reason);
    } else if (!may_drop(peer).yes) {
      all = false;
    } else {
      if (record->standing == Standing::kSuspect) {
        reason = fmt::format("control connection broken ({}) and not back after {} ms",
                             record->suspect_reason, late);
      }
      drop_unreached(now, peer, reason);
    }
  }
  return all;
}

void CoordinatorMachine::Parts::arm_liveness(TimePoint now) {
  TimePoint next = std::min({waits.rounds.next_deadline(), next_unlinked(now),
                             people.readmissions.next(now)});
  for (const auto& [connection, visitor] : people.visitors) {
    next = std::min(next, visitor.since + config.register_timeout);
  }
  for (const auto& [peer, record] : people.roster.records()) {
    next = std::min(next, record.silent_since(config.peer_timeout) + config.peer_timeout);
  }
  // Who may not be dropped is looked at again.
  if (blocked_since) next = std::max(next, now + config.heartbeat_interval);
  timers.arm(Timer::kLiveness, next);
}

void CoordinatorMachine::Parts::handle(TimePoint, PeerId from, wire::PeerHeartbeat message) {
  PeerRecord& record = *people.roster.find(from);
  record.session.acknowledge(message.received);
  const bool never_sent = message.number > counters.heartbeats;
  if (never_sent || record.view_unknown || message.number <= record.echo_floor) return;
  record.heartbeat_heard = std::max(record.heartbeat_heard, message.number);
}

void CoordinatorMachine::Parts::handle(TimePoint, PeerId from, wire::Leave message) {
  const PeerRecord& record = *people.roster.find(from);
  if (record.in_view()) return drop_replica(from, message.reason, !message.lost);
  out.close(record.connection, "left: " + message.reason);
  drop_pending(from, "left: " + message.reason);
}

}  // namespace atoll_core::membership
