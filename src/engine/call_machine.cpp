#include "engine/call_machine.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/canary.h"
#include "engine/settle_report.h"
#include "membership/common/generation_table.h"

namespace atoll_core::engine {
namespace {

// By then all that is short has ended, and what has not is worth a few frames.
constexpr Duration kLatePost = std::chrono::milliseconds(5);

}  // namespace

CallMachine::CallMachine(NewCall call, const OpId& op, Context& context, CallHost& host)
    : context_(context),
      host_(host),
      call_(std::move(call)),
      op_(op),
      fingerprint_(wire::fingerprint(call_.description)),
      report_bytes_(engine::report_bytes(call_.place.members.size())),
      members_(std::move(call_.place.members)),
      begins_in_(host_.view().epoch) {
  waits_.begun = call_.called_at.value_or(context_.now);
  waits_.last_progress = context_.now;
  if (call_.options.deadline > Duration{0}) {
    waits_.deadline = waits_.begun + call_.options.deadline;
  }
  context_.note({FlightKind::kOpBegun, &op_, {}, 0, wire::to_string(call_.description.kind)});
}

// ---- attempts ----------------------------------------------------------------------------------

void CallMachine::begin() {
  attempt_ = AttemptId{op_, begins_in_};
  ++attempts_;
  phase_ = Phase::kMoving;
  fetched_ = false;
  contributors_ = members_;
  done_told_ = false;
  done_wanted_ = false;
  asked_for_done_ = false;
  arrived_.clear();
  arrived_.insert(host_.self().id);
  waits_.stall_told = false;
  waits_.last_progress = context_.now;
  waits_.post_at = kNever;
  context_.trace("op.begin");
  context_.note({FlightKind::kOpAttempt, &op_, {}, attempts_});
  if (!call_.doomed) call_.doomed = lost_partner();
  if (call_.doomed) return request_abort(call_.doomed->code, call_.doomed->message);
  call_.body->begin(AttemptContext{attempt_, members_, host_.self().id, fingerprint_,
                                   host_.ended_below(op_),
                                   host_.plan_of(op_.generation, members_)});
  if (call_.body->posts_late()) waits_.post_at = context_.now + kLatePost;
  else send_posted(to_be_told());
  // An abort that was asked for in an earlier attempt is still wanted.
  if (abort_wanted_) request_abort(abort_wanted_->code, abort_wanted_->message);
  replay_stash();
  after_progress();
}

// Who sends to this peer; and who receives from it alone, perhaps from whoever is heard of first.
std::vector<PeerId> CallMachine::to_be_told() const {
  const bool pair = call_.description.kind == wire::OpKind::kSend;
  return pair ? members_ : call_.body->senders();
}

// A peer without which there is no result may have been lost in a settle round that nobody had
// reported the call to.
std::optional<Error> CallMachine::lost_partner() const {
  const wire::CallDescription& call = call_.description;
  if (call.kind == wire::OpKind::kSend && members_.size() < 2) {
    return Error{ErrorCode::kPeerLost, fmt::format("the other peer of a send from {} was lost",
                                                   to_string(call.root))};
  }
  const bool lost = wire::has_root(call.kind) &&
                    std::find(members_.begin(), members_.end(), call.root) == members_.end();
  if (!lost) return std::nullopt;
  return Error{ErrorCode::kRootLost, fmt::format("peer {}, the root of a {}, is not in the view",
                                                 to_string(call.root), wire::to_string(call.kind))};
}

void CallMachine::after_progress() {
  if (phase_ != Phase::kMoving || call_.doomed) return;
  if (const Error* failure = call_.body->failure()) {
    return request_abort(failure->code, failure->message);
  }
  if (const CountDifference* differs = call_.body->difference()) return tell_difference(*differs);
  if (!call_.body->complete()) return;
  phase_ = Phase::kComplete;
  context_.note({FlightKind::kOpComplete, &op_, {}, attempts_});
  advance();
}

void CallMachine::advance() {
  if (phase_ != Phase::kComplete || host_.frozen(op_)) return;
  const bool small = call_.body->small();
  // Of what was fetched the outcome is known: nobody is to be asked about it.
  if (small && (fetched_ || !host_.results_full())) {
    if (done_wanted_) tell_done();
    context_.trace("op.done");
    return commit(attempt_.epoch, true);
  }
  if (small) host_.lacks_room();
  if (small && broken(Canary::kCapWaits)) return;
  tell_done();
  if (!small || std::exchange(asked_for_done_, true)) return;
  send_posted(members_, PostedNotice::kDoneWanted);
}

void CallMachine::tell_done() {
  if (std::exchange(done_told_, true)) return;
  context_.trace(call_.description.kind == wire::OpKind::kSync ? "sync.done" : "op.done");
  host_.tell(call_.body->done_message());
}

void CallMachine::commit(const Epoch& epoch, bool keep) {
  context_.trace("op.commit");
  context_.note({FlightKind::kOpCommitted, &op_, {}, contributors_.size()});
  CallBody& body = *call_.body;
  // The frames of a small call are still needed by others; they own what they carry. Those that do
  // not have arrived.
  if (!body.small() || !keep || body.lends_input()) revoke();
  Ending ending{body.commit(contributors_, attempts_), EndedCall{}, false, body.stable_below()};
  EndedCall& record = *ending.record;
  record.epoch = epoch;
  record.call = call_.description;
  record.committed = true;
  record.contributors = std::move(contributors_);
  if (keep) record.result = body.result();
  if (record.result != nullptr) record.weights = body.weights(record.contributors);
  // Of a large call the groups of other shards may still have to hear.
  ending.nobody_else = body.small() && record.contributors.size() == 1;
  ending_ = std::move(ending);
  phase_ = Phase::kEnded;
}

void CallMachine::end_aborted(const wire::Verdict& verdict) {
  EndedCall record;
  record.epoch = verdict.epoch;
  record.call = call_.description;
  record.code = verdict.code;
  record.reason = verdict.reason;
  ending_ = Ending{atoll_core::fail(verdict.code, "{}", verdict.reason), std::move(record), false,
                   0};
  phase_ = Phase::kEnded;
}

void CallMachine::fail(const Error& error) {
  revoke();
  if (phase_ != Phase::kWaiting && !call_.doomed) call_.body->abandon();
  ending_ = Ending{tl::unexpected<Error>(error), std::nullopt, false, 0};
  phase_ = Phase::kEnded;
}

void CallMachine::revoke() {
  if (attempts_ > 0) host_.revoke(attempt_);
}

// ---- aborts ------------------------------------------------------------------------------------

void CallMachine::request_abort(ErrorCode code, std::string reason) {
  if (past_abort_ && !call_.body->failure()) return;
  if (!abort_wanted_) {
    abort_wanted_ = Error{code, reason};
    context_.note({FlightKind::kAbortWanted, &op_, {}, static_cast<uint64_t>(code), reason});
    waits_.grace.begin(context_.now, context_.config.outcome_grace);
    if (host_.frozen(op_)) {
      waits_.grace.stand_still(context_.now, host_.freeze_ends() - context_.now);
    }
  }
  if (phase_ == Phase::kWaiting) return;  // sent when the next attempt begins
  wire::AbortRequest request;
  request.op = op_;
  request.epoch = attempt_.epoch;
  const bool differs = abort_wanted_->code == ErrorCode::kMismatch;
  request.call = differs ? told_in_full() : call_.description;
  request.code = abort_wanted_->code;
  request.reason = abort_wanted_->message;
  host_.tell(std::move(request));
}

void CallMachine::cancel() {
  request_abort(ErrorCode::kCancelled, fmt::format("{} cancelled {}", self_name(), describe()));
}

// Before its generation is forgotten everywhere, and with it who takes part: then nobody could find
// out any more whether somebody has returned from it.
void CallMachine::end_old(size_t generations) {
  if (generations < membership::kGenerationsOpen || abort_wanted_) return;
  request_abort(ErrorCode::kAborted, fmt::format("{} on {} is open since {} generations",
                                                 describe(), self_name(), generations));
}

// The op goes on after a settle round: what it was to be aborted for does not count.
void CallMachine::no_abort() {
  if (!call_.description.keep || phase_ == Phase::kFetching) return;
  past_abort_ = true;
  waits_.deadline = kNever;
  waits_.grace.end();
  const Error* stuck = call_.doomed ? &*call_.doomed : call_.body->failure();
  if (stuck != nullptr) {
    host_.cannot_stay({stuck->code, fmt::format("{}: {} cannot be aborted any more, and this peer "
                                                "cannot go on with it", stuck->message,
                                                describe())});
  }
  abort_wanted_.reset();
}

// ---- membership's side -------------------------------------------------------------------------

void CallMachine::lose(const std::vector<wire::PeerInfo>& lost) {
  for (const wire::PeerInfo& peer : lost) std::erase(members_, peer.id);
}

void CallMachine::thaw(bool about_this) {
  waits_.grace.go_on(context_.now);
  if (phase_ == Phase::kWaiting) return;
  call_.body->thaw();
  if (about_this) no_abort();
  advance();
}

void CallMachine::on_verdict(const wire::Verdict& verdict) {
  if (verdict.committed) {
    const bool complete = phase_ == Phase::kComplete && attempt_.epoch == verdict.epoch;
    if (!complete) return begin_fetch(verdict);
    // The participants of that attempt are the contributors. A coordinator that was started again
    // may know but those of them that live, when it was told of the commit by another shard alone.
    // Where it names nobody who has the result, all have told that they do.
    if (broken(Canary::kTheLivingContributed)) contributors_ = verdict.contributors;
    return commit(verdict.epoch, !verdict.holders.empty());
  }
  if (!verdict.final) begin_in(host_.view().epoch);
  const bool of_this_attempt = phase_ != Phase::kWaiting &&
                               !is_later(attempt_.epoch, verdict.epoch);
  if (!verdict.final && !of_this_attempt) return;  // about one that has ended before
  // An epoch beyond this attempt's: what ended this one was lost with the control connection.
  context_.trace("op.abort");
  context_.note({verdict.final ? FlightKind::kOpFailed : FlightKind::kOpAborted, &op_, {},
                 static_cast<uint64_t>(verdict.code), verdict.reason});
  revoke();
  abort_attempt(verdict);
  phase_ = Phase::kWaiting;
  fetched_ = false;
  if (verdict.final) return end_aborted(verdict);
  if (!call_.doomed && !call_.body->may_begin_again()) {
    call_.doomed = Error{ErrorCode::kAborted,
                         fmt::format("{} of {} cannot begin again, since it has overwritten its "
                                     "input, which was disposable ({})",
                                     describe(), self_name(), verdict.reason)};
  }
}

void CallMachine::abort_attempt(const wire::Verdict& verdict) {
  if (phase_ == Phase::kWaiting || call_.doomed) return;
  if (verdict.final) return call_.body->abandon();
  if (Result<void> kept = call_.body->abandon_from(verdict.kept_below); !kept) {
    host_.cannot_stay(kept.error());
    return call_.body->abandon();
  }
  if (verdict.kept_below > 0) no_abort();
}

void CallMachine::on_plan(const wire::SyncPlan& plan) {
  if (phase_ != Phase::kMoving || attempt_.epoch != plan.epoch) return;
  context_.trace("sync.plan");
  waits_.last_progress = context_.now;
  call_.body->on_plan(plan);
  after_progress();
}

}  // namespace atoll_core::engine
