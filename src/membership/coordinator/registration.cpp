#include <algorithm>

#include "base/canary.h"
#include "base/limits.h"
#include "membership/common/sentence.h"
#include "membership/coordinator/parts.h"
#include "wire/view_check.h"

namespace atoll_core::membership {
namespace {

Result<void> check_bounds(const wire::PeerInfo& peer) {
  if (peer.session == SessionId{}) {
    return fail(ErrorCode::kInvalidArgument, "the session of {} is zero", display_name(peer));
  }
  if (peer.replica.empty()) {
    return fail(ErrorCode::kInvalidArgument, "{} names no replica", display_name(peer));
  }
  if (peer.name.size() > limits::kNameBytes || peer.replica.size() > limits::kNameBytes) {
    return fail(ErrorCode::kInvalidArgument, "names have at most {} bytes", limits::kNameBytes);
  }
  if (peer.shard_count == 0 || peer.shard_count > limits::kShardsPerReplica ||
      peer.shard >= peer.shard_count) {
    return fail(ErrorCode::kInvalidArgument, "{} cannot be shard {} of {} (at most {})",
                display_name(peer), peer.shard, peer.shard_count, limits::kShardsPerReplica);
  }
  if (peer.endpoints.size() > limits::kEndpointsPerPeer) {
    return fail(ErrorCode::kInvalidArgument, "{} has {} endpoints, at most {} are allowed",
                display_name(peer), peer.endpoints.size(), limits::kEndpointsPerPeer);
  }
  return {};
}

Result<void> check_version(const wire::Register& message) {
  if (message.version_min <= wire::kProtocolVersion &&
      wire::kProtocolVersion <= message.version_max) {
    return {};
  }
  return fail(ErrorCode::kVersionMismatch,
              "{} speaks protocol versions {} to {}, this coordinator version {}",
              display_name(message.peer), message.version_min, message.version_max,
              wire::kProtocolVersion);
}

// On the wire, in a roster and in a view.
size_t described_bytes(const wire::PeerInfo& peer) {
  size_t bytes = 128 + peer.name.size() + peer.replica.size();
  for (const Endpoint& endpoint : peer.endpoints) bytes += 16 + endpoint.host.size();
  return bytes;
}

// What a member says when it comes back has the view and some generations, too.
constexpr size_t kDescriptionsMax = limits::kControlMessageBytes / 2;

// Compares with the siblings; a suspect may be the former life of the same replica.
Result<void> check_place(const wire::PeerInfo& peer, const Roster& roster) {
  size_t described = described_bytes(peer);
  for (const auto& [id, record] : roster.records()) {
    described += described_bytes(record.info);
    const bool differs = record.connected() && record.info.replica == peer.replica &&
                         record.info.shard_count != peer.shard_count;
    if (!differs) continue;
    return fail(ErrorCode::kMismatch, "replica {} has {} shards by {} and {} by {}", peer.replica,
                peer.shard_count, display_name(peer), record.info.shard_count,
                display_name(record.info));
  }
  if (roster.size() >= limits::kPeers) {
    return fail(ErrorCode::kOutOfMemory, "the run is full: it has {} peers", roster.size());
  }
  if (described > kDescriptionsMax) {
    return fail(ErrorCode::kOutOfMemory,
                "the run is full: the names and addresses of its {} peers and {} take {} bytes, at "
                "most {} are allowed",
                roster.size(), display_name(peer), described, kDescriptionsMax);
  }
  return {};
}

// A coordinator that takes up a run counts on from what is told. So what is told must leave room
// for counting, or the next thing that the coordinator says is one that no peer takes.
Result<void> check_counts(const wire::Register& message, const Incarnation& here) {
  uint32_t told = message.memory.life.counter;
  if (message.rejoin) {
    told = std::max({told, message.rejoin->incarnation.counter,
                     message.rejoin->view.epoch.incarnation.counter});
  }
  if (told >= limits::kIncarnations || told > here.counter + limits::kIncarnationsAhead) {
    return fail(ErrorCode::kInvalidArgument,
                "{} tells of life {} of a coordinator; this is life {}, and none is so far ahead",
                display_name(message.peer), told, here.counter);
  }
  uint64_t count = std::max(message.memory.history.syncs, message.memory.history.updates);
  if (message.rejoin) {
    count = std::max({count, message.rejoin->updates, message.rejoin->view.epoch.number});
  }
  if (count <= limits::kCounts / 2 || broken(Canary::kAnyUpdateCount)) return {};
  return fail(ErrorCode::kInvalidArgument, "{} tells of {} views, updates or syncs, and no run has "
              "so many", display_name(message.peer), count);
}

Result<void> check(const wire::Register& message, const CoordinatorConfig& config,
                   const People& people, const Incarnation& here) {
  if (auto version = check_version(message); !version) return version;
  if (!message.run.empty() && message.run != config.run) {
    return fail(ErrorCode::kMismatch, "{} wants run '{}', this coordinator has '{}'",
                display_name(message.peer), message.run, config.run);
  }
  if (auto bounds = check_bounds(message.peer); !bounds) return bounds;
  if (auto counts = check_counts(message, here); !counts) return counts;
  if (const std::string* reason = people.departures.find(message.peer.session)) {
    return fail(ErrorCode::kEvicted, "{}", *reason);
  }
  return {};
}

}  // namespace

void CoordinatorMachine::Parts::refuse(ConnectionId connection, Error error) {
  const auto visitor = people.visitors.find(connection);
  out.event(fmt::format("refuse {}: {}", visitor->second.remote, error.message));
  out.send(connection, wire::Refused{error.code, bounded(error.message)});
  out.close(connection, error.message);
  people.visitors.erase(visitor);
}

void CoordinatorMachine::Parts::turn_away(TimePoint now, ConnectionId connection,
                                          const wire::Register& hello,
                                          const DrivingRights::Judgement& judgement) {
  using Standpoint = DrivingRights::Standpoint;
  if (judgement.as == Standpoint::kOther) {
    return refuse(connection, {ErrorCode::kOtherInstance, judgement.why});
  }
  if (judgement.as == Standpoint::kSuperior) {
    // The run has gone on elsewhere; who is left here should go there, too.
    refuse(connection, {ErrorCode::kCoordinatorUnreachable, judgement.why});
    return step_down(now, judgement.why);
  }
  const std::string why =
      judgement.why.empty()
          ? fmt::format("{} holds epoch {}, but this coordinator does not know its session",
                        display_name(hello.peer), to_string(hello.rejoin->view.epoch))
          : judgement.why + ": the run goes on here without it";
  refuse(connection, {ErrorCode::kEvicted, why});
  // What it was told in that other life binds it, and nobody here.
  const PeerRecord* known = people.roster.find(hello.peer.session);
  if (known != nullptr && known->in_view()) drop_replica(known->info.id, why, false);
}

void CoordinatorMachine::Parts::send_away_newcomers() {
  std::vector<std::pair<PeerId, std::string>> refused;
  for (const auto& [peer, record] : people.roster.records()) {
    const DrivingRights::Answer begins = rights.may_begin_with(record.place);
    const bool pending_peer = record.standing == Standing::kPending;
    if (pending_peer && !begins.yes) refused.emplace_back(peer, begins.why);
  }
  for (const auto& [peer, why] : refused) {
    PeerRecord& record = *people.roster.find(peer);
    out.send(record, wire::Refused{ErrorCode::kCoordinatorUnreachable, bounded(why)});
    out.close(record.connection, why);
    drop_pending(peer, why);
  }
}

void CoordinatorMachine::Parts::handle_visitor(TimePoint now, ConnectionId connection,
                                               wire::ToCoordinator message) {
  if (std::holds_alternative<wire::StatusRequest>(message)) {
    people.visitors.erase(connection);
    out.send(connection, wire_status(now));
    return out.close(connection, "the status was told");
  }
  if (auto* hello = std::get_if<wire::Resume>(&message)) return resume(now, connection, *hello);
  auto* hello = std::get_if<wire::Register>(&message);
  if (hello == nullptr) {
    return refuse(connection, {ErrorCode::kInvalidUsage,
                               fmt::format("{} before register", wire::name_of(message))});
  }
  if (auto fine = check(*hello, config, people, incarnation); !fine) {
    return refuse(connection, fine.error());
  }
  if (hello->rejoin) hear_late_member(now, *hello);
  PeerRecord* known = people.roster.find(hello->peer.session);
  if (known != nullptr && known->standing == Standing::kPending) {
    const ConnectionId old = known->connection;
    drop_pending(known->info.id, "replaced by a new connection");
    out.close(old, "replaced by a new connection");
    known = nullptr;
  }
  DrivingRights::Comer comer{display_name(hello->peer), hello->memory, {}, {},
                             known != nullptr, {hello->address, hello->coordinators}};
  if (hello->rejoin) {
    comer.life = hello->rejoin->incarnation;
    comer.view_life = hello->rejoin->view.epoch.incarnation;
  }
  const auto judgement = rights.judge(
      {run, incarnation, view.epoch.incarnation, !view.members.empty(),
       people.roster.members_here()},
      comer);
  using Standpoint = DrivingRights::Standpoint;
  switch (judgement.as) {
    case Standpoint::kNewcomer: return register_newcomer(now, connection, std::move(*hello));
    case Standpoint::kMember: return come_back(now, connection, *hello, *known);
    case Standpoint::kClaimant: return claim(now, connection, std::move(*hello));
    default: return turn_away(now, connection, *hello, judgement);
  }
}

void CoordinatorMachine::Parts::come_back(TimePoint now, ConnectionId connection,
                                          const wire::Register& hello, PeerRecord& known) {
  const std::string remote = people.visitors.at(connection).remote;
  if (known.connected()) out.close(known.connection, "replaced by a new connection");
  people.roster.attach(known.info.id, connection, remote, now);
  note_endpoints(known, hello.peer.endpoints);
  need_round(display_name(known.info) + " came back on a new connection");
  out.event(fmt::format("{} is back from {}", display_name(known.info), remote));
  people.visitors.erase(connection);
  out.send(connection, registered(known.info.id, true));
  note_registered(now, {hello.address, hello.coordinators});
}

// The connection of a member is another one, and nothing else happens: what each end has not heard
// is repeated, and calls, rounds and the update go on.
void CoordinatorMachine::Parts::resume(TimePoint now, ConnectionId connection,
                                       const wire::Resume& hello) {
  PeerRecord* record = people.roster.find(hello.session);
  const bool known =
      record != nullptr && record->in_view() && hello.incarnation == incarnation;
  const bool resumes = known && record->session.can_repeat_after(hello.received) &&
                       hello.repeats_from <= record->session.received() + 1;
  if (!resumes) return out.send(connection, wire::Resumed{});  // and it registers
  if (record->connected()) out.close(record->connection, "replaced by a new connection");
  const std::string remote = people.visitors.at(connection).remote;
  people.roster.reattach(record->info.id, connection, remote, now);
  people.visitors.erase(connection);
  ++counters.resumes;
  note_endpoints(*record, hello.endpoints);
  out.event(fmt::format("{} goes on over a new connection from {}", display_name(record->info),
                        remote));
  out.send(connection, wire::Resumed{true, record->session.received()});
  const bool has_roster = record->heartbeat_heard > record->roster_sent_after;
  if (!has_roster) send_roster(*record);
  record->session.repeat_after(hello.received, [&](const wire::ToPeer& missed) {
    out.send(connection, missed);
  });
  changed.updates = true;  // it may have been waited for
  timers.arm_earlier(Timer::kLiveness, now + config.peer_timeout);
}

void CoordinatorMachine::Parts::register_newcomer(TimePoint now, ConnectionId connection,
                                                  wire::Register hello) {
  const CoordinatorPlace place{hello.address, hello.coordinators};
  const auto begins = view.members.empty() ? rights.may_begin_with(place)
                                           : DrivingRights::Answer{};
  if (!begins.yes) return refuse(connection, {ErrorCode::kCoordinatorUnreachable, begins.why});
  PeerRecord* holder = people.roster.holder(hello.peer.replica, hello.peer.shard, now,
                                            config.peer_timeout);
  if (holder != nullptr) return refuse_place(now, connection, hello.peer, *holder);
  if (auto fine = check_place(hello.peer, people.roster); !fine) {
    return refuse(connection, fine.error());
  }
  if (view.members.empty()) outlive(hello.memory);
  PeerRecord record;
  record.info = std::move(hello.peer);
  do {
    record.info.id = {(uint64_t{incarnation.counter} << 32) | ++people.last_number};
  } while (people.roster.find(record.info.id) != nullptr);  // a claimant's view may name any
  record.connection = connection;
  record.remote = people.visitors.at(connection).remote;
  record.place = place;
  record.memory = std::move(hello.memory);
  record.last_heard = now;
  out.event(fmt::format("{} registers as {}: replica {} shard {} of {}, from {}",
                        display_name(record.info), to_string(record.info.id), record.info.replica,
                        record.info.shard, record.info.shard_count, record.remote));
  if (view.members.empty() && rights.too_early(now)) {
    out.event(fmt::format("members of a former run may come for {} ms more: {} waits",
                          to_ms(rights.first_view_after() - now), display_name(record.info)));
  }
  people.visitors.erase(connection);
  out.send(connection, registered(record.info.id, false));
  people.roster.add(std::move(record));
  note_registered(now, place);
}

void CoordinatorMachine::Parts::note_registered(TimePoint now, const CoordinatorPlace& place) {
  rights.met(place);
  changed.roster = true;
  timers.arm_earlier(Timer::kLiveness, now + config.peer_timeout);
  timers.arm_earlier(Timer::kHeartbeat, now + config.heartbeat_interval);
}

void CoordinatorMachine::Parts::handle(TimePoint now, PeerId from, wire::Register) {
  reject(now, from, {ErrorCode::kInvalidUsage, "this connection has registered already"});
}

void CoordinatorMachine::Parts::handle(TimePoint now, PeerId from, wire::Resume) {
  reject(now, from, {ErrorCode::kInvalidUsage, "this connection has registered already"});
}

void CoordinatorMachine::Parts::send_roster(PeerRecord& receiver) {
  wire::Roster roster;
  const PeerId self = receiver.info.id;
  for (const auto& [peer, other] : people.roster.records()) {
    if (peer == self) continue;
    const Ticket ticket = config.ticket ? config.ticket(self, peer) : Ticket{};
    roster.peers.push_back({other.info, self > peer, ticket});
  }
  out.send(receiver, std::move(roster));
  receiver.roster_sent_after = counters.heartbeats;
}

void CoordinatorMachine::Parts::send_rosters() {
  for (auto& [peer, record] : people.roster.records()) send_roster(record);
}

}  // namespace atoll_core::membership
