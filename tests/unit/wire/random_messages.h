// Random, legal control messages: one draw() per part, built from the draws of its fields.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/field_rules.h"
#include "base/limits.h"
#include "wire/control.h"
#include "wire/view_check.h"

namespace atoll_core::wire::random_messages {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  // Small numbers as often as large ones, so that varints of all lengths occur.
  uint64_t number(uint64_t max = std::numeric_limits<uint64_t>::max()) {
    const uint64_t value = engine_() >> (engine_() % 64);
    return max == std::numeric_limits<uint64_t>::max() ? value : value % (max + 1);
  }
  uint64_t between(uint64_t min, uint64_t max) { return min + engine_() % (max - min + 1); }
  bool coin() { return engine_() % 2 == 0; }

 private:
  std::mt19937_64 engine_;
};

// ---- kinds of fields ---------------------------------------------------------------------------

template <class T>
requires std::is_unsigned_v<T>
void draw(Random& random, T& out) { out = static_cast<T>(random.number()); }
inline void draw(Random& random, bool& out) { out = random.coin(); }

template <class Enum>
constexpr Enum kLast = Enum{};
template <>
inline constexpr auto kLast<OpKind> = kLastOpKind;
template <>
inline constexpr auto kLast<OpPhase> = OpPhase::kAborted;
template <>
inline constexpr auto kLast<SyncStrategy> = SyncStrategy::kReceiveOnly;
template <>
inline constexpr auto kLast<LinkState> = LinkState::kUnreachable;
template <>
inline constexpr auto kLast<ProbeOutcome> = ProbeOutcome::kSilent;
template <>
inline constexpr auto kLast<PeerStanding> = PeerStanding::kSuspect;
template <>
inline constexpr auto kLast<DataType> = DataType::kFloat64;
template <>
inline constexpr auto kLast<ReduceOp> = ReduceOp::kBitXor;

template <class Enum>
requires std::is_enum_v<Enum>
void draw(Random& random, Enum& out) {
  out = static_cast<Enum>(random.between(0, static_cast<uint64_t>(kLast<Enum>)));
}
inline void draw(Random& random, ErrorCode& out) {
  constexpr std::array kCodes = {ErrorCode::kSuccess,       ErrorCode::kMismatch,
                                 ErrorCode::kPeerLost,      ErrorCode::kTimeout,
                                 ErrorCode::kEvicted,       ErrorCode::kDuplicatePeer,
                                 ErrorCode::kInternalError, ErrorCode::kOutOfMemory};
  out = kCodes[random.between(0, kCodes.size() - 1)];
}

// Legal as a name, a host and a sentence.
inline void draw(Random& random, std::string& out) {
  constexpr std::array kCharacters = {"a", "Z", "7", "-", " ", "\"", "é", "環", "🏝"};
  out.clear();
  const uint64_t characters = random.between(1, limits::kNameBytes / 4);
  for (uint64_t i = 0; i < characters; ++i) {
    out += kCharacters[random.between(0, kCharacters.size() - 1)];
  }
}

template <class T>
void draw(Random& random, std::vector<T>& out) {
  out.resize(random.between(0, 4));
  for (T& element : out) draw(random, element);
}
template <class T>
void draw(Random& random, std::optional<T>& out) {
  out.reset();
  if (random.coin()) draw(random, out.emplace());
}

template <class... Fields>
void draw_all(Random& random, Fields&... fields) {
  (draw(random, fields), ...);
}

// ---- parts -------------------------------------------------------------------------------------

