// Encoding and decoding of what a peer sends.
#include <google/protobuf/arena.h>

#include "base/limits.h"
#include "wire/control.pb.h"
#include "wire/control_parts.h"
#include "wire/part_count.h"

namespace atoll_core::wire {
namespace {

// ---- typed value to envelope -------------------------------------------------------------------

void put(const Register& in, proto::ToCoordinator& envelope) {
  proto::Register* out = envelope.mutable_registration();
  out->set_version_min(in.version_min);
  out->set_version_max(in.version_max);
  out->set_run(in.run);
  encode_part(in.peer, out->mutable_peer());
  out->set_coordinators(in.coordinators);
  out->set_address(in.address);
  if (in.rejoin) encode_part(*in.rejoin, out->mutable_rejoin());
  encode_part(in.memory, out->mutable_memory());
}

void put(const PeerHeartbeat& in, proto::ToCoordinator& envelope) {
  envelope.mutable_heartbeat()->set_number(in.number);
  envelope.mutable_heartbeat()->set_received(in.received);
}

void put(const Resume& in, proto::ToCoordinator& envelope) {
  proto::Resume* out = envelope.mutable_resume();
  encode_part(in.session, out->mutable_session());
  out->set_incarnation(pack(in.incarnation));
  out->set_received(in.received);
  out->set_repeats_from(in.repeats_from);
  encode_parts(in.endpoints, out->mutable_endpoints());
}

void put(const Leave& in, proto::ToCoordinator& envelope) {
  envelope.mutable_leave()->set_reason(encode_sentence(in.reason));
  envelope.mutable_leave()->set_lost(in.lost);
}

void put(const UpdateRequest& in, proto::ToCoordinator& envelope) {
  proto::UpdateRequest* out = envelope.mutable_update_request();
  if (in.epoch) encode_part(*in.epoch, out->mutable_epoch());
  out->set_number(in.number);
  out->set_again(in.again);
  encode_parts(in.groups, out->mutable_groups());
  encode_parts(in.receives, out->mutable_receives());
}

void put(const Positions& in, proto::ToCoordinator& envelope) {
  encode_parts(in.positions, envelope.mutable_positions()->mutable_positions());
}

void put(const LinkReport& in, proto::ToCoordinator& envelope) {
  proto::LinkReport* out = envelope.mutable_link_report();
  out->set_peer(in.peer.value);
  out->set_state(static_cast<proto::LinkState>(in.state));
  out->set_reason(encode_sentence(in.reason));
  out->set_rtt_us(in.rtt_us);
  out->set_needed(in.needed);
}

void put(const ProbeResult& in, proto::ToCoordinator& envelope) {
  proto::ProbeResult* out = envelope.mutable_probe_result();
  out->set_peer(in.peer.value);
  encode_part(in.session, out->mutable_session());
  out->set_outcome(static_cast<proto::ProbeOutcome>(in.outcome));
  out->set_reason(encode_sentence(in.reason));
}

void put(const OpDone& in, proto::ToCoordinator& envelope) {
  proto::OpDone* out = envelope.mutable_op_done();
  encode_part(in.op, out->mutable_op());
  encode_part(in.epoch, out->mutable_epoch());
  encode_part(in.call, out->mutable_call());
}

void put(const OpWaiting& in, proto::ToCoordinator& envelope) {
  proto::OpWaiting* out = envelope.mutable_op_waiting();
  encode_part(in.op, out->mutable_op());
  encode_part(in.epoch, out->mutable_epoch());
  encode_part(in.call, out->mutable_call());
  encode_peers(in.missing, out->mutable_missing());
  out->set_waited_ms(encode_milliseconds(in.waited_ms));
}

void put(const AbortRequest& in, proto::ToCoordinator& envelope) {
  proto::AbortRequest* out = envelope.mutable_abort_request();
  encode_part(in.op, out->mutable_op());
  encode_part(in.epoch, out->mutable_epoch());
  encode_part(in.call, out->mutable_call());
  out->set_code(static_cast<int32_t>(in.code));
  out->set_reason(encode_sentence(in.reason));
}

void put(const SettleReport& in, proto::ToCoordinator& envelope) {
  proto::SettleReport* out = envelope.mutable_settle_report();
  out->set_round(in.round);
  encode_parts(in.ops, out->mutable_ops());
}

void put(const SyncRequest& in, proto::ToCoordinator& envelope) {
  proto::SyncRequest* out = envelope.mutable_sync_request();
  encode_part(in.op, out->mutable_op());
  encode_part(in.epoch, out->mutable_epoch());
  encode_part(in.state, out->mutable_state());
}

void put(const SyncDone& in, proto::ToCoordinator& envelope) {
  proto::SyncDone* out = envelope.mutable_sync_done();
  encode_part(in.op, out->mutable_op());
  encode_part(in.epoch, out->mutable_epoch());
}

void put(const Ended& in, proto::ToCoordinator& envelope) {
  encode_parts(in.marks, envelope.mutable_ended()->mutable_marks());
}

void put(const FollowState& in, proto::ToCoordinator& envelope) {
  proto::FollowState* out = envelope.mutable_follow_state();
  out->set_tag(in.tag);
  out->set_revision(in.revision);
  encode_part(in.digest, out->mutable_digest());
  out->set_waits(in.waits);
  encode_part(in.committed, out->mutable_committed());
}

void put(const Measured& in, proto::ToCoordinator& envelope) {
  proto::Measured* out = envelope.mutable_measured();
  for (const Measured::Path& path : in.paths) {
    proto::MeasuredPath* added = out->add_paths();
    added->set_to(path.to.value);
    added->set_bytes_per_second(path.bytes_per_second);
  }
  out->set_egress_bytes_per_second(in.egress_bytes_per_second);
}

void put(const UpdateWaiting&, proto::ToCoordinator& envelope) {
  envelope.mutable_update_waiting();
}

void put(const StatusRequest&, proto::ToCoordinator& envelope) {
  envelope.mutable_status_request();
}

// ---- parsed message to typed value -------------------------------------------------------------

void take(const proto::Register& in, Register& out, FieldCheck& check) {
  out.version_min = in.version_min();
  take_number(check, "version_max", in.version_max(), in.version_min(), 0xFFFFFFFFu,
              out.version_max);
  take_name(check, "run", in.run(), out.run);
  take_part(check, "peer", in.has_peer(), in.peer(), out.peer);
  take_number(check, "coordinators", in.coordinators(), 1, limits::kCoordinators,
              out.coordinators);
  take_number(check, "address", in.address(), 0, limits::kCoordinators - 1, out.address);
  // Who speaks another version is to be told that, and not what its message lacks.
  const bool readable = out.version_min <= kProtocolVersion && kProtocolVersion <= out.version_max;
  if (!readable) return;
  take_optional(check, "rejoin", in.has_rejoin(), in.rejoin(), out.rejoin);
  take_part(check, "memory", in.has_memory(), in.memory(), out.memory);
  check_whole(check, out);
}

void take(const proto::PeerHeartbeat& in, PeerHeartbeat& out, FieldCheck&) {
  out.number = in.number();
  out.received = in.received();
}

void take(const proto::Resume& in, Resume& out, FieldCheck& check) {
  take_part(check, "session", in.has_session(), in.session(), out.session);
  out.incarnation = unpack_incarnation(in.incarnation());
  out.received = in.received();
  out.repeats_from = in.repeats_from();
  take_parts(check, "endpoints", in.endpoints(), limits::kEndpointsPerPeer, out.endpoints);
}

void take(const proto::Leave& in, Leave& out, FieldCheck& check) {
  out.lost = in.lost();
  take_sentence(check, "reason", in.reason(), out.reason);
}

void take(const proto::UpdateRequest& in, UpdateRequest& out, FieldCheck& check) {
  take_optional(check, "epoch", in.has_epoch(), in.epoch(), out.epoch);
  out.number = in.number();
  out.again = in.again();
  take_parts(check, "groups", in.groups(), limits::kPositionGroups, out.groups);
  take_parts(check, "receives", in.receives(), limits::kOpsInFlight, out.receives);
}

void take(const proto::Positions& in, Positions& out, FieldCheck& check) {
  take_parts(check, "positions", in.positions(), limits::kCallPositions, out.positions);
}

void take(const proto::LinkReport& in, LinkReport& out, FieldCheck& check) {
  take_peer(check, "peer", in.peer(), out.peer);
  take_enum(check, "state", in.state(), LinkState::kUnreachable, out.state);
  take_sentence(check, "reason", in.reason(), out.reason);
  take_number(check, "rtt_us", in.rtt_us(), 0, limits::kRoundTripMicroseconds, out.rtt_us);
  out.needed = in.needed();
}

void take(const proto::ProbeResult& in, ProbeResult& out, FieldCheck& check) {
  take_peer(check, "peer", in.peer(), out.peer);
  take_part(check, "session", in.has_session(), in.session(), out.session);
  take_enum(check, "outcome", in.outcome(), ProbeOutcome::kSilent, out.outcome);
  take_sentence(check, "reason", in.reason(), out.reason);
}

// What all messages about one attempt have.
template <class In, class Out>
void take_attempt(const In& in, Out& out, FieldCheck& check) {
  take_part(check, "op", in.has_op(), in.op(), out.op);
  take_part(check, "epoch", in.has_epoch(), in.epoch(), out.epoch);
}

void take(const proto::OpDone& in, OpDone& out, FieldCheck& check) {
  take_attempt(in, out, check);
  take_part(check, "call", in.has_call(), in.call(), out.call);
}

void take(const proto::OpWaiting& in, OpWaiting& out, FieldCheck& check) {
  take_attempt(in, out, check);
  take_part(check, "call", in.has_call(), in.call(), out.call);
  take_peers(check, "missing", in.missing(), out.missing);
  take_number(check, "waited_ms", in.waited_ms(), 0, limits::kMilliseconds, out.waited_ms);
}

void take(const proto::AbortRequest& in, AbortRequest& out, FieldCheck& check) {
  take_attempt(in, out, check);
  take_part(check, "call", in.has_call(), in.call(), out.call);
  take_error_code(check, "code", in.code(), out.code);
  take_sentence(check, "reason", in.reason(), out.reason);
}

void take(const proto::SettleReport& in, SettleReport& out, FieldCheck& check) {
  out.round = in.round();
  take_parts(check, "ops", in.ops(), limits::kOpsPerReport, out.ops);
}

void take(const proto::SyncRequest& in, SyncRequest& out, FieldCheck& check) {
  take_attempt(in, out, check);
  take_part(check, "state", in.has_state(), in.state(), out.state);
}

void take(const proto::SyncDone& in, SyncDone& out, FieldCheck& check) {
  take_attempt(in, out, check);
}

void take(const proto::Ended& in, Ended& out, FieldCheck& check) {
  take_parts(check, "marks", in.marks(), limits::kWatermarks, out.marks);
}

void take(const proto::FollowState& in, FollowState& out, FieldCheck& check) {
  out.tag = in.tag();
  out.revision = in.revision();
  take_part(check, "digest", in.has_digest(), in.digest(), out.digest);
  out.waits = in.waits();
  take_part(check, "committed", in.has_committed(), in.committed(), out.committed);
}

void take(const proto::Measured& in, Measured& out, FieldCheck& check) {
  const auto count = static_cast<size_t>(in.paths_size());
  if (!check_count(check, "paths", count, limits::kPeers)) return;
  out.paths.resize(count);
  for (size_t i = 0; i < count && check.ok(); ++i) {
    const FieldCheck::Scope scope(check, "paths", i);
    const proto::MeasuredPath& path = in.paths(static_cast<int>(i));
    take_peer(check, "to", path.to(), out.paths[i].to);
    take_number(check, "bytes_per_second", path.bytes_per_second(), 1, limits::kBytesPerSecond,
                out.paths[i].bytes_per_second);
  }
  take_number(check, "egress_bytes_per_second", in.egress_bytes_per_second(), 0,
              limits::kBytesPerSecond, out.egress_bytes_per_second);
}

void take(const proto::UpdateWaiting&, UpdateWaiting&, FieldCheck&) {}

void take(const proto::StatusRequest&, StatusRequest&, FieldCheck&) {}

template <class Message, class In>
Result<ToCoordinator> decode_as(const In& in) {
  ToCoordinator message{Message{}};
  FieldCheck check(name_of(message));
  take(in, std::get<Message>(message), check);
  if (!check.ok()) return tl::make_unexpected(*check.error());
  return message;
}

}  // namespace

std::string encode(const ToCoordinator& message) {
  google::protobuf::Arena arena;
  auto* envelope = google::protobuf::Arena::CreateMessage<proto::ToCoordinator>(&arena);
  std::visit([&](const auto& body) { put(body, *envelope); }, message);
  return envelope->SerializeAsString();
}

Result<ToCoordinator> decode_to_coordinator(std::string_view bytes) {
  if (auto counted = check_part_count(bytes); !counted) {
    return tl::make_unexpected(counted.error());
  }
  google::protobuf::Arena arena;
  auto* envelope = google::protobuf::Arena::CreateMessage<proto::ToCoordinator>(&arena);
  if (!envelope->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return fail(ErrorCode::kInvalidArgument, "a control message of {} bytes is damaged",
                bytes.size());
  }
  using Envelope = proto::ToCoordinator;
  switch (envelope->body_case()) {
    case Envelope::kRegistration: return decode_as<Register>(envelope->registration());
    case Envelope::kHeartbeat: return decode_as<PeerHeartbeat>(envelope->heartbeat());
    case Envelope::kLeave: return decode_as<Leave>(envelope->leave());
    case Envelope::kUpdateRequest: return decode_as<UpdateRequest>(envelope->update_request());
    case Envelope::kLinkReport: return decode_as<LinkReport>(envelope->link_report());
    case Envelope::kProbeResult: return decode_as<ProbeResult>(envelope->probe_result());
    case Envelope::kOpDone: return decode_as<OpDone>(envelope->op_done());
    case Envelope::kOpWaiting: return decode_as<OpWaiting>(envelope->op_waiting());
    case Envelope::kAbortRequest: return decode_as<AbortRequest>(envelope->abort_request());
    case Envelope::kSettleReport: return decode_as<SettleReport>(envelope->settle_report());
    case Envelope::kSyncRequest: return decode_as<SyncRequest>(envelope->sync_request());
    case Envelope::kSyncDone: return decode_as<SyncDone>(envelope->sync_done());
    case Envelope::kEnded: return decode_as<Ended>(envelope->ended());
    case Envelope::kFollowState: return decode_as<FollowState>(envelope->follow_state());
    case Envelope::kMeasured: return decode_as<Measured>(envelope->measured());
    case Envelope::kResume: return decode_as<Resume>(envelope->resume());
    case Envelope::kUpdateWaiting: return decode_as<UpdateWaiting>(envelope->update_waiting());
    case Envelope::kPositions: return decode_as<Positions>(envelope->positions());
    case Envelope::kStatusRequest: return decode_as<StatusRequest>(envelope->status_request());
    case Envelope::BODY_NOT_SET: break;
  }
  return fail(ErrorCode::kInvalidArgument, "a peer sent a control message of an unknown kind");
}

}  // namespace atoll_core::wire
