// The open calls of one peer, collectives and state syncs, by name. What becomes of one of them is
// its own matter (call_machine.h); here is what concerns several: names and their order, settle
// rounds, what has ended and what came too early, and to which call a frame belongs.
#pragma once

#include <chrono>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/any_receives.h"
#include "engine/call_host.h"
#include "engine/call_machine.h"
#include "engine/call_names.h"
#include "engine/context.h"
#include "engine/ended_calls.h"
#include "engine/link_table.h"
#include "engine/new_call.h"
#include "engine/report.h"
#include "engine/stash.h"
#include "membership/peer/peer_machine.h"

namespace atoll_core::engine {

// So long one who leaves waits until others need none of its results.
inline constexpr Duration kLeaveGrace = std::chrono::seconds(2);

class CallLedger final : public link::LinkOwner, private CallHost {
 public:
  CallLedger(Context& context, membership::PeerMachine& membership);

  void set_links(LinkTable& links);

  // Before begin(): an error if there cannot be a call of this name.
  Result<void> check_name(const CallNames::Place& place, uint64_t tag) const;
  // The engine checked that there is a view.
  void begin(NewCall call);
  void cancel(CallId call);
  size_t open_calls() const { return open_.size() + any_.waiting(); }
  // Before a receive: an error if there cannot be one of its sort, naming its sender or not, now.
  Result<void> check_receive(const CollectiveCall& call) const;
  // A receive from whoever sends: of a send to this peer that no root names.
  void begin_any(CallId call, CollectiveCall arguments);
  // Those that have found a sender become calls.
  void match_sends();
  // In an open call.
  bool takes_part(PeerId peer) const;
  // Why no more calls are to be begun until others have ended what has ended here: what a settle
  // round would have to be told is as much as one message holds. Empty: they may.
  std::string why_full() const;
  void report(std::vector<CallReport>& calls) const;
  TableSizes table_sizes() const;
  std::vector<KeptReport> kept() const;

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
  // Of receives from whoever sends; an update is asked for with them.
  std::vector<wire::AnyReceives> begin_update() {
    any_.begin_update();
    return any_.in_update();
  }

  // Results that others may still have to fetch here.
  bool keeps_results() const { return ended_.keeps_results(); }
  // Tells the coordinator at once what has ended.
  void tell_ended();
  // This peer leaves once nobody needs a result here: the others are to tell at once, for as long,
  // what has ended there.
  void want_ends();

  // LinkOwner; call_ledger_frames.cpp.
  Result<link::Placement> place(link::Link& link, const wire::FrameHeader& header) override;
  Result<void> deliver(link::Link& link, const wire::FrameHeader& header,
                       const link::Payload& payload) override;
  Result<void> deliver_kept(link::Link& link, const wire::FrameHeader& header,
                            ByteBuffer payload) override;
  void wake(link::Link& link, link::ConnectionKey connection) override;

 private:
  struct OpenCall {
    template <class... Arguments>
    explicit OpenCall(Arguments&&... arguments) : machine(std::forward<Arguments>(arguments)...) {}

    CallMachine machine;
    bool names_sender = false;  // of a receive
    TimePoint alarm = kNever;  // it is ticked then; not later than it wants to be
  };
  using Open = std::map<OpId, OpenCall>;

  // CallHost; call_ledger_frames.cpp.
  void tell(wire::ToCoordinator message) override { membership_.send(std::move(message)); }
  void send_posted(const AttemptId& attempt, uint64_t fingerprint, PeerId to,
                   PostedNotice notice) override;
  void ask_result(const AttemptId& attempt, uint64_t fingerprint, PeerId holder) override;
  void grant(PeerId from, const AttemptId& attempt, uint64_t total) override;
  void revoke(const AttemptId& attempt) override;
  void cannot_stay(Error why) override { lost_ = std::move(why); }
  void lacks_room() override;
  void warn(std::string what) override;
  const wire::View& view() const override { return *membership_.view(); }
  const wire::PeerInfo& self() const override { return membership_.self(); }
  bool frozen(const OpId& op) const override;
  TimePoint freeze_ends() const override { return freeze_ends_; }
  bool results_full() const override { return ended_.full(); }
  uint64_t ended_below(const OpId& op) const override;
  std::shared_ptr<const topology::Plan> plan_of(const Generation& generation,
                                                const std::vector<PeerId>& peers) override;
  Stash::Entry take_stash(const AttemptId& attempt) override { return stash_.take(attempt); }

