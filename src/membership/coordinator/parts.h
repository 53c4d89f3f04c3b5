// What the coordinator machine is made of. The concerns decide and know nothing of connections;
// the functions here carry decisions from one to the other and into messages. They are grouped by
// file: forgetting, registration, doubts about places, rejoining, liveness, reach, updates, their
// waits, ops, settling, marks, syncs, offers, status.
//
// Every input ends with settle_dust(): losses are first noted in `agenda` and then carried out
// together, so that one input starts at most one settle round. What is to be looked at again is
// noted in `changed` until outputs are taken, perhaps after many inputs: finish_turn().
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/timer_table.h"
#include "membership/common/generation_table.h"
#include "membership/coordinator/admission.h"
#include "membership/coordinator/committed_revisions.h"
#include "membership/coordinator/coordinator_machine.h"
#include "membership/coordinator/driving_rights.h"
#include "membership/coordinator/failed_links.h"
#include "membership/coordinator/link_matrix.h"
#include "membership/coordinator/measured_network.h"
#include "membership/coordinator/op_ledger.h"
#include "membership/coordinator/outbox.h"
#include "membership/coordinator/published_states.h"
#include "membership/coordinator/readmissions.h"
#include "membership/coordinator/rejoin_claims.h"
#include "membership/coordinator/roster.h"
#include "membership/coordinator/settle_decision.h"
#include "membership/coordinator/settle_rounds.h"
#include "membership/coordinator/sync_ledger.h"
#include "membership/coordinator/update_barrier.h"
#include "membership/coordinator/verdict_history.h"
#include "membership/coordinator/watermark_table.h"

namespace atoll_core::membership {

// A table that is added to one of the following does not compile until forget.cpp says what becomes
// of it when a peer, a generation or the run is forgotten.

// Those that are connected, and those of them that are registered.
struct People {
  struct Visitor {  // not registered yet
    std::string remote;
    TimePoint since;
  };
  std::map<ConnectionId, Visitor> visitors;
  RejoinClaims claims;
  Roster roster;
  LinkMatrix links;
  FailedLinks failed_links;
  MeasuredNetwork network;
  Departures departures;
  Readmissions readmissions;
  uint32_t last_number = 0;  // of a PeerId
};

struct Ledgers {
  GenerationTable generations;
  OpLedger ops;
  SyncLedger syncs;
  PublishedStates states;
  VerdictHistory history;
  WatermarkTable marks;
};

struct Waits {
  UpdateBarrier updates;
  SettleRounds rounds;
};

// Of what finish_turn() is to look at.
struct Changed {
  bool claims = false;   // a run may go on
  bool roster = false;
  bool updates = false;  // the update barrier may be complete
  bool marks = false;    // more ops may have ended on all
};

// What the settle round that is needed or open is about, until it ends.
struct RoundAgenda {
  bool round_needed = false;
  bool somebody_lost = false;
  bool all_left = true;  // who is gone has left of its own will
  std::set<PeerId> gone;  // dropped since the view was made
  std::vector<std::string> causes;
};

struct Counters {
  uint64_t commits = 0;
  uint64_t aborts = 0;
  uint64_t settle_rounds = 0;
  uint64_t admissions = 0;
  uint64_t evictions = 0;  // of replicas that were lost
  uint64_t left = 0;       // replicas that have left of their own will
  uint64_t replans = 0;    // generations that began for a new plan
  uint64_t renamings = 0;  // generations that began because calls had had many names
  uint64_t rejoins = 0;
  uint64_t steps_down = 0;
  uint64_t resumes = 0;    // sessions that went on over a new connection
  uint64_t heartbeats = 0;  // number of the last one sent
};

struct CoordinatorMachine::Parts {
  Parts(CoordinatorConfig configuration, Incarnation life)
      : config(std::move(configuration)), incarnation(life), last_instance(config.start.instance) {
    view.epoch = {incarnation, 0};
  }

  // ---- coordinator_machine.cpp
  void begin_input(TimePoint now);
  void begin_life(TimePoint now);
  void settle_dust(TimePoint now);
  void finish_turn();
  void need_round(std::string cause);

  // ---- forget.cpp; nowhere else is anything forgotten with a peer, a generation or the run
  void forget_peer(PeerId peer);
  // Takes it up; the oldest one may be forgotten then.
  void note_generation(const wire::View& first);
  void merge_generation(const wire::GenerationState& state);
  void forget_old_generations();
  void forget_generation(Generation generation);
  void forget_run();
  TableSizes table_sizes() const;

