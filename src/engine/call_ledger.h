// The open calls of one peer: collectives and state syncs. Each has a name, an attempt at a time,
// deadlines, and ends by an agreed verdict, by local completion if it is small, or with the engine
// itself.
//
// Between a full FreezeOps and its Thaw no attempt begins, no `done` is sent and no call returns;
// data may go on moving, which does no harm: a verdict that commits finds it complete, one that
// aborts drops it.
//
// A small call that others have returned from, but this peer has not completed, gets the result
// from one of them. Until it has it, the commit is provisional: if nobody who holds the result
// lives, the next settle round decides otherwise.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/call_body.h"
#include "engine/call_names.h"
#include "engine/context.h"
#include "engine/ended_calls.h"
#include "engine/link_table.h"
#include "engine/outcome_grace.h"
#include "engine/report.h"
#include "engine/stash.h"
#include "engine/wait_notice.h"
#include "membership/peer/peer_machine.h"

namespace atoll_core::engine {

class CallLedger final : public link::LinkOwner {
 public:
  struct NewCall {
    CallId call = 0;
    CallNames::Place place;
    CallOptions options;
    wire::CallDescription description;
    std::unique_ptr<CallBody> body;
    // Set when the call can only end in this error, which is agreed like any other outcome.
    std::optional<Error> doomed;
  };

  CallLedger(Context& context, membership::PeerMachine& membership);

  void set_links(LinkTable& links);

  // Before begin(): an error if there cannot be a call of this name.
  Result<void> check_name(const CallNames::Place& place, uint64_t tag) const;
  // The engine checked that there is a view.
  void begin(NewCall call);
  void cancel(CallId call);
  size_t open_calls() const { return open_.size(); }
  // Why no more calls are to be begun until others have ended what has ended here: what a settle
  // round would have to be told is as much as one message holds. Empty: they may.
  std::string why_full() const;
  void report(std::vector<CallReport>& calls) const;  // call_ledger_report.cpp
  std::vector<KeptReport> kept() const;               // call_ledger_report.cpp

  // From membership.
  void on_view(const wire::View& view, const std::vector<wire::PeerInfo>& lost);
  // `longest`: how long the round may take.
  void on_freeze(uint64_t round, const std::optional<OpId>& op, Duration longest);
  bool in_a_round() const { return membership_.frozen() || !frozen_ops_.empty(); }
  void on_thaw(const std::optional<OpId>& op);
  void on_verdict(const wire::Verdict& verdict);
  void on_plan(const wire::SyncPlan& plan);
  void on_stable(const std::vector<wire::Watermark>& marks);
  // The control connection is there (again).
  void on_control();

  // Ends every call, with `error`; the results for others stay.
  void fail_calls(const Error& error);
  // Ends every call and forgets everything; `error` is what became of the peer.
  void fail_all(const Error& error);

  // An error means that the peer must leave the run: it does not know an outcome in time.
  std::optional<Error> tick();
  TimePoint next_deadline() const;

  std::vector<wire::CallPosition> positions() const { return names_.positions(); }

  // Results that others may still have to fetch here.
  bool keeps_results() const { return ended_.keeps_results(); }
  // Tells the coordinator at once what has ended.
  void tell_ended();

  // LinkOwner.
  Result<link::Placement> place(link::Link& link, const wire::FrameHeader& header) override;
  Result<void> deliver(link::Link& link, const wire::FrameHeader& header,
                       const link::Payload& payload) override;
  Result<void> deliver_kept(link::Link& link, const wire::FrameHeader& header,
                            ByteBuffer payload) override;
  void wake(link::Link& link, link::ConnectionKey connection) override;

 private:
  enum class Phase : uint8_t {
    kWaiting,   // for a thaw
    kMoving,
    kFetching,  // the result, from another member
    kComplete,
  };

