#include <limits>

#include <fmt/format.h>

#include "base/field_rules.h"
#include "base/limits.h"
#include "wire/control.pb.h"
#include "wire/control_parts.h"

namespace atoll_core::wire {
namespace {

constexpr auto kLastDataType = static_cast<DataType>(kDataTypeCount - 1);
constexpr auto kLastReduceOp = static_cast<ReduceOp>(kReduceOpCount - 1);

// Every view is of some instance.
void take_instance(FieldCheck& check, bool present, const proto::InstanceId& in, InstanceId& out) {
  take_part(check, "instance", present, in, out);
  if (!out) check.refuse("instance", "is zero");
}

void take_counts(const proto::CallDescription& in, CallDescription& out, FieldCheck& check) {
  const auto count = static_cast<size_t>(in.counts_size());
  if (!check.ok() || !check_count(check, "counts", count, limits::kPeers)) return;
  out.counts.resize(count);
  for (size_t i = 0; i < count && check.ok(); ++i) {
    take_number(check, "counts", in.counts(static_cast<int>(i)), 0, limits::kElements,
                out.counts[i]);
  }
}

}  // namespace

Incarnation unpack_incarnation(uint64_t packed) {
  return {static_cast<uint32_t>(packed >> 32), static_cast<uint32_t>(packed)};
}

void decode_part(const proto::ContentDigest& in, ContentDigest& out, FieldCheck&) {
  out = {in.high(), in.low()};
}

void decode_part(const proto::SessionId& in, SessionId& out, FieldCheck&) {
  out = {in.high(), in.low()};
}

void decode_part(const proto::InstanceId& in, InstanceId& out, FieldCheck&) {
  out = {in.high(), in.low()};
}

void decode_part(const proto::RunHistory& in, RunHistory& out, FieldCheck& check) {
  take_number(check, "syncs", in.syncs(), 0, limits::kCounts, out.syncs);
  take_number(check, "updates", in.updates(), 0, limits::kCounts, out.updates);
  out.revision = in.revision();
}

void decode_part(const proto::CommittedRevision& in, CommittedRevision& out, FieldCheck& check) {
  take_part(check, "instance", in.has_instance(), in.instance(), out.instance);
  out.revision = in.revision();
}

void decode_part(const proto::HeldRevision& in, HeldRevision& out, FieldCheck&) {
  out = {in.tag(), in.layout(), in.revision()};
}

void decode_part(const proto::RunMemory& in, RunMemory& out, FieldCheck& check) {
  take_part(check, "instance", in.has_instance(), in.instance(), out.instance);
  take_part(check, "history", in.has_history(), in.history(), out.history);
  take_parts(check, "held", in.held(), limits::kHeldRevisions, out.held);
  out.life = unpack_incarnation(in.life());
}

void decode_part(const proto::Epoch& in, Epoch& out, FieldCheck&) {
  out = {unpack_incarnation(in.incarnation()), in.number()};
}

void decode_part(const proto::Epoch& in, Generation& out, FieldCheck& check) {
  decode_part(in, out.first, check);
}

void decode_part(const proto::OpId& in, OpId& out, FieldCheck& check) {
  take_part(check, "generation", in.has_generation(), in.generation(), out.generation);
  take_group(check, "group", in.group(), out.group);
  out.tag = in.tag();
  out.sequence = in.sequence();
}

void decode_part(const proto::Endpoint& in, Endpoint& out, FieldCheck& check) {
  take_host(check, "host", in.host(), out.host);
  take_number(check, "port", in.port(), 1, std::numeric_limits<uint16_t>::max(), out.port);
}

void decode_part(const proto::PeerInfo& in, PeerInfo& out, FieldCheck& check) {
  out.id = PeerId{in.id()};
  take_part(check, "session", in.has_session(), in.session(), out.session);
  take_name(check, "name", in.name(), out.name);
  take_name(check, "replica", in.replica(), out.replica);
  take_number(check, "shard_count", in.shard_count(), 1, limits::kShardsPerReplica,
              out.shard_count);
  if (!check.ok()) return;
  take_number(check, "shard", in.shard(), 0, out.shard_count - 1, out.shard);
  take_number(check, "slot", in.slot(), 0, limits::kPeers - 1, out.slot);
  take_number(check, "cpus", in.cpus(), 0, limits::kCpus, out.cpus);
  out.computer = in.computer();
  take_parts(check, "endpoints", in.endpoints(), limits::kEndpointsPerPeer, out.endpoints);
}

void decode_part(const proto::Plan& in, topology::Plan& out, FieldCheck& check) {
  const auto choices = static_cast<size_t>(in.choices_below_size());
  if (!check_count(check, "ring", static_cast<size_t>(in.ring_size()), limits::kPeers) ||
      !check_count(check, "shares", static_cast<size_t>(in.shares_size()), limits::kPeers) ||
      !check_count(check, "choices_below", choices, limits::kPlanChoices)) {
    return;
  }
  if (in.choices_algorithm_size() != in.choices_below_size()) {
    return check.refuse("choices_algorithm",
                        fmt::format("has {} elements, not {}", in.choices_algorithm_size(),
                                    choices));
  }
  out.ring.assign(in.ring().begin(), in.ring().end());
  out.shares.assign(in.shares().begin(), in.shares().end());
  out.hub = in.hub();
  out.pipelining = {in.chunk_bytes(), in.segments_in_flight()};
  out.choices.clear();
  for (int i = 0; i < in.choices_below_size(); ++i) {
    topology::Choice& choice = out.choices.emplace_back();
    choice.bytes_below = in.choices_below(i);
    take_enum(check, "choices_algorithm", in.choices_algorithm(i), topology::Algorithm::kDirect,
              choice.algorithm);
  }
}

void decode_part(const proto::View& in, View& out, FieldCheck& check) {
  take_instance(check, in.has_instance(), in.instance(), out.instance);
  take_part(check, "epoch", in.has_epoch(), in.epoch(), out.epoch);
  take_part(check, "generation", in.has_generation(), in.generation(), out.generation);
  take_parts(check, "members", in.members(), limits::kPeers, out.members);
  take_peers(check, "slots", in.slots(), out.slots);
  for (const PeerInfo& peer : out.members) check_somebody(check, "members", peer);
  take_part(check, "plan", in.has_plan(), in.plan(), out.plan);
  check_plan(check, "plan", out.plan, out.members.size());
  check_whole(check, out);
}

void decode_part(const proto::Member& in, Member& out, FieldCheck& check) {
  take_peer(check, "id", in.id(), out.id);
  take_name(check, "name", in.name(), out.name);
  take_name(check, "replica", in.replica(), out.replica);
  take_number(check, "shard", in.shard(), 0, limits::kShardsPerReplica - 1, out.shard);
  take_number(check, "slot", in.slot(), 0, limits::kPeers - 1, out.slot);
}

void decode_part(const proto::GenerationState& in, GenerationState& out, FieldCheck& check) {
  take_part(check, "generation", in.has_generation(), in.generation(), out.generation);
  take_part(check, "attempt", in.has_attempt(), in.attempt(), out.attempt);
  take_parts(check, "members", in.members(), limits::kPeers, out.members);
  take_part(check, "plan", in.has_plan(), in.plan(), out.plan);
  check_plan(check, "plan", out.plan, out.members.size());
  check_whole(check, out);
}

void decode_part(const proto::Rejoin& in, Rejoin& out, FieldCheck& check) {
  out.incarnation = unpack_incarnation(in.incarnation());
  take_part(check, "view", in.has_view(), in.view(), out.view);
  take_parts(check, "generations", in.generations(), limits::kGenerations, out.generations);
  out.updates = in.updates();
  take_error_code(check, "update_code", in.update_code(), out.update_code);
  take_sentence(check, "update_reason", in.update_reason(), out.update_reason);
  out.gap = in.gap();
  check_whole(check, out);
}

void decode_part(const proto::ViewDelta& in, ViewDelta& out, FieldCheck& check) {
  take_instance(check, in.has_instance(), in.instance(), out.instance);
  take_optional(check, "base", in.has_base(), in.base(), out.base);
  take_part(check, "epoch", in.has_epoch(), in.epoch(), out.epoch);
  take_part(check, "generation", in.has_generation(), in.generation(), out.generation);
  take_peers(check, "removed", in.removed(), out.removed);
  take_parts(check, "added", in.added(), limits::kPeers, out.added);
  take_peers(check, "slots", in.slots(), out.slots);
  for (const PeerInfo& peer : out.added) check_somebody(check, "added", peer);
  take_part(check, "digest", in.has_digest(), in.digest(), out.digest);
  take_sentence(check, "reason", in.reason(), out.reason);
  take_optional(check, "plan", in.has_plan(), in.plan(), out.plan);
  // With a base, only who has it knows how many members there are.
  if (out.plan) check_plan(check, "plan", *out.plan, out.base ? out.plan->ring.size()
                                                              : out.added.size());
  else if (!out.base) check.refuse("plan", "is missing");
  check_whole(check, out);
}

void decode_part(const proto::CallDescription& in, CallDescription& out, FieldCheck& check) {
  take_enum(check, "kind", in.kind(), kLastOpKind, out.kind);
  take_enum(check, "type", in.type(), kLastDataType, out.type);
  take_enum(check, "reduce", in.reduce(), kLastReduceOp, out.reduce);
  take_number(check, "count", in.count(), 0, limits::kElements, out.count);
  take_number(check, "tensors", in.tensors(), 0, limits::kTensorsPerBatch, out.tensors);
  take_part(check, "layout", in.has_layout(), in.layout(), out.layout);
  out.algorithm = in.algorithm();
  out.codec = in.codec();
  out.root = PeerId{in.root()};
  out.retry = in.retry();
  out.keep = in.keep();
  take_counts(in, out, check);
}

void decode_part(const proto::OpReport& in, OpReport& out, FieldCheck& check) {
  take_part(check, "op", in.has_op(), in.op(), out.op);
  take_part(check, "epoch", in.has_epoch(), in.epoch(), out.epoch);
  take_enum(check, "phase", in.phase(), OpPhase::kAborted, out.phase);
  take_part(check, "call", in.has_call(), in.call(), out.call);
  out.holds_result = in.holds_result();
  take_peers(check, "contributors", in.contributors(), out.contributors);
  take_error_code(check, "code", in.code(), out.code);
  take_sentence(check, "reason", in.reason(), out.reason);
  take_number(check, "complete_below", in.complete_below(), 0, limits::kElements,
              out.complete_below);
  take_number(check, "stable_below", in.stable_below(), 0, in.complete_below(), out.stable_below);
  take_number(check, "kept_below", in.kept_below(), 0, in.stable_below(), out.kept_below);
}

void decode_part(const proto::Verdict& in, Verdict& out, FieldCheck& check) {
  take_part(check, "op", in.has_op(), in.op(), out.op);
  take_part(check, "epoch", in.has_epoch(), in.epoch(), out.epoch);
  out.committed = in.committed();
  out.final = in.final();
  take_error_code(check, "code", in.code(), out.code);
  take_sentence(check, "reason", in.reason(), out.reason);
  take_peers(check, "contributors", in.contributors(), out.contributors);
  take_peers(check, "holders", in.holders(), out.holders);
  take_number(check, "kept_below", in.kept_below(), 0, limits::kElements, out.kept_below);
}

void decode_part(const proto::CallPosition& in, CallPosition& out, FieldCheck& check) {
  take_group(check, "group", in.group(), out.group);
  out.tag = in.tag();
  out.next_sequence = in.next_sequence();
}

void decode_part(const proto::AnyReceives& in, AnyReceives& out, FieldCheck& check) {
  take_number(check, "tag", in.tag(), 0, kTagMax, out.tag);
  take_number(check, "open", in.open(), 0, limits::kOpsInFlight, out.open);
  out.taken = in.taken();
}

void decode_part(const proto::GroupPositions& in, GroupPositions& out, FieldCheck& check) {
  take_group(check, "group", in.group(), out.group);
  take_number(check, "names", in.names(), 1, limits::kCallPositions, out.names);
  take_part(check, "digest", in.has_digest(), in.digest(), out.digest);
}

void decode_part(const proto::Watermark& in, Watermark& out, FieldCheck& check) {
  take_part(check, "generation", in.has_generation(), in.generation(), out.generation);
  take_group(check, "group", in.group(), out.group);
  out.tag = in.tag();
  out.below = in.below();
}

void decode_part(const proto::TensorSummary& in, TensorSummary& out, FieldCheck& check) {
  take_name(check, "name", in.name(), out.name);
  take_enum(check, "type", in.type(), kLastDataType, out.type);
  take_number(check, "count", in.count(), 0, limits::kElements, out.count);
  take_part(check, "digest", in.has_digest(), in.digest(), out.digest);
}

void decode_part(const proto::StateSummary& in, StateSummary& out, FieldCheck& check) {
  out.revision = in.revision();
  take_enum(check, "strategy", in.strategy(), SyncStrategy::kReceiveOnly, out.strategy);
  take_part(check, "digest", in.has_digest(), in.digest(), out.digest);
  take_parts(check, "tensors", in.tensors(), limits::kTensorsPerState, out.tensors);
  take_part(check, "committed", in.has_committed(), in.committed(), out.committed);
}

void check_somebody(FieldCheck& check, std::string_view field, const PeerInfo& peer) {
  if (!peer.id) check.refuse(field, "names a peer without an id");
}

void check_plan(FieldCheck& check, std::string_view field, const topology::Plan& plan,
                size_t members) {
  if (!check.ok()) return;
  const auto fits = topology::validate(plan, static_cast<uint32_t>(members));
  if (!fits) check.refuse(field, "does not fit: " + fits.error().message);
}

}  // namespace atoll_core::wire