  // ---- registration.cpp
  void handle_visitor(TimePoint now, ConnectionId connection, wire::ToCoordinator message);
  void refuse(ConnectionId connection, Error error);
  // Who is no newcomer, member or claimant.
  void turn_away(TimePoint now, ConnectionId connection, const wire::Register& hello,
                 const DrivingRights::Judgement& judgement);
  void resume(TimePoint now, ConnectionId connection, const wire::Resume& hello);
  void come_back(TimePoint now, ConnectionId connection, const wire::Register& hello,
                 PeerRecord& known);
  void register_newcomer(TimePoint now, ConnectionId connection, wire::Register hello);
  void note_registered(TimePoint now, const CoordinatorPlace& place);
  // The run has ended here: who waited to be let in goes where one may begin.
  void send_away_newcomers();
  void handle(TimePoint now, PeerId from, wire::Register message);
  void handle(TimePoint now, PeerId from, wire::Resume message);
  void send_roster(PeerRecord& receiver);
  void send_rosters();

  // ---- place_doubts.cpp
  // The place that a newcomer asks for has a holder. Until it is known whether that one lives, the
  // newcomer is told to come again.
  void refuse_place(TimePoint now, ConnectionId connection, const wire::PeerInfo& newcomer,
                    PeerRecord& holder);

  // ---- rejoin.cpp
  wire::Registered registered(PeerId peer, bool member) const;
  // While there is no run: one that goes on here is told of in a later life than before.
  void outlive(const wire::RunMemory& memory);
  void claim(TimePoint now, ConnectionId connection, wire::Register message);
  void evaluate_claims(TimePoint now);
  void rejoin(TimePoint now, const ClaimGroup& group, const std::vector<std::string>& missing);
  void await_absent(TimePoint now);
  // A member of the run that goes on, which those who have come before may not have told all of.
  void hear_late_member(TimePoint now, const wire::Register& hello);
  void adopt_later_view(TimePoint now, const wire::View& later, const std::string& teller);
  DrivingRights::Answer may_drop(PeerId peer) const;
  // Forgets the run: its members go to another coordinator, or come again.
  void step_down(TimePoint now, const std::string& reason);

  // ---- liveness.cpp
  // The control connection of a peer is gone, by their fault or by ours.
  void lose_connection(TimePoint now, PeerId peer, const std::string& reason);
  // Asks others whether a suspect lives; returns whom.
  std::vector<std::string> probe(PeerId suspect);
  // A bad message: the sender is told so and its connection closed.
  void reject(TimePoint now, PeerId peer, Error error);
  void drop_pending(PeerId peer, const std::string& reason);
  // The replica of a member that is lost, or leaves, is no longer part of the run.
  void drop_replica(PeerId peer, const std::string& reason, bool leaves);
  void check_liveness(TimePoint now);
  // False: somebody is silent whom this coordinator may not drop.
  bool drop_silent(TimePoint now);
  void arm_liveness(TimePoint now);
  void send_heartbeats(TimePoint now);
  void handle(TimePoint now, PeerId from, wire::PeerHeartbeat message);
  void handle(TimePoint now, PeerId from, wire::Leave message);

  // ---- reach.cpp
  void handle(TimePoint now, PeerId from, wire::LinkReport message);
  void handle(TimePoint now, PeerId from, wire::ProbeResult message);
  // Drops the replica of a member that could not be reached.
  void drop_unreached(TimePoint now, PeerId peer, const std::string& reason);
  // Parts the pairs of members that have needed a link for too long.
  void drop_unlinked(TimePoint now);
  TimePoint next_unlinked(TimePoint now) const;
  std::string why_unlinked(PeerId one, PeerId other) const;
  // A few of the pairs that keep a first view from being made.
  std::vector<std::string> unlinked_pairs(const std::vector<Candidate>& candidates) const;
  // Those whom the run has lost again and again wait before they are let in once more.
  void hold_back(TimePoint now, Candidates& candidates) const;
  // A member that is back may listen elsewhere.
  void note_endpoints(PeerRecord& record, std::vector<Endpoint> endpoints);

  // ---- updates.cpp
  void handle(TimePoint now, PeerId from, wire::UpdateRequest message);
  void handle(TimePoint now, PeerId from, wire::Positions message);
  void handle(TimePoint now, PeerId from, wire::Measured message);
  void evaluate_updates();
  // Where it stands, of which it has told a digest. Once for each request.
  void ask_positions(PeerId peer);
  // Which instance a first view would be of, and whether there may be one yet.
  DrivingRights::Founding founding(const std::vector<Candidate>& ready) const;
  void leave_out_others(InstanceId instance, std::vector<Candidate>& ready) const;
  // A first view is made. Those who were in another instance have to go.
  void begin_run(InstanceId instance);
  // All members are gone.
  void lose_all();

