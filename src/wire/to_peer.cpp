// Encoding and decoding of what the coordinator sends.
#include <google/protobuf/arena.h>

#include "base/limits.h"
#include "wire/control.pb.h"
#include "wire/control_parts.h"
#include "wire/part_count.h"

namespace atoll_core::wire {
namespace {

// Of a settle round: a day.

// ---- typed value to envelope -------------------------------------------------------------------

void put(const Registered& in, proto::ToPeer& envelope) {
  proto::Registered* out = envelope.mutable_registered();
  out->set_peer(in.peer.value);
  out->set_incarnation(pack(in.incarnation));
  out->set_run(in.run);
  out->set_version(in.version);
  out->set_heartbeat_interval_ms(encode_milliseconds(in.heartbeat_interval_ms));
  out->set_peer_timeout_ms(encode_milliseconds(in.peer_timeout_ms));
  out->set_member(in.member);
}

void put(const Refused& in, proto::ToPeer& envelope) {
  proto::Refused* out = envelope.mutable_refused();
  out->set_code(static_cast<int32_t>(in.code));
  out->set_reason(encode_sentence(in.reason));
  out->set_undecided(in.undecided);
}

void put(const CoordinatorHeartbeat& in, proto::ToPeer& envelope) {
  envelope.mutable_heartbeat()->set_number(in.number);
  envelope.mutable_heartbeat()->set_received(in.received);
}

void put(const Resumed& in, proto::ToPeer& envelope) {
  envelope.mutable_resumed()->set_resumed(in.resumed);
  envelope.mutable_resumed()->set_received(in.received);
}

void put(const UpdateFailed& in, proto::ToPeer& envelope) {
  proto::UpdateFailed* out = envelope.mutable_update_failed();
  out->set_code(static_cast<int32_t>(in.code));
  out->set_reason(encode_sentence(in.reason));
}

void put(const TellPositions&, proto::ToPeer& envelope) { envelope.mutable_tell_positions(); }

void put(const UpdateWaits& in, proto::ToPeer& envelope) {
  proto::UpdateWaits* out = envelope.mutable_update_waits();
  for (const std::string& reason : in.reasons) {
    out->add_reasons()->set_text(encode_sentence(reason));
  }
}

void put(const Roster& in, proto::ToPeer& envelope) {
  proto::Roster* out = envelope.mutable_roster();
  for (const Roster::Entry& entry : in.peers) {
    proto::Roster::Entry* added = out->add_peers();
    encode_part(entry.peer, added->mutable_peer());
    added->set_dial(entry.dial);
    added->set_ticket_high(entry.ticket.high);
    added->set_ticket_low(entry.ticket.low);
  }
}

void put(const Updated& in, proto::ToPeer& envelope) {
  proto::Updated* out = envelope.mutable_updated();
  encode_part(in.epoch, out->mutable_epoch());
  if (in.delta) encode_part(*in.delta, out->mutable_delta());
  out->set_updates(in.updates);
}

void put(const OpVerdict& in, proto::ToPeer& envelope) {
  encode_part(in.verdict, envelope.mutable_op_verdict()->mutable_verdict());
}

void put(const Freeze& in, proto::ToPeer& envelope) {
  proto::Freeze* out = envelope.mutable_freeze();
  out->set_round(in.round);
  if (in.op) encode_part(*in.op, out->mutable_op());
  out->set_reason(encode_sentence(in.reason));
  out->set_longest_ms(in.longest_ms);
}

void put(const Settled& in, proto::ToPeer& envelope) {
  proto::Settled* out = envelope.mutable_settled();
  out->set_round(in.round);
  if (in.op) encode_part(*in.op, out->mutable_op());
  if (in.delta) encode_part(*in.delta, out->mutable_delta());
  encode_parts(in.verdicts, out->mutable_verdicts());
}

void put(const Probe& in, proto::ToPeer& envelope) {
  encode_part(in.peer, envelope.mutable_probe()->mutable_peer());
}

void put(const SyncPlan& in, proto::ToPeer& envelope) {
  proto::SyncPlan* out = envelope.mutable_sync_plan();
  encode_part(in.op, out->mutable_op());
  encode_part(in.epoch, out->mutable_epoch());
  out->set_revision(in.revision);
  encode_part(in.digest, out->mutable_digest());
  encode_parts(in.tensors, out->mutable_tensors());
  encode_peers(in.holders, out->mutable_holders());
  out->set_number(in.number);
}

void put(const StateOffer& in, proto::ToPeer& envelope) {
  proto::StateOffer* out = envelope.mutable_state_offer();
  encode_part(in.instance, out->mutable_instance());
  out->set_tag(in.tag);
  out->set_revision(in.revision);
  encode_part(in.digest, out->mutable_digest());
  encode_parts(in.tensors, out->mutable_tensors());
  encode_peers(in.holders, out->mutable_holders());
}

void put(const Evicted& in, proto::ToPeer& envelope) {
  proto::Evicted* out = envelope.mutable_evicted();
  out->set_code(static_cast<int32_t>(in.code));
  out->set_reason(encode_sentence(in.reason));
}

void put(const Stable& in, proto::ToPeer& envelope) {
  encode_parts(in.marks, envelope.mutable_stable()->mutable_marks());
}

void put(const Status& in, proto::ToPeer& envelope) {
  encode_part(in, envelope.mutable_status());
}

// ---- parsed message to typed value -------------------------------------------------------------

void take(const proto::Registered& in, Registered& out, FieldCheck& check) {
  take_peer(check, "peer", in.peer(), out.peer);
  out.incarnation = unpack_incarnation(in.incarnation());
  if (!can_be_counted_on(out.incarnation)) check.refuse("incarnation", "is beyond all counts");
  take_name(check, "run", in.run(), out.run);
  out.version = in.version();
  take_number(check, "heartbeat_interval_ms", in.heartbeat_interval_ms(), 0, limits::kMilliseconds,
              out.heartbeat_interval_ms);
  take_number(check, "peer_timeout_ms", in.peer_timeout_ms(), 0, limits::kMilliseconds,
              out.peer_timeout_ms);
  out.member = in.member();
}

void take(const proto::Refused& in, Refused& out, FieldCheck& check) {
  take_error_code(check, "code", in.code(), out.code);
  take_sentence(check, "reason", in.reason(), out.reason);
  out.undecided = in.undecided();
}

void take(const proto::CoordinatorHeartbeat& in, CoordinatorHeartbeat& out, FieldCheck&) {
  out.number = in.number();
  out.received = in.received();
}

void take(const proto::Resumed& in, Resumed& out, FieldCheck&) {
  out.resumed = in.resumed();
  out.received = in.received();
}

void take(const proto::UpdateFailed& in, UpdateFailed& out, FieldCheck& check) {
  take_error_code(check, "code", in.code(), out.code);
  take_sentence(check, "reason", in.reason(), out.reason);
}

void take(const proto::TellPositions&, TellPositions&, FieldCheck&) {}

void take(const proto::UpdateWaits& in, UpdateWaits& out, FieldCheck& check) {
  const auto count = static_cast<size_t>(in.reasons_size());
  if (!check_count(check, "reasons", count, limits::kWaitsPerUpdate)) return;
  out.reasons.resize(count);
  for (size_t i = 0; i < count; ++i) {
    take_sentence(check, "reasons", in.reasons(static_cast<int>(i)).text(), out.reasons[i]);
  }
}

void decode_part(const proto::Roster::Entry& in, Roster::Entry& out, FieldCheck& check) {
  take_part(check, "peer", in.has_peer(), in.peer(), out.peer);
  check_somebody(check, "peer", out.peer);
  out.dial = in.dial();
  out.ticket = {in.ticket_high(), in.ticket_low()};
}

void take(const proto::Roster& in, Roster& out, FieldCheck& check) {
  const auto count = static_cast<size_t>(in.peers_size());
  if (!check_count(check, "peers", count, limits::kPeers)) return;
  out.peers.resize(count);
  for (size_t i = 0; i < count && check.ok(); ++i) {
    const FieldCheck::Scope scope(check, "peers", i);
    decode_part(in.peers(static_cast<int>(i)), out.peers[i], check);
  }
  check_whole(check, out);
}

void take(const proto::Updated& in, Updated& out, FieldCheck& check) {
  take_part(check, "epoch", in.has_epoch(), in.epoch(), out.epoch);
  take_optional(check, "delta", in.has_delta(), in.delta(), out.delta);
  take_number(check, "updates", in.updates(), 0, limits::kCounts, out.updates);
}

void take(const proto::OpVerdict& in, OpVerdict& out, FieldCheck& check) {
  take_part(check, "verdict", in.has_verdict(), in.verdict(), out.verdict);
}

void take(const proto::Freeze& in, Freeze& out, FieldCheck& check) {
  out.round = in.round();
  take_number(check, "longest_ms", in.longest_ms(), 0, limits::kRoundMilliseconds,
              out.longest_ms);
  take_optional(check, "op", in.has_op(), in.op(), out.op);
  take_sentence(check, "reason", in.reason(), out.reason);
}

void take(const proto::Settled& in, Settled& out, FieldCheck& check) {
  out.round = in.round();
  take_optional(check, "op", in.has_op(), in.op(), out.op);
  take_optional(check, "delta", in.has_delta(), in.delta(), out.delta);
  take_parts(check, "verdicts", in.verdicts(), limits::kOpsPerReport, out.verdicts);
}

void take(const proto::Probe& in, Probe& out, FieldCheck& check) {
  take_part(check, "peer", in.has_peer(), in.peer(), out.peer);
  check_somebody(check, "peer", out.peer);
}

void take(const proto::SyncPlan& in, SyncPlan& out, FieldCheck& check) {
  take_part(check, "op", in.has_op(), in.op(), out.op);
  take_part(check, "epoch", in.has_epoch(), in.epoch(), out.epoch);
  out.revision = in.revision();
  take_part(check, "digest", in.has_digest(), in.digest(), out.digest);
  take_parts(check, "tensors", in.tensors(), limits::kTensorsPerState, out.tensors);
  take_peers(check, "holders", in.holders(), out.holders);
  take_number(check, "number", in.number(), 0, limits::kCounts, out.number);
}

void take(const proto::StateOffer& in, StateOffer& out, FieldCheck& check) {
  take_part(check, "instance", in.has_instance(), in.instance(), out.instance);
  out.tag = in.tag();
  out.revision = in.revision();
  take_part(check, "digest", in.has_digest(), in.digest(), out.digest);
  take_parts(check, "tensors", in.tensors(), limits::kTensorsPerState, out.tensors);
  take_peers(check, "holders", in.holders(), out.holders);
}

void take(const proto::Evicted& in, Evicted& out, FieldCheck& check) {
  take_error_code(check, "code", in.code(), out.code);
  take_sentence(check, "reason", in.reason(), out.reason);
}

void take(const proto::Stable& in, Stable& out, FieldCheck& check) {
  take_parts(check, "marks", in.marks(), limits::kWatermarks, out.marks);
}

void take(const proto::Status& in, Status& out, FieldCheck& check) {
  decode_part(in, out, check);
}

template <class Message, class In>
Result<ToPeer> decode_as(const In& in) {
  ToPeer message{Message{}};
  FieldCheck check(name_of(message));
  take(in, std::get<Message>(message), check);
  if (!check.ok()) return tl::make_unexpected(*check.error());
  return message;
}

}  // namespace

std::string encode(const ToPeer& message) {
  google::protobuf::Arena arena;
  auto* envelope = google::protobuf::Arena::CreateMessage<proto::ToPeer>(&arena);
  std::visit([&](const auto& body) { put(body, *envelope); }, message);
  return envelope->SerializeAsString();
}

Result<ToPeer> decode_to_peer(std::string_view bytes) {
  if (auto counted = check_part_count(bytes); !counted) {
    return tl::make_unexpected(counted.error());
  }
  google::protobuf::Arena arena;
  auto* envelope = google::protobuf::Arena::CreateMessage<proto::ToPeer>(&arena);
  if (!envelope->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return fail(ErrorCode::kInvalidArgument, "a control message of {} bytes is damaged",
                bytes.size());
  }
  using Envelope = proto::ToPeer;
  switch (envelope->body_case()) {
    case Envelope::kRegistered: return decode_as<Registered>(envelope->registered());
    case Envelope::kRefused: return decode_as<Refused>(envelope->refused());
    case Envelope::kHeartbeat: return decode_as<CoordinatorHeartbeat>(envelope->heartbeat());
    case Envelope::kRoster: return decode_as<Roster>(envelope->roster());
    case Envelope::kUpdated: return decode_as<Updated>(envelope->updated());
    case Envelope::kOpVerdict: return decode_as<OpVerdict>(envelope->op_verdict());
    case Envelope::kFreeze: return decode_as<Freeze>(envelope->freeze());
    case Envelope::kSettled: return decode_as<Settled>(envelope->settled());
    case Envelope::kProbe: return decode_as<Probe>(envelope->probe());
    case Envelope::kSyncPlan: return decode_as<SyncPlan>(envelope->sync_plan());
    case Envelope::kResumed: return decode_as<Resumed>(envelope->resumed());
    case Envelope::kUpdateFailed: return decode_as<UpdateFailed>(envelope->update_failed());
    case Envelope::kUpdateWaits: return decode_as<UpdateWaits>(envelope->update_waits());
    case Envelope::kTellPositions: return decode_as<TellPositions>(envelope->tell_positions());
    case Envelope::kStateOffer: return decode_as<StateOffer>(envelope->state_offer());
    case Envelope::kEvicted: return decode_as<Evicted>(envelope->evicted());
    case Envelope::kStable: return decode_as<Stable>(envelope->stable());
    case Envelope::kStatus: return decode_as<Status>(envelope->status());
    case Envelope::BODY_NOT_SET: break;
  }
  return fail(ErrorCode::kInvalidArgument,
              "the coordinator sent a control message of an unknown kind");
}

}  // namespace atoll_core::wire