inline void draw_group(Random& random, Group& out) {
  const auto shard = static_cast<Group>(random.number(limits::kShardsPerReplica - 1));
  const Group pair = pair_group({static_cast<uint32_t>(random.number(limits::kPeers - 2)),
                                 static_cast<uint32_t>(limits::kPeers - 1)});
  const std::array<Group, 5> choices = {shard, kGroupAlone + shard, kGroupAll, kGroupReplica, pair};
  out = choices[random.between(0, choices.size() - 1)];
}
inline void draw(Random& random, PeerId& out) { out.value = random.number() | 1; }
inline void draw(Random& random, SessionId& out) { draw_all(random, out.high, out.low); }
inline void draw(Random& random, InstanceId& out) {
  draw(random, out.high);
  out.low = random.number() | 1;
}
inline void draw(Random& random, RunHistory& out) {
  out = {random.number(limits::kCounts), random.number(limits::kCounts), random.number()};
}
inline void draw(Random& random, CommittedRevision& out) {
  draw_all(random, out.instance, out.revision);
}
inline void draw(Random& random, HeldRevision& out) {
  draw_all(random, out.tag, out.layout, out.revision);
}
inline void draw(Random& random, RunMemory& out) {
  draw_all(random, out.instance, out.history, out.held, out.life);
}
inline void draw(Random& random, ContentDigest& out) { draw_all(random, out.high, out.low); }
inline void draw(Random& random, Incarnation& out) { draw_all(random, out.counter, out.nonce); }
inline void draw(Random& random, Epoch& out) { draw_all(random, out.incarnation, out.number); }
inline void draw(Random& random, Generation& out) { draw(random, out.first); }
inline void draw(Random& random, OpId& out) {
  draw_all(random, out.generation, out.tag, out.sequence);
  draw_group(random, out.group);
}
inline void draw(Random& random, Endpoint& out) {
  draw(random, out.host);
  out.port = static_cast<uint16_t>(random.between(1, 0xFFFF));
}
inline void draw(Random& random, PeerInfo& out) {
  draw_all(random, out.id, out.session, out.name, out.replica, out.endpoints);
  out.shard_count = static_cast<uint32_t>(random.between(1, limits::kShardsPerReplica));
  out.shard = static_cast<uint32_t>(random.between(0, out.shard_count - 1));
  out.slot = static_cast<uint32_t>(random.number(limits::kPeers - 1));
  out.computer = random.number();
  out.cpus = static_cast<uint32_t>(random.between(0, limits::kCpus));
}
// A plan that fits so many members.
inline topology::Plan draw_plan(Random& random, size_t members) {
  topology::Plan plan = topology::make_plan(static_cast<uint32_t>(members));
  for (size_t i = members; i > 1; --i) std::swap(plan.ring[i - 1], plan.ring[random.number(i - 1)]);
  for (uint32_t& share : plan.shares) share = static_cast<uint32_t>(random.between(1, 9000));
  if (members > 0) plan.hub = static_cast<uint32_t>(random.number(members - 1));
  if (random.coin()) {
    plan.pipelining.chunk_bytes =
        static_cast<uint32_t>(random.between(topology::kPlannedChunkBytesMin, limits::kChunkBytes));
  }
  plan.pipelining.segments_in_flight =
      static_cast<uint32_t>(random.between(0, limits::kSegmentsInFlight));
  plan.choices.clear();
  for (uint64_t below = random.between(1, 1000); random.coin(); below += 1 + random.number(9999)) {
    plan.choices.push_back({below, static_cast<topology::Algorithm>(random.between(1, 4))});
  }
  plan.choices.emplace_back();
  return plan;
}
// Of which can be counted on.
inline void draw_life(Random& random, Incarnation& out) {
  draw(random, out.nonce);
  out.counter = static_cast<uint32_t>(random.number(limits::kIncarnations));
}
inline void draw_epoch(Random& random, Epoch& out) {
  draw_life(random, out.incarnation);
  out.number = random.number(limits::kCounts);
}
// An epoch, and the generation that it is in.
inline void draw_time(Random& random, Epoch& epoch, Generation& generation) {
  draw_epoch(random, epoch);
  generation.first = epoch;
  if (random.coin()) generation.first.number = random.between(0, epoch.number);
}
// Some replicas, each whole.
inline void draw_replicas(Random& random, size_t replicas, std::vector<PeerInfo>& out) {
  for (size_t replica = 0; replica < replicas; ++replica) {
    const auto shards = static_cast<uint32_t>(random.between(1, 2));
    for (uint32_t shard = 0; shard < shards; ++shard) {
      draw(random, out.emplace_back());
      out.back().id.value = random.number() << 8 | (2 * replica + shard + 1);
      out.back().session.low = random.number() << 8 | (2 * replica + shard);
      out.back().replica = "replica " + std::to_string(replica);
      out.back().shard = shard;
      out.back().shard_count = shards;
    }
  }
}
inline void draw(Random& random, View& out) {
  draw(random, out.instance);
  draw_time(random, out.epoch, out.generation);
  draw_replicas(random, random.between(1, 3), out.members);
  const bool begins = out.epoch == out.generation.first;
  for (PeerInfo& member : out.members) {
    if (!begins && random.coin()) out.slots.push_back({uint64_t{1} << 63 | out.slots.size() << 8});
    member.slot = static_cast<uint32_t>(out.slots.size());
    out.slots.push_back(member.id);
  }
  out.plan = draw_plan(random, out.members.size());
}
inline void draw(Random& random, Member& out) {
  draw_all(random, out.id, out.name, out.replica);
  out.shard = static_cast<uint32_t>(random.number(limits::kShardsPerReplica - 1));
  out.slot = static_cast<uint32_t>(random.number(limits::kPeers - 1));
}
inline void draw(Random& random, GenerationState& out) {
  draw_time(random, out.attempt, out.generation);
  draw(random, out.members);
  for (size_t i = 0; i < out.members.size(); ++i) {
    out.members[i].id.value = out.members[i].id.value << 3 | i;
  }
  out.plan = draw_plan(random, out.members.size());
}
inline void draw(Random& random, Rejoin& out) {
  draw_life(random, out.incarnation);
  draw_all(random, out.view, out.update_code, out.update_reason, out.gap);
  out.updates = random.number(limits::kCounts);
  // Of two lives before that of the view.
  for (const uint32_t nonce : {3u, 4u}) {
    if (random.coin()) draw(random, out.generations.emplace_back());
    else continue;
    out.generations.back().generation.first = {{0, nonce}, random.number(3)};
    out.generations.back().attempt = {{0, nonce}, 3};
    if (out.view.epoch.incarnation.counter == 0 || out.view.generation.first.number < 3) {
      out.generations.pop_back();
    }
  }
}
inline void draw(Random& random, ViewDelta& out) {
  draw_all(random, out.instance, out.base, out.digest, out.reason, out.slots);
  draw_time(random, out.epoch, out.generation);
  draw_replicas(random, random.between(0, 2), out.added);
  for (uint64_t i = random.between(0, 3); i > 0; --i) {
    out.removed.push_back({random.number() << 2 | i});
  }
  out.plan.reset();
  if (!out.base) out.plan = draw_plan(random, out.added.size());
  else if (random.coin()) out.plan = draw_plan(random, random.between(0, 6));
}
inline void draw(Random& random, CallDescription& out) {
  draw_all(random, out.kind, out.type, out.reduce, out.layout, out.algorithm, out.codec, out.root,
           out.retry, out.keep);
  out.count = random.number(1ull << 56);
  out.tensors = static_cast<uint32_t>(random.number(limits::kTensorsPerBatch));
  out.counts.resize(random.between(0, 4));
  for (uint64_t& count : out.counts) count = random.number(1ull << 56);
}
inline void draw(Random& random, OpReport& out) {
  draw_all(random, out.op, out.epoch, out.phase, out.call, out.holds_result, out.contributors,
           out.code, out.reason);
  out.complete_below = random.number(1ull << 56);
  out.stable_below = random.between(0, out.complete_below);
  out.kept_below = random.between(0, out.stable_below);
}
inline void draw(Random& random, Verdict& out) {
  draw_all(random, out.op, out.epoch, out.committed, out.final, out.code, out.reason,
           out.contributors, out.holders);
  out.kept_below = random.number(1ull << 56);
}
inline void draw(Random& random, Watermark& out) {
  draw_all(random, out.generation, out.tag, out.below);
  draw_group(random, out.group);
}
inline void draw(Random& random, CallPosition& out) {
  draw_all(random, out.tag, out.next_sequence);
  draw_group(random, out.group);
}
inline void draw(Random& random, GroupPositions& out) {
  draw(random, out.digest);
  draw_group(random, out.group);
  out.names = random.between(1, limits::kCallPositions);
}
inline void draw(Random& random, AnyReceives& out) {
  out.tag = random.number(kTagMax);
  out.open = random.number(limits::kOpsInFlight);
  out.taken = random.number();
}
inline void draw(Random& random, TensorSummary& out) {
  draw_all(random, out.name, out.type, out.digest);
  out.count = random.number(1ull << 56);
}
inline void draw(Random& random, StateSummary& out) {
  draw_all(random, out.revision, out.strategy, out.digest, out.tensors, out.committed);
}