  // ---- update_waits.cpp
  void handle(TimePoint now, PeerId from, wire::UpdateWaiting message);
  // Those that have asked are told for what their update waits, when it has changed.
  void tell_update_waits(TimePoint now);

  // ---- ops.cpp
  // The op that a member names, if it is a participant of it. Otherwise it has been answered.
  std::optional<OpKey> op_named_by(TimePoint now, PeerId from, const OpId& op);
  bool is_present_attempt(const OpKey& key, const Epoch& epoch) const;
  void abort_op(TimePoint now, const OpKey& key, AbortNote note);
  // The op ends now, for good: all participants are told.
  void end_op(const OpKey& key, Outcome outcome);
  EndedOp record_end(const OpKey& key, Outcome outcome, ToldCommits told = {});
  // A member that has not called an op stands in atollUpdate while others wait for it in the op.
  void compare_with_update(TimePoint now, const OpKey& key);
  // The same of all calls in which somebody waits.
  void compare_all_with_update(TimePoint now);
  void handle(TimePoint now, PeerId from, wire::OpDone message);
  void handle(TimePoint now, PeerId from, wire::OpWaiting message);
  void handle(TimePoint now, PeerId from, wire::AbortRequest message);

  // ---- settle.cpp
  void begin_round(TimePoint now);
  void begin_round_about(TimePoint now, const OpKey& key);
  void complete_rounds();
  // Decides by the reports that have come.
  void end_round_about(const OpKey& key);
  void handle(TimePoint now, PeerId from, wire::SettleReport message);

  // ---- marks.cpp
  void handle(TimePoint now, PeerId from, wire::Ended message);
  void tell_stable();

  // ---- status.cpp
  wire::Status wire_status(TimePoint now) const;
  // For what it waits, and what it may not do.
  std::vector<std::string> waits_for(TimePoint now) const;
  void handle(TimePoint now, PeerId from, wire::StatusRequest message);

  // ---- syncs.cpp
  // A sync has committed, or another op.
  void note_committed(const OpKey& key);
  // A content is elected: whether it may replace what connected processes hold.
  Result<void> check_revision(const OpKey& key, const SyncRecord& record,
                              const std::vector<Participant>& participants,
                              const SyncPlans& plans);
  void handle(TimePoint now, PeerId from, wire::SyncRequest message);
  void handle(TimePoint now, PeerId from, wire::SyncDone message);

  // ---- offers.cpp
  // A sync has committed: pending peers that follow may fetch its content.
  void note_synced(const OpKey& key);
  void offer_state(PeerRecord& follower);
  void handle(TimePoint now, PeerId from, wire::FollowState message);

  // Members of the view that still have a record, in view order.
  std::vector<Participant> members() const;
  Participant who(PeerId peer) const { return participant_of(people.roster.find(peer)->info); }
  // The time by which a frozen member must have reported.
  TimePoint report_deadline(TimePoint now) const { return now + 2 * config.peer_timeout; }
  // Whose report is late is dropped when that is next looked at.
  uint64_t longest_round_ms() const {
    const Duration longest = 2 * config.peer_timeout + config.heartbeat_interval;
    return static_cast<uint64_t>(std::clamp<int64_t>(to_ms(longest), 0, 24 * 3600 * 1000));
  }

  enum class Timer { kHeartbeat, kLiveness, kRejoin, kCount };

  CoordinatorConfig config;
  Incarnation incarnation;
  wire::View view;
  DrivingRights rights;
  InstanceId last_instance;  // for the next life; zero: none, or its members have left
  DrivenRun run;
  uint64_t last_sync = 0;    // number of the last one of this instance that was planned
  CommittedRevisions committed;  // by this instance
  std::string stepped_down;  // why it has left a run to another coordinator, until it has one
  People people;
  Ledgers ledgers;
  Waits waits;
  RoundAgenda agenda;
  Changed changed;
  Counters counters;
  Outbox out;
  TimerTable<Timer> timers;
  std::optional<TimePoint> last_input;
  TimePoint started{};  // the first input
  std::optional<TimePoint> blocked_since;  // members are silent but may not be dropped
  wire::Snapshot saved;
};

}  // namespace atoll_core::membership