  // Gives each open call an event.
  template <class Event>
  void for_each_open(Event event) {
    for (auto at = open_.begin(); at != open_.end();) {
      const auto next = std::next(at);
      event(at->second.machine);
      after_event(at);
      at = next;
    }
  }
  void thaw(Open::iterator call, bool about_this);
  // Begins it, or gives it the outcome that is known already.
  void start(CallMachine& call);
  // After each event of this call: takes it out if it has ended, and sees to its alarm if not.
  void after_event(Open::iterator call);
  void take_out(Open::iterator call);
  void set_alarm(Open::iterator call, TimePoint time);
  void tell_warnings();
  void note_ended();
  // There is room for results of calls that had none.
  bool has_room_again() const;
  void make_use_of_room();
  void forget(const wire::Watermark& stable);
  void forget_old_generations();
  uint64_t first_open(const wire::Watermark& name) const;
  void report_ended(const std::optional<OpId>& op, std::vector<wire::OpReport>& reports) const;
  void keep_early(const wire::Verdict& verdict);
  void drop_obsolete_stash();

  // call_ledger_frames.cpp
  enum class Relation : uint8_t { kCurrent, kFuture, kPast };
  // kCurrent: of *call, which is open.
  Relation relation(const AttemptId& attempt, Open::iterator* call);
  // Of an attempt that has not begun here.
  Result<void> take_early_notice(PeerId from, const wire::FrameHeader& header);
  void posted_after_return(PeerId from, const wire::FrameHeader& header);
  void hear_end_wanted();

  // call_ledger_any.cpp
  std::optional<PeerId> first_sender(uint64_t tag) const;
  void take_send(uint64_t tag, PeerId sender);
  bool waits_again(CallId call, const Result<CallInfo>& result);
  void end_any(CallId call, const Error& error);
  void end_all_any(const Error& error);
  void end_lonely();
  Error expiry(const AnyReceives::Receive& receive) const;
  void tick_any();
  void on_view_any();
  void hear_of_send(const OpId& op);
  void report_any(std::vector<CallReport>& calls) const;

  // call_ledger_groups.cpp
  // It waits: those who wait for this peer in another group are told that they do so in vain.
  void note_stalled(const CallMachine& call);
  void tell_elsewhere(const CallMachine& call, PeerId to, const OpId& there);
  // It was told that a call of this name was made there.
  void hear_of_call(PeerId from, const OpId& there);
  void hear_elsewhere(PeerId from, const wire::FrameHeader& header);
  std::string describe_group(Group group, PeerId caller) const;
  void serve_result(PeerId to, const wire::FrameHeader& header);

  Context& context_;
  membership::PeerMachine& membership_;
  LinkTable* links_ = nullptr;
  CallNames names_;
  Open open_;
  std::map<std::pair<TimePoint, CallId>, Open::iterator> alarms_;
  bool lacks_room_ = false;  // for the result of some call
  // Of calls that wait, told together.
  struct {
    std::string first;
    size_t more = 0;
    TimePoint tell_at = kNever;
  } warnings_;
  std::map<OpId, wire::Verdict> early_verdicts_;  // final aborts, heard before the call
  EndedCalls ended_;
  TimePoint tell_at_ = kNever;
  TimePoint at_once_until_{};  // somebody who leaves waits to hear what ends here
  size_t open_report_bytes_ = 0;  // that open_ may come to take in a settle report
  std::set<OpId> frozen_ops_;     // by rounds about one op
  TimePoint freeze_ends_{};       // at the latest, of the last freeze
  Stash stash_;
  AnyReceives any_;
  std::set<uint64_t> sends_heard_;  // tags of sends that any_ may take
  TimePoint any_alarm_ = kNever;    // any_ is looked at then
  std::set<OpId> stalled_;  // open calls that have waited for a while
  struct {
    Generation generation;
    std::vector<PeerId> peers;
    std::shared_ptr<const topology::Plan> plan;
  } plan_;                     // of the last attempt
  std::optional<Error> lost_;  // why this peer cannot stay in the run
};

}  // namespace atoll_core::engine
