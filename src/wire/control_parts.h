// Conversion between the parts of control messages and their protobuf form. Protobuf types are
// only declared here, so that no header includes generated code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.h"
#include "base/limits.h"
#include "wire/control.h"
#include "wire/field_check.h"
#include "wire/view_check.h"

namespace atoll_core::wire::proto {

class AnyReceives;
class CallDescription;
class CallPosition;
class CommittedRevision;
class ContentDigest;
class Endpoint;
class Epoch;
class GenerationState;
class GroupPositions;
class HeldRevision;
class InstanceId;
class Member;
class OpId;
class OpReport;
class PeerInfo;
class Plan;
class Rejoin;
class RunHistory;
class RunMemory;
class SessionId;
class StateSummary;
class EventStatus;
class OpStatus;
class PeerStatus;
class Status;
class StatusCounters;
class TensorSummary;
class Verdict;
class View;
class Watermark;
class ViewDelta;

}  // namespace atoll_core::wire::proto

namespace atoll_core::wire {

uint64_t pack(const Incarnation& incarnation);
Incarnation unpack_incarnation(uint64_t packed);

// ---- typed value to protobuf -------------------------------------------------------------------

void encode_part(const ContentDigest& in, proto::ContentDigest* out);
void encode_part(const SessionId& in, proto::SessionId* out);
void encode_part(const InstanceId& in, proto::InstanceId* out);
void encode_part(const RunHistory& in, proto::RunHistory* out);
void encode_part(const CommittedRevision& in, proto::CommittedRevision* out);
void encode_part(const HeldRevision& in, proto::HeldRevision* out);
void encode_part(const RunMemory& in, proto::RunMemory* out);
void encode_part(const Epoch& in, proto::Epoch* out);
void encode_part(const Generation& in, proto::Epoch* out);
void encode_part(const OpId& in, proto::OpId* out);
void encode_part(const Endpoint& in, proto::Endpoint* out);
void encode_part(const PeerInfo& in, proto::PeerInfo* out);
void encode_part(const topology::Plan& in, proto::Plan* out);
void encode_part(const View& in, proto::View* out);
void encode_part(const Member& in, proto::Member* out);
void encode_part(const GenerationState& in, proto::GenerationState* out);
void encode_part(const Rejoin& in, proto::Rejoin* out);
void encode_part(const ViewDelta& in, proto::ViewDelta* out);
void encode_part(const CallDescription& in, proto::CallDescription* out);
void encode_part(const OpReport& in, proto::OpReport* out);
void encode_part(const Verdict& in, proto::Verdict* out);
void encode_part(const CallPosition& in, proto::CallPosition* out);
void encode_part(const GroupPositions& in, proto::GroupPositions* out);
void encode_part(const AnyReceives& in, proto::AnyReceives* out);
void encode_part(const Watermark& in, proto::Watermark* out);
void encode_part(const TensorSummary& in, proto::TensorSummary* out);
void encode_part(const StateSummary& in, proto::StateSummary* out);
// status_message.cpp
void encode_part(const PeerStatus& in, proto::PeerStatus* out);
void encode_part(const OpStatus& in, proto::OpStatus* out);
void encode_part(const EventStatus& in, proto::EventStatus* out);
void encode_part(const StatusCounters& in, proto::StatusCounters* out);
void encode_part(const Status& in, proto::Status* out);

std::string encode_sentence(std::string_view text);
uint64_t encode_milliseconds(uint64_t value);

template <class T, class Repeated>
void encode_parts(const std::vector<T>& in, Repeated* out) {
  out->Reserve(static_cast<int>(in.size()));
  for (const T& part : in) encode_part(part, out->Add());
}

template <class Repeated>
void encode_peers(const std::vector<PeerId>& in, Repeated* out) {
  out->Reserve(static_cast<int>(in.size()));
  for (const PeerId peer : in) out->Add(peer.value);
}

// ---- protobuf to typed value -------------------------------------------------------------------

void decode_part(const proto::ContentDigest& in, ContentDigest& out, FieldCheck& check);
void decode_part(const proto::SessionId& in, SessionId& out, FieldCheck& check);
void decode_part(const proto::InstanceId& in, InstanceId& out, FieldCheck& check);
void decode_part(const proto::RunHistory& in, RunHistory& out, FieldCheck& check);
void decode_part(const proto::CommittedRevision& in, CommittedRevision& out, FieldCheck& check);
void decode_part(const proto::HeldRevision& in, HeldRevision& out, FieldCheck& check);
void decode_part(const proto::RunMemory& in, RunMemory& out, FieldCheck& check);
void decode_part(const proto::Epoch& in, Epoch& out, FieldCheck& check);
void decode_part(const proto::Epoch& in, Generation& out, FieldCheck& check);
void decode_part(const proto::OpId& in, OpId& out, FieldCheck& check);
void decode_part(const proto::Endpoint& in, Endpoint& out, FieldCheck& check);
// The id may be 0, as in Register; who needs somebody checks it.
void decode_part(const proto::PeerInfo& in, PeerInfo& out, FieldCheck& check);
// Whether it fits the members is the caller's to check (check_plan), where they are known.
void decode_part(const proto::Plan& in, topology::Plan& out, FieldCheck& check);
void decode_part(const proto::View& in, View& out, FieldCheck& check);
void decode_part(const proto::Member& in, Member& out, FieldCheck& check);
void decode_part(const proto::GenerationState& in, GenerationState& out, FieldCheck& check);
void decode_part(const proto::Rejoin& in, Rejoin& out, FieldCheck& check);
void decode_part(const proto::ViewDelta& in, ViewDelta& out, FieldCheck& check);
void decode_part(const proto::CallDescription& in, CallDescription& out, FieldCheck& check);
void decode_part(const proto::OpReport& in, OpReport& out, FieldCheck& check);
void decode_part(const proto::Verdict& in, Verdict& out, FieldCheck& check);
void decode_part(const proto::CallPosition& in, CallPosition& out, FieldCheck& check);
void decode_part(const proto::GroupPositions& in, GroupPositions& out, FieldCheck& check);
void decode_part(const proto::AnyReceives& in, AnyReceives& out, FieldCheck& check);
void decode_part(const proto::Watermark& in, Watermark& out, FieldCheck& check);
void decode_part(const proto::TensorSummary& in, TensorSummary& out, FieldCheck& check);
void decode_part(const proto::StateSummary& in, StateSummary& out, FieldCheck& check);
void decode_part(const proto::PeerStatus& in, PeerStatus& out, FieldCheck& check);
void decode_part(const proto::OpStatus& in, OpStatus& out, FieldCheck& check);
void decode_part(const proto::EventStatus& in, EventStatus& out, FieldCheck& check);
void decode_part(const proto::StatusCounters& in, StatusCounters& out, FieldCheck& check);
void decode_part(const proto::Status& in, Status& out, FieldCheck& check);

void check_somebody(FieldCheck& check, std::string_view field, const PeerInfo& peer);
void check_plan(FieldCheck& check, std::string_view field, const topology::Plan& plan,
                size_t members);

// Each field of it may be well, and the whole be none.
template <class Part>
void check_whole(FieldCheck& check, const Part& part) {
  if (!check.ok()) return;
  if (const auto problem = problem_of(part)) check.refuse_whole(*problem);
}

// A part that must be there.
template <class In, class Out>
void take_part(FieldCheck& check, std::string_view field, bool present, const In& in, Out& out) {
  if (!present) return check.refuse(field, "is missing");
  const FieldCheck::Scope scope(check, field);
  decode_part(in, out, check);
}

template <class In, class Out>
void take_optional(FieldCheck& check, std::string_view field, bool present, const In& in,
                   std::optional<Out>& out) {
  if (present) take_part(check, field, present, in, out.emplace());
}

template <class Repeated, class Out>
void take_parts(FieldCheck& check, std::string_view field, const Repeated& in, size_t count_max,
                std::vector<Out>& out) {
  const auto count = static_cast<size_t>(in.size());
  if (!check.ok() || !check_count(check, field, count, count_max)) return;
  out.resize(count);
  for (size_t i = 0; i < count && check.ok(); ++i) {
    const FieldCheck::Scope scope(check, field, i);
    decode_part(in[static_cast<int>(i)], out[i], check);
  }
}

template <class Repeated>
void take_peers(FieldCheck& check, std::string_view field, const Repeated& in,
                std::vector<PeerId>& out) {
  const auto count = static_cast<size_t>(in.size());
  if (!check.ok() || !check_count(check, field, count, limits::kPeers)) return;
  out.reserve(count);
  for (const uint64_t peer : in) take_peer(check, field, peer, out.emplace_back());
}

}  // namespace atoll_core::wire
