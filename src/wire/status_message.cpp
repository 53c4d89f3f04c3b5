// Encoding and decoding of Status, the largest of the messages.
#include "base/limits.h"
#include "wire/control.pb.h"
#include "wire/control_parts.h"

namespace atoll_core::wire {

// ---- typed value to protobuf -------------------------------------------------------------------

void encode_part(const PeerStatus& in, proto::PeerStatus* out) {
  encode_part(in.peer, out->mutable_peer());
  out->set_standing(static_cast<proto::PeerStanding>(in.standing));
  out->set_remote(encode_sentence(in.remote));
  out->set_silent_ms(encode_milliseconds(in.silent_ms));
  out->set_updating(in.updating);
}

void encode_part(const OpStatus& in, proto::OpStatus* out) {
  encode_part(in.op, out->mutable_op());
  out->set_what(encode_sentence(in.what));
  out->set_known_ms(encode_milliseconds(in.known_ms));
  out->set_done_count(in.done_count);
  out->set_awaited_count(in.awaited_count);
  encode_peers(in.done, out->mutable_done());
  encode_peers(in.awaited, out->mutable_awaited());
  encode_peers(in.absent, out->mutable_absent());
  out->set_abort_reason(encode_sentence(in.abort_reason));
}

void encode_part(const EventStatus& in, proto::EventStatus* out) {
  out->set_age_ms(encode_milliseconds(in.age_ms));
  out->set_text(encode_sentence(in.text));
}

void encode_part(const StatusCounters& in, proto::StatusCounters* out) {
  out->set_commits(in.commits);
  out->set_aborts(in.aborts);
  out->set_settle_rounds(in.settle_rounds);
  out->set_admissions(in.admissions);
  out->set_evictions(in.evictions);
  out->set_left(in.left);
}

// ---- protobuf to typed value -------------------------------------------------------------------

void decode_part(const proto::PeerStatus& in, PeerStatus& out, FieldCheck& check) {
  take_part(check, "peer", in.has_peer(), in.peer(), out.peer);
  check_somebody(check, "peer", out.peer);
  take_enum(check, "standing", in.standing(), PeerStanding::kSuspect, out.standing);
  take_sentence(check, "remote", in.remote(), out.remote);
  take_number(check, "silent_ms", in.silent_ms(), 0, limits::kMilliseconds, out.silent_ms);
  out.updating = in.updating();
}

namespace {

template <class Repeated>
void take_some_peers(FieldCheck& check, std::string_view field, const Repeated& in,
                     std::vector<PeerId>& out) {
  const auto count = static_cast<size_t>(in.size());
  if (check_count(check, field, count, limits::kPeersPerOpStatus)) {
    take_peers(check, field, in, out);
  }
}

}  // namespace

void decode_part(const proto::OpStatus& in, OpStatus& out, FieldCheck& check) {
  take_part(check, "op", in.has_op(), in.op(), out.op);
  take_sentence(check, "what", in.what(), out.what);
  take_number(check, "known_ms", in.known_ms(), 0, limits::kMilliseconds, out.known_ms);
  out.done_count = in.done_count();
  out.awaited_count = in.awaited_count();
  take_some_peers(check, "done", in.done(), out.done);
  take_some_peers(check, "awaited", in.awaited(), out.awaited);
  take_some_peers(check, "absent", in.absent(), out.absent);
  take_sentence(check, "abort_reason", in.abort_reason(), out.abort_reason);
}

void decode_part(const proto::EventStatus& in, EventStatus& out, FieldCheck& check) {
  take_number(check, "age_ms", in.age_ms(), 0, limits::kMilliseconds, out.age_ms);
  take_sentence(check, "text", in.text(), out.text);
}

void decode_part(const proto::StatusCounters& in, StatusCounters& out, FieldCheck&) {
  out.commits = in.commits();
  out.aborts = in.aborts();
  out.settle_rounds = in.settle_rounds();
  out.admissions = in.admissions();
  out.evictions = in.evictions();
  out.left = in.left();
}

void encode_part(const Status& in, proto::Status* out) {
  out->set_run(in.run);
  encode_part(in.instance, out->mutable_instance());
  encode_part(in.history, out->mutable_history());
  for (const std::string& sentence : in.waits) {
    out->add_waits()->set_text(encode_sentence(sentence));
  }
  out->set_stepped_down(encode_sentence(in.stepped_down));
  out->set_incarnation(pack(in.incarnation));
  encode_part(in.epoch, out->mutable_epoch());
  encode_part(in.generation, out->mutable_generation());
  out->set_uptime_ms(encode_milliseconds(in.uptime_ms));
  out->set_settling(in.settling);
  out->set_ops_open(in.ops_open);
  encode_part(in.counters, out->mutable_counters());
  encode_parts(in.peers, out->mutable_peers());
  encode_parts(in.ops, out->mutable_ops());
  encode_parts(in.events, out->mutable_events());
}

void decode_part(const proto::Status& in, Status& out, FieldCheck& check) {
  take_name(check, "run", in.run(), out.run);
  take_part(check, "instance", in.has_instance(), in.instance(), out.instance);
  take_part(check, "history", in.has_history(), in.history(), out.history);
  const auto waits = static_cast<size_t>(in.waits_size());
  if (!check_count(check, "waits", waits, limits::kWaitsPerStatus)) return;
  out.waits.resize(waits);
  for (size_t i = 0; i < waits; ++i) {
    take_sentence(check, "waits", in.waits(static_cast<int>(i)).text(), out.waits[i]);
  }
  take_sentence(check, "stepped_down", in.stepped_down(), out.stepped_down);
  out.incarnation = unpack_incarnation(in.incarnation());
  take_part(check, "epoch", in.has_epoch(), in.epoch(), out.epoch);
  take_part(check, "generation", in.has_generation(), in.generation(), out.generation);
  take_number(check, "uptime_ms", in.uptime_ms(), 0, limits::kMilliseconds, out.uptime_ms);
  out.settling = in.settling();
  out.ops_open = in.ops_open();
  take_part(check, "counters", in.has_counters(), in.counters(), out.counters);
  take_parts(check, "peers", in.peers(), limits::kPeers, out.peers);
  take_parts(check, "ops", in.ops(), limits::kOpsPerStatus, out.ops);
  take_parts(check, "events", in.events(), limits::kEventsPerStatus, out.events);
}

}  // namespace atoll_core::wire