inline void draw(Random& random, PeerStatus& out) {
  draw_all(random, out.peer, out.standing, out.remote, out.updating);
  out.silent_ms = random.number(1'000'000'000);
}
inline void draw(Random& random, OpStatus& out) {
  draw_all(random, out.op, out.what, out.done_count, out.awaited_count, out.done, out.awaited,
           out.absent, out.abort_reason);
  out.known_ms = random.number(1'000'000'000);
}
inline void draw(Random& random, EventStatus& out) {
  draw(random, out.text);
  out.age_ms = random.number(1'000'000'000);
}
inline void draw(Random& random, StatusCounters& out) {
  draw_all(random, out.commits, out.aborts, out.settle_rounds, out.admissions, out.evictions,
           out.left);
}

// ---- peer to coordinator -----------------------------------------------------------------------

inline void draw(Random& random, Register& out) {
  draw_all(random, out.run, out.peer, out.rejoin, out.memory);
  draw_life(random, out.memory.life);
  if (out.rejoin) {
    out.peer.session = out.rejoin->view.members.front().session;
    out.memory.instance = out.rejoin->view.instance;
  }
  out.coordinators = static_cast<uint32_t>(random.between(1, limits::kCoordinators));
  out.address = static_cast<uint32_t>(random.between(0, limits::kCoordinators - 1));
  // Of those who speak no version in common not all is read.
  out.version_min = static_cast<uint32_t>(random.between(0, kProtocolVersion));
  out.version_max = static_cast<uint32_t>(random.between(kProtocolVersion, 0xFFFFFFFFu));
}
inline void draw(Random& random, PeerHeartbeat& out) {
  draw_all(random, out.number, out.received);
}
inline void draw(Random& random, Resume& out) {
  draw_all(random, out.session, out.incarnation, out.received, out.repeats_from,
           out.endpoints);
}
inline void draw(Random& random, Leave& out) { draw_all(random, out.reason, out.lost); }
inline void draw(Random& random, UpdateRequest& out) {
  draw_all(random, out.epoch, out.number, out.groups, out.receives, out.again);
}
inline void draw(Random& random, Positions& out) { draw(random, out.positions); }
inline void draw(Random& random, LinkReport& out) {
  draw_all(random, out.peer, out.state, out.reason, out.needed);
  out.rtt_us = random.number(120'000'000);
}
inline void draw(Random& random, ProbeResult& out) {
  draw_all(random, out.peer, out.session, out.outcome, out.reason);
}
inline void draw(Random& random, OpDone& out) { draw_all(random, out.op, out.epoch, out.call); }
inline void draw(Random& random, OpWaiting& out) {
  draw_all(random, out.op, out.epoch, out.call, out.missing);
  out.waited_ms = random.number(1'000'000'000);
}
inline void draw(Random& random, AbortRequest& out) {
  draw_all(random, out.op, out.epoch, out.call, out.code, out.reason);
}
inline void draw(Random& random, SettleReport& out) { draw_all(random, out.round, out.ops); }
inline void draw(Random& random, SyncRequest& out) {
  draw_all(random, out.op, out.epoch, out.state);
}
inline void draw(Random& random, SyncDone& out) { draw_all(random, out.op, out.epoch); }
inline void draw(Random& random, Ended& out) { draw(random, out.marks); }
inline void draw(Random& random, FollowState& out) {
  draw_all(random, out.tag, out.revision, out.digest, out.waits, out.committed);
}
inline void draw(Random& random, Measured::Path& out) {
  draw(random, out.to);
  out.bytes_per_second = random.between(1, 1'000'000'000'000);
}
inline void draw(Random& random, Measured& out) {
  draw(random, out.paths);
  out.egress_bytes_per_second = random.number(1'000'000'000'000);
}
inline void draw(Random&, StatusRequest&) {}

// ---- coordinator to peer -----------------------------------------------------------------------

inline void draw(Random& random, Registered& out) {
  draw_all(random, out.peer, out.run, out.version, out.member);
  draw_life(random, out.incarnation);
  out.heartbeat_interval_ms = random.number(1'000'000'000);
  out.peer_timeout_ms = random.number(1'000'000'000);
}
inline void draw(Random& random, Refused& out) {
  draw_all(random, out.code, out.reason, out.undecided);
}
inline void draw(Random& random, CoordinatorHeartbeat& out) {
  draw_all(random, out.number, out.received);
}
inline void draw(Random& random, Resumed& out) { draw_all(random, out.resumed, out.received); }
inline void draw(Random& random, UpdateFailed& out) { draw_all(random, out.code, out.reason); }
inline void draw(Random&, UpdateWaiting&) {}
inline void draw(Random&, TellPositions&) {}
inline void draw(Random& random, UpdateWaits& out) { draw(random, out.reasons); }
inline void draw(Random& random, Roster::Entry& out) { draw_all(random, out.peer, out.dial); }
inline void draw(Random& random, Roster& out) {
  std::vector<PeerInfo> peers;
  draw_replicas(random, random.between(0, 2), peers);
  for (const PeerInfo& peer : peers) {
    out.peers.push_back({peer, random.coin(), {random.number(), random.number()}});
  }
}
inline void draw(Random& random, Updated& out) {
  draw_all(random, out.epoch, out.delta);
  out.updates = random.number(limits::kCounts);
}
inline void draw(Random& random, OpVerdict& out) { draw(random, out.verdict); }
inline void draw(Random& random, Freeze& out) {
  draw_all(random, out.round, out.op, out.reason);
  out.longest_ms = random.number(limits::kRoundMilliseconds);
}
inline void draw(Random& random, Settled& out) {
  draw_all(random, out.round, out.op, out.delta, out.verdicts);
}
inline void draw(Random& random, Probe& out) { draw(random, out.peer); }
inline void draw(Random& random, SyncPlan& out) {
  draw_all(random, out.op, out.epoch, out.revision, out.digest, out.tensors, out.holders);
  out.number = random.number(limits::kCounts);
}
inline void draw(Random& random, StateOffer& out) {
  draw_all(random, out.instance, out.tag, out.revision, out.digest, out.tensors, out.holders);
}
inline void draw(Random& random, Evicted& out) { draw_all(random, out.code, out.reason); }
inline void draw(Random& random, Stable& out) { draw(random, out.marks); }

inline void draw(Random& random, Status& out) {
  draw_all(random, out.run, out.incarnation, out.epoch, out.generation, out.settling, out.ops_open,
           out.counters, out.peers, out.ops, out.events, out.instance, out.history, out.waits,
           out.stepped_down);
  out.uptime_ms = random.number(1'000'000'000);
}

// ---- envelopes ---------------------------------------------------------------------------------

template <class T>
T any(Random& random) {
  T out{};
  draw(random, out);
  return out;
}

// One message of every kind that `Envelope` (ToCoordinator, ToPeer) holds.
template <class Envelope>
std::vector<Envelope> one_of_each(Random& random) {
  std::vector<Envelope> messages;
  [&]<size_t... kIndex>(std::index_sequence<kIndex...>) {
    (messages.emplace_back(any<std::variant_alternative_t<kIndex, Envelope>>(random)), ...);
  }
  (std::make_index_sequence<std::variant_size_v<Envelope>>{});
  return messages;
}

}  // namespace atoll_core::wire::random_messages
