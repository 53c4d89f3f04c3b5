// Looks for values in decoded messages that no decoder may let through; written from
// base/limits.h, independently of the decoder's own checks.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/element.h"
#include "base/limits.h"
#include "wire/control.h"

namespace atoll_core::wire::message_bounds {

// Counts the violations it meets.
class Bounds {
 public:
  void at_most(size_t value, size_t max) { violations_ += value > max; }
  void require(bool holds) { violations_ += !holds; }
  int violations() const { return violations_; }

  void name(const std::string& text) { at_most(text.size(), limits::kNameBytes); }
  void sentence(const std::string& text) { at_most(text.size(), limits::kSentenceBytes); }
  template <class Enum>
  void last(Enum value, Enum last) {
    require(value <= last);
  }
  template <class T>
  void list(const std::vector<T>& elements, size_t max) {
    at_most(elements.size(), max);
    for (const T& element : elements) part(element);
  }
  template <class T>
  void optional(const std::optional<T>& value) {
    if (value) part(*value);
  }

  void part(const PeerId& peer) { require(peer.value != 0); }
  void part(const Endpoint& endpoint) {
    require(!endpoint.host.empty() && endpoint.port != 0);
    at_most(endpoint.host.size(), limits::kHostBytes);
  }
  void part(const OpId& op) {
    group(op.group);
  }
  void part(const PeerInfo& peer) {
    name(peer.name);
    name(peer.replica);
    require(peer.shard < peer.shard_count);
    require(peer.slot < limits::kPeers);
    at_most(peer.cpus, limits::kCpus);
    at_most(peer.shard_count, limits::kShardsPerReplica);
    list(peer.endpoints, limits::kEndpointsPerPeer);
  }
  void part(const Roster::Entry& entry) { part(entry.peer); }
  void part(const ViewDelta& delta) {
    sentence(delta.reason);
    list(delta.removed, limits::kPeers);
    list(delta.added, limits::kPeers);
    for (const PeerInfo& peer : delta.added) part(peer.id);
    require(delta.base || delta.plan);
    if (delta.plan) plan(*delta.plan, delta.base ? delta.plan->shares.size() : delta.added.size());
  }
  void plan(const topology::Plan& plan, size_t members) {
    at_most(plan.choices.size(), limits::kPlanChoices);
    require(plan.ring.size() == members && plan.shares.size() == members);
    require(std::set<uint32_t>(plan.ring.begin(), plan.ring.end()).size() == members);
    uint64_t sum = 0;
    for (const uint32_t share : plan.shares) sum += share;
    at_most(sum, limits::kPlanShares);
    require(sum > 0 || members == 0);
    for (const uint32_t member : plan.ring) require(member < members);
    require(plan.hub < members || plan.hub == 0);
    require(!plan.choices.empty() && plan.choices.back().bytes_below == ~uint64_t{0});
  }
  void part(const Member& member) {
    part(member.id);
    name(member.name);
    name(member.replica);
    require(member.shard < limits::kShardsPerReplica);
    require(member.slot < limits::kPeers);
  }
  void part(const GenerationState& state) {
    list(state.members, limits::kPeers);
    plan(state.plan, state.members.size());
  }
  void part(const Rejoin& rejoin) {
    list(rejoin.view.members, limits::kPeers);
    plan(rejoin.view.plan, rejoin.view.members.size());
    list(rejoin.generations, limits::kGenerations);
    code(rejoin.update_code);
    sentence(rejoin.update_reason);
  }
  void part(const CallDescription& call) {
    last(call.kind, kLastOpKind);
    last(call.type, DataType::kFloat64);
    last(call.reduce, ReduceOp::kBitXor);
    at_most(call.tensors, limits::kTensorsPerBatch);
    require(call.counts.size() <= limits::kPeers);
  }
  void part(const OpReport& report) {
    part(report.op);
    part(report.call);
    last(report.phase, OpPhase::kAborted);
    list(report.contributors, limits::kPeers);
    code(report.code);
    sentence(report.reason);
  }
  void part(const Verdict& verdict) {
    part(verdict.op);
    code(verdict.code);
    sentence(verdict.reason);
    list(verdict.contributors, limits::kPeers);
    list(verdict.holders, limits::kPeers);
  }
  void part(const Watermark& mark) {
    group(mark.group);
  }
  void part(const CallPosition& position) {
    group(position.group);
  }
  void part(const GroupPositions& positions) {
    group(positions.group);
    at_most(positions.names, limits::kCallPositions);
  }
  void part(const AnyReceives& receives) { at_most(receives.open, limits::kOpsInFlight); }
  void part(const TensorSummary& tensor) {
    name(tensor.name);
    last(tensor.type, DataType::kFloat64);
  }
  void part(const StateSummary& state) {
    last(state.strategy, SyncStrategy::kReceiveOnly);
    list(state.tensors, limits::kTensorsPerState);
  }
  void part(const PeerStatus& status) {
    part(status.peer.id);
    part(status.peer);
    last(status.standing, PeerStanding::kSuspect);
    sentence(status.remote);
    duration(status.silent_ms);
  }
  void part(const OpStatus& status) {
    part(status.op);
    sentence(status.what);
    sentence(status.abort_reason);
    duration(status.known_ms);
    list(status.done, limits::kPeersPerOpStatus);
    list(status.awaited, limits::kPeersPerOpStatus);
    list(status.absent, limits::kPeersPerOpStatus);
  }
  void part(const EventStatus& event) {
    sentence(event.text);
    duration(event.age_ms);
  }
  void code(ErrorCode code) { require(error_name(code) != error_name(ErrorCode{-1})); }

