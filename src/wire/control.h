// The control messages between a peer and the coordinator as typed values. control.proto is their
// form on the wire; protobuf types never leave this folder. docs/PROTOCOL.md has the table of who
// sends what when.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/element.h"
#include "base/endpoint.h"
#include "base/error.h"
#include "base/ids.h"
#include "wire/call_description.h"
#include "wire/call_positions.h"
#include "wire/peer_info.h"
#include "wire/protocol_version.h"
#include "wire/run_memory.h"
#include "wire/status_parts.h"
#include "wire/view.h"

namespace atoll_core::wire {

// ---- parts; see also view.h, run_memory.h, call_description.h, call_positions.h, status_parts.h -

enum class OpPhase : uint8_t {
  kBegun = 0,      // called, not locally complete
  kDone = 1,       // locally complete: the result is held
  kCommitted = 2,  // returned, or about to: a commit was heard
  kAborted = 3,    // a final abort was heard
};

struct OpReport {
  OpId op;
  Epoch epoch;  // of the attempt
  OpPhase phase = OpPhase::kBegun;
  CallDescription call;
  bool holds_result = false;         // committed: others can fetch the result here
  std::vector<PeerId> contributors;  // committed
  ErrorCode code = ErrorCode::kSuccess;  // aborted
  std::string reason;                    // aborted
  // Of a call that keeps segments, in elements. `kept_below`: where the attempt began;
  // `complete_below`: the result is held; `stable_below`: so it is on all, and the input is gone.
  uint64_t kept_below = 0;
  uint64_t complete_below = 0;
  uint64_t stable_below = 0;
  bool operator==(const OpReport&) const = default;
};

struct Verdict {
  OpId op;
  Epoch epoch;             // of the attempt that ended
  bool committed = false;
  bool final = true;       // false: aborted, to be tried again in the next view
  ErrorCode code = ErrorCode::kSuccess;
  std::string reason;      // empty when committed
  std::vector<PeerId> contributors;
  // Committed: from whom one who has not completed that attempt fetches the result.
  std::vector<PeerId> holders;
  // Not final: the elements below this stand, as the attempts so far have made them.
  uint64_t kept_below = 0;
  bool operator==(const Verdict&) const = default;
};

// Stands for all ops of one generation, group and tag with sequences below `below`.
struct Watermark {
  Generation generation;
  Group group = 0;
  uint64_t tag = 0;
  uint64_t below = 0;
  auto operator<=>(const Watermark&) const = default;
};

enum class SyncStrategy : uint8_t { kPopular = 0, kSendOnly = 1, kReceiveOnly = 2 };
std::string_view to_string(SyncStrategy strategy);

struct TensorSummary {
  std::string name;
  DataType type = DataType::kFloat32;
  uint64_t count = 0;
  ContentDigest digest;
  bool operator==(const TensorSummary&) const = default;
};

// What one peer brings to a state sync.
struct StateSummary {
  uint64_t revision = 0;
  SyncStrategy strategy = SyncStrategy::kPopular;
  ContentDigest digest;  // of the whole state
  std::vector<TensorSummary> tensors;
  CommittedRevision committed;  // what the content is or was made of
  bool operator==(const StateSummary&) const = default;
};

// ---- peer to coordinator -----------------------------------------------------------------------

// What a member holds of the run: enough for a coordinator that knows nothing.
struct Rejoin {
  Incarnation incarnation;  // of the last coordinator that accepted this session
  View view;
  std::vector<GenerationState> generations;  // in which calls may be open, oldest first
  uint64_t updates = 0;     // that have ended in the view's generation
  ErrorCode update_code = ErrorCode::kSuccess;  // of the last of them
  std::string update_reason;
  bool gap = false;         // not through a committed sync since its admission
  bool operator==(const Rejoin&) const = default;
};

struct Register {
  uint32_t version_min = kProtocolVersion;
  uint32_t version_max = kProtocolVersion;
  std::string run;                 // run id; empty: whatever the coordinator runs
  PeerInfo peer;                   // id 0, or the one this session was given before
  uint32_t coordinators = 1;       // addresses of coordinators that this peer knows
  uint32_t address = 0;            // which of them this is
  RunMemory memory;                // of the stay in a run that this one or a former session had
  std::optional<Rejoin> rejoin;    // of a session that holds a view, when it comes back
  bool operator==(const Register&) const = default;
};

// Instead of Register, from a member whose connection to this life of the coordinator was lost.
// Both ends say how much they have heard, and repeat the rest: membership/common/control_session.h.
struct Resume {
  SessionId session;
  Incarnation incarnation;   // that has registered this session
  uint64_t received = 0;     // of the numbered messages since then
  uint64_t repeats_from = 1;  // the first of its own that this peer can repeat
  std::vector<Endpoint> endpoints;  // where it listens now; none: where it did
  bool operator==(const Resume&) const = default;
};

struct PeerHeartbeat {
  uint64_t number = 0;    // of the last coordinator heartbeat that has come
  uint64_t received = 0;  // numbered messages
  bool operator==(const PeerHeartbeat&) const = default;
};

struct Leave {
  std::string reason;
  bool lost = false;  // not of its own will: it may come back, and its run is not over
  bool operator==(const Leave&) const = default;
};

// The caller waits in atollUpdate. A pending peer says with it that it is ready to be admitted.
struct UpdateRequest {
  std::optional<Epoch> epoch;  // none while pending
  uint64_t number = 0;         // of the updates of this generation
  std::vector<GroupPositions> groups;  // in which this peer has made calls
  std::vector<AnyReceives> receives;   // with calls that have no sender yet, or had none
  bool again = false;          // nothing but `receives` and what follows is new; no other answer
  bool operator==(const UpdateRequest&) const = default;
};

// The answer to TellPositions: those of the open UpdateRequest.
struct Positions {
  std::vector<CallPosition> positions;
  bool operator==(const Positions&) const = default;
};

// The caller has waited in atollUpdate for a while. The answer is UpdateWaits, now and each time
// that it changes until the update ends.
struct UpdateWaiting {
  bool operator==(const UpdateWaiting&) const = default;
};

enum class LinkState : uint8_t {
  kUp = 0,
  kRefused = 1,      // nobody, or somebody else, listens where it has answered before
  kUnreachable = 2,  // no answer, or a refusal where it has never answered
};

struct LinkReport {
  PeerId peer;
  LinkState state = LinkState::kUp;
  std::string reason;
  uint64_t rtt_us = 0;  // kUp, from the one who dialled: the least round trip; 0: not measured
  bool needed = false;  // not kUp: frames of calls wait for a connection
  bool operator==(const LinkReport&) const = default;
};

enum class ProbeOutcome : uint8_t { kAlive = 0, kDead = 1, kSilent = 2 };

struct ProbeResult {
  PeerId peer;
  SessionId session;
  ProbeOutcome outcome = ProbeOutcome::kSilent;
  std::string reason;
  bool operator==(const ProbeResult&) const = default;
};

struct OpDone {
  OpId op;
  Epoch epoch;
  CallDescription call;
  bool operator==(const OpDone&) const = default;
};

// Sent when counterparts of an op have not shown up for a while.
struct OpWaiting {
  OpId op;
  Epoch epoch;
  CallDescription call;
  std::vector<PeerId> missing;
  uint64_t waited_ms = 0;
  bool operator==(const OpWaiting&) const = default;
};

// Asks for one op to be ended: cancel, deadline, mismatch. The verdict says what became of it.
struct AbortRequest {
  OpId op;
  Epoch epoch;
  CallDescription call;
  ErrorCode code = ErrorCode::kAborted;
  std::string reason;
  bool operator==(const AbortRequest&) const = default;
};

// The answer to Freeze.
struct SettleReport {
  uint64_t round = 0;
  std::vector<OpReport> ops;
  bool operator==(const SettleReport&) const = default;
};

// The caller waits in a state sync. It is a call like any other: it has an op name.
struct SyncRequest {
  OpId op;
  Epoch epoch;
  StateSummary state;
  bool operator==(const SyncRequest&) const = default;
};

// This peer now holds the elected content.
struct SyncDone {
  OpId op;
  Epoch epoch;
  bool operator==(const SyncDone&) const = default;
};

// These ops have ended on this peer.
struct Ended {
  std::vector<Watermark> marks;
  bool operator==(const Ended&) const = default;
};

// A pending peer fetches what the members have last synced under this tag, and so far holds this
// content (a zero digest: none). As long as it waits it is not to be admitted with another one.
struct FollowState {
  uint64_t tag = 0;
  uint64_t revision = 0;
  ContentDigest digest;
  bool waits = false;
  CommittedRevision committed;  // what its content is or was made of
  bool operator==(const FollowState&) const = default;
};

// How is the run? Asked on a connection that registers no peer; one question per connection.
struct StatusRequest {
  bool operator==(const StatusRequest&) const = default;
};

// What this peer's links have reached; only rates that are known. Sent before UpdateRequest.
struct Measured {
  struct Path {
    PeerId to;
    uint64_t bytes_per_second = 0;
    bool operator==(const Path&) const = default;
  };
  std::vector<Path> paths;  // each while this peer sent to nobody else
  uint64_t egress_bytes_per_second = 0;  // to several at once; 0: not measured
  bool operator==(const Measured&) const = default;
};

using ToCoordinator =
    std::variant<Register, PeerHeartbeat, Leave, UpdateRequest, LinkReport, ProbeResult, OpDone,
                 OpWaiting, AbortRequest, SettleReport, SyncRequest, SyncDone, Ended,
                 StatusRequest, FollowState, Measured, Resume, UpdateWaiting, Positions>;

// ---- coordinator to peer -----------------------------------------------------------------------

struct Registered {
  PeerId peer;
  Incarnation incarnation;
  std::string run;
  uint32_t version = kProtocolVersion;
  uint64_t heartbeat_interval_ms = 0;
  uint64_t peer_timeout_ms = 0;
  bool member = false;  // true: this session is still a member; a view follows
  bool operator==(const Registered&) const = default;
};

struct Refused {
  ErrorCode code = ErrorCode::kInvalidArgument;
  std::string reason;
  // It is not decided yet. The peer may come again until its time to connect has passed; only then
  // this is what its caller is told.
  bool undecided = false;
  bool operator==(const Refused&) const = default;
};

// The answer to Resume. Not resumed: the peer registers again, on the same connection.
struct Resumed {
  bool resumed = false;
  uint64_t received = 0;  // of the peer's numbered messages
  bool operator==(const Resumed&) const = default;
};

struct CoordinatorHeartbeat {
  uint64_t number = 0;
  uint64_t received = 0;  // numbered messages
  bool operator==(const CoordinatorHeartbeat&) const = default;
};

// Whom to hold links with; complete each time. `dial`: the receiver dials that peer.
struct Roster {
  struct Entry {
    PeerInfo peer;
    bool dial = false;
    Ticket ticket{};  // of the two; shown by whichever dials
    bool operator==(const Entry&) const = default;
  };
  std::vector<Entry> peers;
  bool operator==(const Roster&) const = default;
};

// The end of the update barrier. No delta: the view stays as it is. A delta that adds nobody brings
// a new plan.
struct Updated {
  Epoch epoch;
  std::optional<ViewDelta> delta;
  uint64_t updates = 0;  // of the instance that have ended well, with this one
  bool operator==(const Updated&) const = default;
};

// The end of the update barrier without any: the members go on as they are.
struct UpdateFailed {
  ErrorCode code = ErrorCode::kMismatch;
  std::string reason;
  bool operator==(const UpdateFailed&) const = default;
};

// Others stand elsewhere than the receiver's open update says: with which calls is it?
struct TellPositions {
  bool operator==(const TellPositions&) const = default;
};

// For whom and what the receiver's open update waits; complete each time.
struct UpdateWaits {
  std::vector<std::string> reasons;  // sentences
  bool operator==(const UpdateWaits&) const = default;
};

struct OpVerdict {
  Verdict verdict;
  bool operator==(const OpVerdict&) const = default;
};

// Complete nothing (or, with `op`, not this op) until Settled; answer with SettleReport.
struct Freeze {
  uint64_t round = 0;
  std::optional<OpId> op;
  std::string reason;
  uint64_t longest_ms = 0;  // it ends, or begins anew, within that
  bool operator==(const Freeze&) const = default;
};

struct Settled {
  uint64_t round = 0;
  std::optional<OpId> op;          // as in the Freeze that it ends
  std::optional<ViewDelta> delta;  // none for a round about one op
  std::vector<Verdict> verdicts;
  bool operator==(const Settled&) const = default;
};

struct Probe {
  PeerInfo peer;
  bool operator==(const Probe&) const = default;
};

struct SyncPlan {
  OpId op;
  Epoch epoch;
  uint64_t revision = 0;
  ContentDigest digest;
  std::vector<TensorSummary> tensors;
  std::vector<PeerId> holders;
  uint64_t number = 0;  // of the syncs of this instance
  bool operator==(const SyncPlan&) const = default;
};

// To a pending peer that follows this tag: what the members have synced, and who holds it.
struct StateOffer {
  InstanceId instance;  // that has committed it
  uint64_t tag = 0;
  uint64_t revision = 0;
  ContentDigest digest;
  std::vector<TensorSummary> tensors;
  std::vector<PeerId> holders;
  bool operator==(const StateOffer&) const = default;
};

struct Evicted {
  ErrorCode code = ErrorCode::kEvicted;
  std::string reason;
  bool operator==(const Evicted&) const = default;
};

// These ops have ended on all their participants: nobody will ask for them again.
struct Stable {
  std::vector<Watermark> marks;
  bool operator==(const Stable&) const = default;
};

// The answer to StatusRequest.
struct Status {
  std::string run;
  InstanceId instance;          // zero: of no run yet
  RunHistory history;
  Incarnation incarnation;
  Epoch epoch;
  Generation generation;
  uint64_t uptime_ms = 0;
  bool settling = false;        // a settle round about all ops is open
  uint64_t ops_open = 0;        // all of them; `ops` has the oldest kOpsPerStatus
  StatusCounters counters;
  std::vector<PeerStatus> peers;  // members in view order, then the others
  std::vector<OpStatus> ops;
  std::vector<EventStatus> events;  // the last ones, oldest first
  std::vector<std::string> waits;   // for what it waits, and what it may not do and why
  std::string stepped_down;         // why it has left the run to another coordinator; else empty
  bool operator==(const Status&) const = default;
};

using ToPeer = std::variant<Registered, Refused, CoordinatorHeartbeat, Roster, Updated, OpVerdict,
                            Freeze, Settled, Probe, SyncPlan, Evicted, Stable, Status,
                            StateOffer, Resumed, UpdateFailed, UpdateWaits, TellPositions>;

// ---- bytes -------------------------------------------------------------------------------------

// The digest that a ViewDelta carries: of epoch, generation, all members in order, and the plan.
ContentDigest view_digest(const View& view);
// Tells states of different tensors apart: of names, types and counts, whatever they hold.
uint64_t state_layout(const std::vector<TensorSummary>& tensors);

std::string_view name_of(const ToCoordinator& message);  // "register"
std::string_view name_of(const ToPeer& message);

// Serialized message without the length prefix (see control_framing.h). Sentences are cut to the
// limit and made printable, milliseconds are capped at a century; nothing else is checked.
std::string encode(const ToCoordinator& message);
std::string encode(const ToPeer& message);
// Every bound of base/limits.h is checked; enums out of range, missing parts, ids of nobody where
// somebody is meant, and text that is not printable UTF-8 are refused, with the field's name.
Result<ToCoordinator> decode_to_coordinator(std::string_view bytes);
Result<ToPeer> decode_to_peer(std::string_view bytes);

}  // namespace atoll_core::wire