  struct Open {
    NewCall call;
    OpId op;
    size_t report_bytes = 0;  // that it may come to take in a settle report
    uint64_t fingerprint = 0;
    std::vector<PeerId> members;  // of the op's generation, less the dead
    std::vector<PeerId> contributors;  // of the attempt, or of the result that is fetched
    std::vector<PeerId> holders;       // kFetching: still to be asked, the present one first
    bool fetched = false;              // complete with a fetched result
    Phase phase = Phase::kWaiting;
    AttemptId attempt;
    uint32_t attempts = 0;
    bool done_sent = false;
    std::set<PeerId> arrived;     // heard of in this attempt
    TimePoint post_at = kNever;   // senders are told then that it was posted
    bool stall_noticed = false;
    TimePoint begun{};
    TimePoint last_progress{};
    WaitNotice notice;
    TimePoint deadline = kNever;
    OutcomeGrace grace;           // begins with an abort request
    std::optional<Error> abort_wanted;
    // Some of its segments stand: it ends in a commit, whatever is asked.
    bool past_abort = false;
  };

  enum class Relation : uint8_t { kCurrent, kFuture, kPast };
  Relation relation(const AttemptId& attempt, Open** open);

  // Takes the outcome if it is known already, or begins an attempt. May erase `open`.
  void start(Open& open);
  void begin_attempt(Open& open);
  void begin_fetch(Open& open, const wire::Verdict& verdict);
  void ask_holder(Open& open);
  // Ends a complete call, or tells that it is complete, if that may be now. May erase `open`.
  void advance_complete(Open& open);
  void advance_all_complete();
  void commit(Open& open, const Epoch& epoch);
  std::shared_ptr<const topology::Plan> plan_of(const Open& open);
  static std::optional<Error> lost_partner(const Open& open);
  void replay_stash(Open& open);
  void send_posted(Open& open, const std::vector<PeerId>& to);
  void after_progress(Open& open);
  void send_done(Open& open);
  void end_attempt(Open& open);
  void end(OpId op, Result<CallInfo> result);
  void end_aborted(Open& open, const wire::Verdict& verdict);
  void note_ended();
  void keep_early(const wire::Verdict& verdict);
  void forget(const wire::Watermark& stable);
  uint64_t first_open(const wire::Watermark& name) const;
  void report_ended(const std::optional<OpId>& op, std::vector<wire::OpReport>& reports) const;
  void request_abort(Open& open, ErrorCode code, std::string reason);
  void abort_attempt(Open& open, const wire::Verdict& verdict);
  void no_abort(Open& open);
  void notice_stall(Open& open);
  void warn_of_wait(Open& open);  // call_ledger_report.cpp
  TimePoint stall_deadline(const Open& open) const;
  int64_t turn_to_leave(const Open& open) const;
  bool waits_for_siblings(const Open& open) const;
  std::vector<PeerId> missing(const Open& open) const;
  std::string names_of(const std::vector<PeerId>& peers) const;
  std::string describe(const Open& open) const;
  bool frozen(const OpId& op) const;
  void heard_posted(Open& open, PeerId from, const Stash::Posted& posted);
  void heard_data(Open& open, PeerId from);
  bool check_fingerprint(Open& open, PeerId from, uint64_t fingerprint);
  void end_old_calls();
  void drop_obsolete_stash();
  void posted_after_return(PeerId from, const wire::FrameHeader& header);
  void serve_result(PeerId to, const wire::FrameHeader& header);
  void heard_result(PeerId from, const wire::FrameHeader& header, ByteSpan payload);

  Context& context_;
  membership::PeerMachine& membership_;
  LinkTable* links_ = nullptr;
  CallNames names_;
  std::map<OpId, Open> open_;
  std::map<OpId, wire::Verdict> early_verdicts_;  // final aborts, heard before the call
  EndedCalls ended_;
  TimePoint tell_at_ = kNever;
  size_t open_report_bytes_ = 0;  // that open_ may come to take in a settle report
  std::set<OpId> frozen_ops_;                     // by rounds about one op
  TimePoint freeze_ends_{};                       // at the latest, of the last freeze
  Stash stash_;
  struct {
    Generation generation;
    std::vector<PeerId> peers;
    std::shared_ptr<const topology::Plan> plan;
  } plan_;                     // of the last attempt
  std::optional<Error> lost_;  // why this peer cannot stay in the run
};

}  // namespace atoll_core::engine