  void message(const Register& m) {
    require(m.version_min <= m.version_max);
    name(m.run);
    part(m.peer);
    at_most(m.coordinators, limits::kCoordinators);
    at_most(m.address, limits::kCoordinators - 1);
    optional(m.rejoin);
  }
  void message(const PeerHeartbeat&) {}
  void message(const Resume& m) { list(m.endpoints, limits::kEndpointsPerPeer); }
  void message(const Leave& m) { sentence(m.reason); }
  void message(const UpdateRequest& m) {
    list(m.groups, limits::kPositionGroups);
    list(m.receives, limits::kOpsInFlight);
  }
  void message(const Positions& m) { list(m.positions, limits::kCallPositions); }
  void message(const TellPositions&) {}
  void message(const LinkReport& m) {
    part(m.peer);
    last(m.state, LinkState::kUnreachable);
    sentence(m.reason);
    at_most(m.rtt_us, 120'000'000);
  }
  void message(const ProbeResult& m) {
    part(m.peer);
    last(m.outcome, ProbeOutcome::kSilent);
    sentence(m.reason);
  }
  void message(const OpDone& m) {
    part(m.op);
    part(m.call);
  }
  void message(const OpWaiting& m) {
    part(m.op);
    part(m.call);
    list(m.missing, limits::kPeers);
    duration(m.waited_ms);
  }
  void message(const AbortRequest& m) {
    part(m.op);
    part(m.call);
    code(m.code);
    sentence(m.reason);
  }
  void message(const SettleReport& m) { list(m.ops, limits::kOpsPerReport); }
  void message(const SyncRequest& m) {
    part(m.op);
    part(m.state);
  }
  void message(const SyncDone& m) { part(m.op); }
  void message(const Ended& m) { list(m.marks, limits::kWatermarks); }
  void message(const Stable& m) { list(m.marks, limits::kWatermarks); }
  void message(const FollowState&) {}
  void message(const Measured& m) {
    list(m.paths, limits::kPeers);
    at_most(m.egress_bytes_per_second, 1'000'000'000'000);
  }
  void part(const Measured::Path& path) {
    part(path.to);
    require(path.bytes_per_second > 0);
    at_most(path.bytes_per_second, 1'000'000'000'000);
  }
  void message(const StatusRequest&) {}
  void message(const UpdateWaiting&) {}

  void message(const Registered& m) {
    part(m.peer);
    name(m.run);
    duration(m.heartbeat_interval_ms);
    duration(m.peer_timeout_ms);
  }
  void message(const Refused& m) {
    code(m.code);
    sentence(m.reason);
  }
  void message(const CoordinatorHeartbeat&) {}
  void message(const Resumed&) {}
  void message(const UpdateWaits& m) {
    at_most(m.reasons.size(), limits::kWaitsPerUpdate);
    for (const std::string& reason : m.reasons) sentence(reason);
  }
  void message(const UpdateFailed& m) {
    code(m.code);
    sentence(m.reason);
  }
  void message(const Roster& m) { list(m.peers, limits::kPeers); }
  void message(const Updated& m) { optional(m.delta); }
  void message(const OpVerdict& m) { part(m.verdict); }
  void message(const Freeze& m) {
    at_most(m.longest_ms, limits::kRoundMilliseconds);
    optional(m.op);
    sentence(m.reason);
  }
  void message(const Settled& m) {
    optional(m.op);
    optional(m.delta);
    list(m.verdicts, limits::kOpsPerReport);
  }
  void message(const Probe& m) {
    part(m.peer.id);
    part(m.peer);
  }
  void message(const SyncPlan& m) {
    part(m.op);
    list(m.tensors, limits::kTensorsPerState);
    list(m.holders, limits::kPeers);
  }
  void message(const StateOffer& m) {
    list(m.tensors, limits::kTensorsPerState);
    list(m.holders, limits::kPeers);
  }
  void message(const Evicted& m) {
    code(m.code);
    sentence(m.reason);
  }

  void message(const Status& m) {
    name(m.run);
    duration(m.uptime_ms);
    list(m.peers, limits::kPeers);
    list(m.ops, limits::kOpsPerStatus);
    list(m.events, limits::kEventsPerStatus);
  }

 private:
  void group(Group in) {
    const uint32_t shard = in >= kGroupAlone ? in - kGroupAlone : in;
    require(shard < limits::kShardsPerReplica || in >= kGroupReplica || is_pair(in));
    if (is_pair(in)) require(slots_of(in).from < limits::kPeers);
  }
  // What fits nanoseconds in 64 bits.
  void duration(uint64_t milliseconds) { require(milliseconds < 9'000'000'000'000); }

  int violations_ = 0;
};

template <class Envelope>
int count_violations(const Envelope& message) {
  Bounds bounds;
  std::visit([&](const auto& body) { bounds.message(body); }, message);
  return bounds.violations();
}

}  // namespace atoll_core::wire::message_bounds
