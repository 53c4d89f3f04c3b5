#include "engine/call_ledger.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/canary.h"
#include "engine/settle_report.h"

namespace atoll_core::engine {
namespace {

constexpr int kWarning = 3;  // of spdlog
// Calls that were made together wait together: of thousands one line tells.
constexpr Duration kWarnTogether = std::chrono::milliseconds(100);

}  // namespace

CallLedger::CallLedger(Context& context, membership::PeerMachine& membership)
    : context_(context), membership_(membership), ended_(context.config.results_kept) {}

void CallLedger::set_links(LinkTable& links) {
  links_ = &links;
  stash_.on_let_go([&links](PeerId from, const wire::FrameHeader& header) {
    links.let_go(from, header);
  });
}

// ---- the caller's side -------------------------------------------------------------------------

Result<void> CallLedger::check_name(const CallNames::Place& place, uint64_t tag) const {
  if (names_.may_take(place.group, tag)) return {};
  return fail(ErrorCode::kInvalidUsage,
              "calls of {} have {} names (pairs of group and tag) since the last generation began, "
              "which is the most, and tag {} would be one more: call atollUpdate, which begins a "
              "new generation, or use a tag again",
              membership_.self().name, kCallNamesMax, tag);
}

std::string CallLedger::why_full() const {
  constexpr size_t kEarly = limits::kEarlyVerdicts * report_bytes(0);
  const bool full = ended_.calls().size() >= limits::kCallsKept ||
                    ended_.aborted() >= limits::kAbortsKept ||
                    ended_.report_bytes() + open_report_bytes_ + kEarly >= limits::kReportBytes;
  if (!full) return "";
  return fmt::format("{} calls of {} have ended here and not yet on all others, and {} are in "
                     "flight: wait for some of them",
                     ended_.calls().size(), membership_.self().name, open_.size());
}

void CallLedger::begin(NewCall call) {
  const OpId op = names_.take(call.place.group, call.options.tag);
  CallHost& host = *this;
  const bool names_sender = call.description.kind == wire::OpKind::kSend &&
                            call.description.root != self().id && !call.called_at;
  const auto open = open_.try_emplace(op, std::move(call), op, context_, host).first;
  open->second.names_sender = names_sender;
  if (names_sender) any_.named_begins(op.tag);
  open_report_bytes_ += open->second.machine.report_bytes();
  if (!frozen(op)) start(open->second.machine);
  after_event(open);
}

void CallLedger::cancel(CallId call) {
  const auto open = std::find_if(open_.begin(), open_.end(), [call](const auto& entry) {
    return entry.second.machine.id() == call;
  });
  if (open == open_.end()) {
    return end_any(call, {ErrorCode::kCancelled,
                          fmt::format("{} cancelled its receive from whoever sends",
                                      self().name)});
  }
  open->second.machine.cancel();
  after_event(open);
}

bool CallLedger::takes_part(PeerId peer) const {
  return std::any_of(open_.begin(), open_.end(), [peer](const auto& entry) {
    return entry.second.machine.takes_part(peer);
  });
}

void CallLedger::start(CallMachine& call) {
  const auto early = early_verdicts_.find(call.op());
  if (early == early_verdicts_.end()) return call.begin();
  const wire::Verdict verdict = std::move(early->second);
  early_verdicts_.erase(early);
  context_.note({FlightKind::kOpFailed, &call.op(), {}, static_cast<uint64_t>(verdict.code),
                 verdict.reason});
  call.end_aborted(verdict);
}

// ---- what has ended ----------------------------------------------------------------------------

void CallLedger::after_event(Open::iterator call) {
  if (call->second.machine.ended()) return take_out(call);
  // Most calls end long before their alarm: it is only made earlier, and looked at when it rings.
  const TimePoint wanted = call->second.machine.next_deadline();
  if (wanted < call->second.alarm) set_alarm(call, wanted);
}

void CallLedger::set_alarm(Open::iterator call, TimePoint time) {
  OpenCall& open = call->second;
  if (open.alarm != kNever) alarms_.erase({open.alarm, open.machine.id()});
  open.alarm = time;
  if (time != kNever) alarms_.emplace(std::pair(time, open.machine.id()), call);
}

void CallLedger::take_out(Open::iterator call) {
  const OpId op = call->first;
  const CallId id = call->second.machine.id();
  CallMachine::Ending ending = call->second.machine.take_ending();
  open_report_bytes_ -= call->second.machine.report_bytes();
  set_alarm(call, kNever);
  stalled_.erase(op);
  if (call->second.names_sender) any_.named_ends(op.tag);
  open_.erase(call);
  if (!waits_again(id, ending.result)) context_.emit(CallEnded{id, std::move(ending.result)});
  if (!ending.record) return;
  const bool forgotten = ending.record->committed && broken(Canary::kForgetRetainedResult);
  if (ending.nobody_else || forgotten) return links_->revoke({op, ending.record->epoch});
  ended_.add(op, *std::move(ending.record));
  note_ended();
  if (ending.stable_below > 0) forget({op.generation, op.group, op.tag, ending.stable_below});
}

void CallLedger::report(std::vector<CallReport>& calls) const {
  for (const auto& [op, open] : open_) calls.push_back(open.machine.report());
  report_any(calls);
}

TableSizes CallLedger::table_sizes() const {
  return {names_.count(),         open_calls(),      ended_.calls().size(),
          early_verdicts_.size(), stash_.attempts(), stash_.bytes()};
}

std::vector<KeptReport> CallLedger::kept() const {
  std::vector<KeptReport> calls;
  for (const auto& [op, open] : open_) {
    if (auto kept = open.machine.kept()) calls.push_back(*kept);
  }
  return calls;
}

void CallLedger::fail_all(const Error& error) {
  Error outcome = error;
  if (error.code == ErrorCode::kCoordinatorUnreachable) {
    outcome = Error{ErrorCode::kOutcomeUnknown,
                    "the coordinator was lost during the call: " + error.message};
  }
  fail_calls(outcome);
  ended_.clear();
  tell_at_ = kNever;
}

void CallLedger::fail_calls(const Error& error) {
  for_each_open([&error](CallMachine& call) { call.fail(error); });
  end_all_any(error);
}

// ---- membership's side -------------------------------------------------------------------------

void CallLedger::on_view(const wire::View& view, const std::vector<wire::PeerInfo>& lost) {
  const bool new_generation = view.generation != names_.generation();
  const bool by_update = new_generation && view.epoch == view.generation.first;
  if (!lost.empty()) at_once_until_ = {};  // who has left is gone
  names_.set_generation(view.generation);
  for_each_open([&](CallMachine& call) {
    call.lose(lost);
    if (!by_update) call.begin_in(view.epoch);
    if (new_generation) call.end_old(membership_.generations().since(call.op().generation));
  });
  if (new_generation) {
    early_verdicts_.clear();
    forget_old_generations();
  } else {
    // Who lacks a result gets it by a verdict of this settle round, not by frames of old attempts.
    for (const auto& [op, ended] : ended_.calls()) {
      if (ended.result != nullptr) links_->revoke({op, ended.epoch});
    }
  }
  drop_obsolete_stash();
  on_view_any();
}

void CallLedger::on_freeze(uint64_t round, const std::optional<OpId>& op, Duration longest) {
  context_.trace("freeze");
  if (op) frozen_ops_.insert(*op);
  freeze_ends_ = context_.now + longest;
  wire::SettleReport report;
  report.round = round;
  if (op) {
    if (const auto open = open_.find(*op); open != open_.end()) {
      report.ops.push_back(open->second.machine.freeze(longest, true));
      after_event(open);
    }
  } else {
    for_each_open([&](CallMachine& call) { report.ops.push_back(call.freeze(longest, false)); });
  }
  report_ended(op, report.ops);
  fit_sentences(report);
  membership_.send(std::move(report));
}

void CallLedger::on_thaw(const std::optional<OpId>& op) {
  if (op) {
    frozen_ops_.erase(*op);
    if (const auto open = open_.find(*op); open != open_.end()) thaw(open, true);
    return;
  }
  frozen_ops_.clear();  // a round about all ops decides those about one, too
  for (auto at = open_.begin(); at != open_.end();) thaw(at++, false);
}

void CallLedger::thaw(Open::iterator call, bool about_this) {
  if (frozen(call->first)) return;
  CallMachine& machine = call->second.machine;
  machine.thaw(about_this);
  if (machine.phase() == CallMachine::Phase::kWaiting) start(machine);
  after_event(call);
}

void CallLedger::on_verdict(const wire::Verdict& verdict) {
  const auto found = open_.find(verdict.op);
  if (found != open_.end()) {
    if (verdict.final && !verdict.committed) early_verdicts_.erase(verdict.op);
    found->second.machine.on_verdict(verdict);
    return after_event(found);
  }
  if (!verdict.final) return;
  if (!names_.in_future(verdict.op)) {
    if (ended_.find(verdict.op) != nullptr) return;  // is told by itself
    ended_.answer(verdict.op);
    return note_ended();
  }
  if (!verdict.committed) return keep_early(verdict);
  // A participant has lied in a settle round: what this peer would bring is in no result.
  cannot_stay({ErrorCode::kInternalError,
               fmt::format("{} was committed without {}, which has not called it",
                           to_string(verdict.op), membership_.self().name)});
}

// The end of a call that is still to be made here. Others can make and end only so many before they
// wait for this peer.
void CallLedger::keep_early(const wire::Verdict& verdict) {
  ATOLL_ASSERT(!verdict.committed, "{} committed before it was called", to_string(verdict.op));
  if (early_verdicts_.size() >= limits::kEarlyVerdicts && early_verdicts_.count(verdict.op) == 0) {
    return cannot_stay(
        {ErrorCode::kOutOfMemory,
         fmt::format("others have made and ended more than {} calls that {} has not made",
                     limits::kEarlyVerdicts, membership_.self().name)});
  }
  early_verdicts_[verdict.op] = verdict;
  stash_.drop(verdict.op);
  hear_of_send(verdict.op);
}

void CallLedger::on_plan(const wire::SyncPlan& plan) {
  const auto found = open_.find(plan.op);
  if (found == open_.end()) return;
  found->second.machine.on_plan(plan);
  after_event(found);
}

// ---- time --------------------------------------------------------------------------------------

std::optional<Error> CallLedger::tick() {
  if (lost_) return lost_;
  if (tell_at_ <= context_.now) tell_ended();
  if (has_room_again()) make_use_of_room();
  std::vector<Open::iterator> due;
  for (const auto& [alarm, call] : alarms_) {
    if (alarm.first > context_.now) break;
    due.push_back(call);
  }
  for (const Open::iterator call : due) {
    set_alarm(call, kNever);
    if (std::optional<Error> lost = call->second.machine.tick()) return lost;
    note_stalled(call->second.machine);
    after_event(call);
  }
  tick_any();
  if (warnings_.tell_at <= context_.now) tell_warnings();
  return std::nullopt;
}

TimePoint CallLedger::next_deadline() const {
  if (lost_ || has_room_again()) return context_.now;
  const TimePoint alarm = alarms_.empty() ? kNever : alarms_.begin()->first.first;
  return std::min({alarm, tell_at_, warnings_.tell_at, any_alarm_});
}

void CallLedger::warn(std::string what) {
  if (warnings_.tell_at != kNever) {
    ++warnings_.more;
    return;
  }
  warnings_.first = std::move(what);
  warnings_.tell_at = context_.now + kWarnTogether;
}

void CallLedger::tell_warnings() {
  std::string more;
  if (warnings_.more > 0) {
    more = fmt::format(", and {} more call{} of {} wait{}", warnings_.more,
                       warnings_.more == 1 ? "" : "s", membership_.self().name,
                       warnings_.more == 1 ? "s" : "");
  }
  context_.log(kWarning, warnings_.first + more);
  warnings_ = {};
}

}  // namespace atoll_core::engine
