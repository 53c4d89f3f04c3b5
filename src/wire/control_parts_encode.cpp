#include <algorithm>

#include "base/limits.h"
#include "base/text.h"
#include "wire/control.pb.h"
#include "wire/control_parts.h"

namespace atoll_core::wire {
namespace {

// Typed enums and those of the schema are converted by number.
static_assert(static_cast<int>(kLastOpKind) == proto::OpKind_MAX);
static_assert(static_cast<int>(OpPhase::kAborted) == proto::OpPhase_MAX);
static_assert(static_cast<int>(SyncStrategy::kReceiveOnly) == proto::SyncStrategy_MAX);
static_assert(static_cast<int>(LinkState::kUnreachable) == proto::LinkState_MAX);
static_assert(static_cast<int>(ProbeOutcome::kSilent) == proto::ProbeOutcome_MAX);

}  // namespace

uint64_t pack(const Incarnation& incarnation) {
  return uint64_t{incarnation.counter} << 32 | incarnation.nonce;
}

void encode_part(const ContentDigest& in, proto::ContentDigest* out) {
  out->set_high(in.high);
  out->set_low(in.low);
}

void encode_part(const SessionId& in, proto::SessionId* out) {
  out->set_high(in.high);
  out->set_low(in.low);
}

void encode_part(const InstanceId& in, proto::InstanceId* out) {
  out->set_high(in.high);
  out->set_low(in.low);
}

void encode_part(const RunHistory& in, proto::RunHistory* out) {
  out->set_syncs(in.syncs);
  out->set_updates(in.updates);
  out->set_revision(in.revision);
}

void encode_part(const CommittedRevision& in, proto::CommittedRevision* out) {
  encode_part(in.instance, out->mutable_instance());
  out->set_revision(in.revision);
}

void encode_part(const HeldRevision& in, proto::HeldRevision* out) {
  out->set_tag(in.tag);
  out->set_layout(in.layout);
  out->set_revision(in.revision);
}

void encode_part(const RunMemory& in, proto::RunMemory* out) {
  encode_part(in.instance, out->mutable_instance());
  encode_part(in.history, out->mutable_history());
  encode_parts(in.held, out->mutable_held());
  out->set_life(pack(in.life));
}

void encode_part(const Epoch& in, proto::Epoch* out) {
  out->set_incarnation(pack(in.incarnation));
  out->set_number(in.number);
}

void encode_part(const Generation& in, proto::Epoch* out) { encode_part(in.first, out); }

void encode_part(const OpId& in, proto::OpId* out) {
  encode_part(in.generation, out->mutable_generation());
  out->set_group(in.group);
  out->set_tag(in.tag);
  out->set_sequence(in.sequence);
}

void encode_part(const Endpoint& in, proto::Endpoint* out) {
  out->set_host(in.host);
  out->set_port(in.port);
}

void encode_part(const PeerInfo& in, proto::PeerInfo* out) {
  out->set_id(in.id.value);
  encode_part(in.session, out->mutable_session());
  out->set_name(in.name);
  out->set_replica(in.replica);
  out->set_shard(in.shard);
  out->set_shard_count(in.shard_count);
  out->set_slot(in.slot);
  out->set_computer(in.computer);
  out->set_cpus(in.cpus);
  encode_parts(in.endpoints, out->mutable_endpoints());
}

void encode_part(const topology::Plan& in, proto::Plan* out) {
  out->mutable_ring()->Add(in.ring.begin(), in.ring.end());
  out->mutable_shares()->Add(in.shares.begin(), in.shares.end());
  out->set_hub(in.hub);
  out->set_chunk_bytes(in.pipelining.chunk_bytes);
  out->set_segments_in_flight(in.pipelining.segments_in_flight);
  for (const topology::Choice& choice : in.choices) {
    out->add_choices_below(choice.bytes_below);
    out->add_choices_algorithm(static_cast<uint32_t>(choice.algorithm));
  }
}

void encode_part(const View& in, proto::View* out) {
  encode_part(in.instance, out->mutable_instance());
  encode_part(in.epoch, out->mutable_epoch());
  encode_part(in.generation, out->mutable_generation());
  encode_parts(in.members, out->mutable_members());
  encode_peers(in.slots, out->mutable_slots());
  encode_part(in.plan, out->mutable_plan());
}

void encode_part(const Member& in, proto::Member* out) {
  out->set_id(in.id.value);
  out->set_name(in.name);
  out->set_replica(in.replica);
  out->set_shard(in.shard);
  out->set_slot(in.slot);
}

void encode_part(const GenerationState& in, proto::GenerationState* out) {
  encode_part(in.generation, out->mutable_generation());
  encode_part(in.attempt, out->mutable_attempt());
  encode_parts(in.members, out->mutable_members());
  encode_part(in.plan, out->mutable_plan());
}

void encode_part(const Rejoin& in, proto::Rejoin* out) {
  out->set_incarnation(pack(in.incarnation));
  encode_part(in.view, out->mutable_view());
  encode_parts(in.generations, out->mutable_generations());
  out->set_updates(in.updates);
  out->set_update_code(static_cast<int32_t>(in.update_code));
  out->set_update_reason(encode_sentence(in.update_reason));
  out->set_gap(in.gap);
}

void encode_part(const ViewDelta& in, proto::ViewDelta* out) {
  encode_part(in.instance, out->mutable_instance());
  if (in.base) encode_part(*in.base, out->mutable_base());
  encode_part(in.epoch, out->mutable_epoch());
  encode_part(in.generation, out->mutable_generation());
  encode_peers(in.removed, out->mutable_removed());
  encode_parts(in.added, out->mutable_added());
  if (in.plan) encode_part(*in.plan, out->mutable_plan());
  encode_part(in.digest, out->mutable_digest());
  out->set_reason(encode_sentence(in.reason));
  encode_peers(in.slots, out->mutable_slots());
}

void encode_part(const CallDescription& in, proto::CallDescription* out) {
  out->set_kind(static_cast<proto::OpKind>(in.kind));
  out->set_type(static_cast<uint32_t>(in.type));
  out->set_reduce(static_cast<uint32_t>(in.reduce));
  out->set_count(in.count);
  out->set_tensors(in.tensors);
  encode_part(in.layout, out->mutable_layout());
  out->set_algorithm(in.algorithm);
  out->set_codec(in.codec);
  out->set_root(in.root.value);
  out->set_retry(in.retry);
  out->set_keep(in.keep);
  out->mutable_counts()->Add(in.counts.begin(), in.counts.end());
}

void encode_part(const OpReport& in, proto::OpReport* out) {
  encode_part(in.op, out->mutable_op());
  encode_part(in.epoch, out->mutable_epoch());
  out->set_phase(static_cast<proto::OpPhase>(in.phase));
  encode_part(in.call, out->mutable_call());
  out->set_holds_result(in.holds_result);
  encode_peers(in.contributors, out->mutable_contributors());
  out->set_code(static_cast<int32_t>(in.code));
  out->set_reason(encode_sentence(in.reason));
  out->set_kept_below(in.kept_below);
  out->set_complete_below(in.complete_below);
  out->set_stable_below(in.stable_below);
}

void encode_part(const Verdict& in, proto::Verdict* out) {
  encode_part(in.op, out->mutable_op());
  encode_part(in.epoch, out->mutable_epoch());
  out->set_committed(in.committed);
  out->set_final(in.final);
  out->set_code(static_cast<int32_t>(in.code));
  out->set_reason(encode_sentence(in.reason));
  encode_peers(in.contributors, out->mutable_contributors());
  encode_peers(in.holders, out->mutable_holders());
  out->set_kept_below(in.kept_below);
}

void encode_part(const CallPosition& in, proto::CallPosition* out) {
  out->set_group(in.group);
  out->set_tag(in.tag);
  out->set_next_sequence(in.next_sequence);
}

void encode_part(const AnyReceives& in, proto::AnyReceives* out) {
  out->set_tag(in.tag);
  out->set_open(in.open);
  out->set_taken(in.taken);
}

void encode_part(const GroupPositions& in, proto::GroupPositions* out) {
  out->set_group(in.group);
  out->set_names(in.names);
  encode_part(in.digest, out->mutable_digest());
}

void encode_part(const Watermark& in, proto::Watermark* out) {
  encode_part(in.generation, out->mutable_generation());
  out->set_group(in.group);
  out->set_tag(in.tag);
  out->set_below(in.below);
}

void encode_part(const TensorSummary& in, proto::TensorSummary* out) {
  out->set_name(in.name);
  out->set_type(static_cast<uint32_t>(in.type));
  out->set_count(in.count);
  encode_part(in.digest, out->mutable_digest());
}

void encode_part(const StateSummary& in, proto::StateSummary* out) {
  out->set_revision(in.revision);
  out->set_strategy(static_cast<proto::SyncStrategy>(in.strategy));
  encode_part(in.digest, out->mutable_digest());
  encode_parts(in.tensors, out->mutable_tensors());
  encode_part(in.committed, out->mutable_committed());
}

std::string encode_sentence(std::string_view text) {
  return make_printable(text, limits::kSentenceBytes);
}

uint64_t encode_milliseconds(uint64_t value) { return std::min(value, limits::kMilliseconds); }

}  // namespace atoll_core::wire
