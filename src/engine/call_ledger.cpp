#include "engine/call_ledger.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "base/canary.h"
#include "engine/settle_report.h"

namespace atoll_core::engine {
namespace {

// By then all that is short has ended, and what has not is worth a few frames.
constexpr Duration kLatePost = std::chrono::milliseconds(5);

}  // namespace

CallLedger::CallLedger(Context& context, membership::PeerMachine& membership)
    : context_(context), membership_(membership) {}

void CallLedger::set_links(LinkTable& links) {
  links_ = &links;
  stash_.on_let_go([&links](PeerId from, const wire::FrameHeader& header) {
    links.let_go(from, header);
  });
}

// ---- the caller's side -------------------------------------------------------------------------

Result<void> CallLedger::check_name(const CallNames::Place& place, uint64_t tag) const {
  if (names_.may_take(place.group, tag)) return {};
  return fail(ErrorCode::kInvalidArgument,
              "'options->tag' is {}, and calls of this generation have {} other pairs of group and "
              "tag, which is the most: use tags again",
              tag, kCallNamesMax);
}

void CallLedger::begin(NewCall call) {
  const OpId op = names_.take(call.place.group, call.options.tag);
  Open open;
  open.op = op;
  open.fingerprint = wire::fingerprint(call.description);
  open.members = std::move(call.place.members);
  open.begun = open.last_progress = context_.now;
  context_.note({FlightKind::kOpBegun, &op, {}, 0, wire::to_string(call.description.kind)});
  if (call.options.deadline > Duration{0}) open.deadline = context_.now + call.options.deadline;
  open.call = std::move(call);
  open.report_bytes = report_bytes(open.members.size());
  open_report_bytes_ += open.report_bytes;
  Open& kept = open_.emplace(op, std::move(open)).first->second;
  if (!frozen(op)) start(kept);
}

void CallLedger::cancel(CallId call) {
  for (auto& [op, open] : open_) {
    if (open.call.call != call) continue;
    request_abort(open, ErrorCode::kCancelled,
                  fmt::format("{} cancelled {}", membership_.self().name, describe(open)));
    return;
  }
}

// ---- attempts ----------------------------------------------------------------------------------

void CallLedger::start(Open& open) {
  const auto early = early_verdicts_.find(open.op);
  if (early == early_verdicts_.end()) return begin_attempt(open);
  const wire::Verdict verdict = std::move(early->second);
  early_verdicts_.erase(early);
  context_.note({FlightKind::kOpFailed, &open.op, {}, static_cast<uint64_t>(verdict.code),
                 verdict.reason});
  end_aborted(open, verdict);
}

void CallLedger::begin_attempt(Open& open) {
  open.attempt = AttemptId{open.op, membership_.view()->epoch};
  ++open.attempts;
  open.phase = Phase::kMoving;
  open.fetched = false;
  open.contributors = open.members;
  open.done_sent = false;
  open.stall_noticed = false;
  open.arrived.clear();
  open.arrived.insert(membership_.self().id);
  open.last_progress = context_.now;
  open.post_at = kNever;
  context_.trace("op.begin");
  context_.note({FlightKind::kOpAttempt, &open.op, {}, open.attempts});
  if (!open.call.doomed) open.call.doomed = lost_partner(open);
  if (open.call.doomed) {
    request_abort(open, open.call.doomed->code, open.call.doomed->message);
    return;
  }
  open.call.body->begin(AttemptContext{
      open.attempt, open.members, membership_.self().id, open.fingerprint,
      first_open({open.op.generation, open.op.group, open.op.tag, 0}), plan_of(open)});
  if (open.call.body->posts_late()) open.post_at = context_.now + kLatePost;
  else send_posted(open, open.call.body->senders());
  // An abort that was asked for in an earlier attempt is still wanted.
  if (open.abort_wanted) request_abort(open, open.abort_wanted->code, open.abort_wanted->message);
  replay_stash(open);
  after_progress(open);
}

// Most calls have the participants of the one before.
std::shared_ptr<const topology::Plan> CallLedger::plan_of(const Open& open) {
  const Generation& generation = open.op.generation;
  if (plan_.plan == nullptr || plan_.generation != generation || plan_.peers != open.members) {
    plan_ = {generation, open.members,
             std::make_shared<const topology::Plan>(
                 membership_.generations().plan_for(generation, open.members))};
  }
  return plan_.plan;
}

// A peer without which there is no result may have been lost in a settle round that nobody had
// reported the call to.
std::optional<Error> CallLedger::lost_partner(const Open& open) {
  const wire::CallDescription& call = open.call.description;
  if (call.kind == wire::OpKind::kSend && open.members.size() < 2) {
    return Error{ErrorCode::kPeerLost, fmt::format("the other peer of a send from {} was lost",
                                                   to_string(call.root))};
  }
  const bool lost = wire::has_root(call.kind) &&
                    std::find(open.members.begin(), open.members.end(), call.root) ==
                        open.members.end();
  if (!lost) return std::nullopt;
  return Error{ErrorCode::kRootLost, fmt::format("peer {}, the root of a {}, is not in the view",
                                                 to_string(call.root), wire::to_string(call.kind))};
}

void CallLedger::replay_stash(Open& open) {
  Stash::Entry entry = stash_.take(open.attempt);
  for (const auto& [peer, posted] : entry.posted) heard_posted(open, peer, posted);
  for (const Stash::Chunk& chunk : entry.chunks) {
    if (!check_fingerprint(open, chunk.from, chunk.header.fingerprint)) return;
    Result<link::Placement> placement = open.call.body->place(chunk.from, chunk.header);
    if (!placement || placement->kind == link::Placement::Kind::kDiscard) continue;
    ByteSpan payload = chunk.payload;
    if (placement->kind == link::Placement::Kind::kDirect) {
      std::memcpy(placement->destination.data(), payload.data(), payload.size());
      payload = placement->destination;
    }
    if (!open.call.body->deliver(chunk.from, chunk.header, {payload, nullptr})) continue;
    heard_data(open, chunk.from);
  }
}

void CallLedger::send_posted(Open& open, const std::vector<PeerId>& to) {
  for (const PeerId peer : to) {
    if (peer == membership_.self().id) continue;
    link::OutFrame frame;
    frame.header.kind = wire::FrameKind::kCredit;
    frame.header.attempt = open.attempt;
    frame.header.fingerprint = open.fingerprint;
    // Everything that belongs to a posted attempt has its place: no need to count.
    frame.header.argument = std::numeric_limits<uint64_t>::max();
    links_->send_free(peer, std::move(frame));
  }
}

void CallLedger::after_progress(Open& open) {
  if (open.phase != Phase::kMoving || open.call.doomed) return;
  if (const Error* failure = open.call.body->failure()) {
    request_abort(open, failure->code, failure->message);
    return;
  }
  if (!open.call.body->complete()) return;
  open.phase = Phase::kComplete;
  context_.note({FlightKind::kOpComplete, &open.op, {}, open.attempts});
  advance_complete(open);
}

void CallLedger::advance_complete(Open& open) {
  if (open.phase != Phase::kComplete || frozen(open.op)) return;
  if (!open.call.body->small()) return send_done(open);
  if (ended_.full()) return tell_ended();
  context_.trace("op.done");
  commit(open, open.attempt.epoch);
}

void CallLedger::advance_all_complete() {
  std::vector<OpId> ids;
  for (const auto& [id, open] : open_) {
    if (open.phase == Phase::kComplete) ids.push_back(id);
  }
  for (const OpId& id : ids) {
    const auto found = open_.find(id);
    if (found != open_.end()) advance_complete(found->second);
  }
}

void CallLedger::commit(Open& open, const Epoch& epoch) {
  context_.trace("op.commit");
  context_.note({FlightKind::kOpCommitted, &open.op, {}, open.contributors.size()});
  CallBody& body = *open.call.body;
  // The frames of a small call are still needed by others; they own what they carry. Those that do
  // not have arrived.
  if (!body.small() || body.lends_input()) end_attempt(open);
  Result<CallInfo> info = body.commit(open.contributors, open.attempts);
  const OpId op = open.op;
  const AttemptId attempt{op, epoch};  // `epoch` may be part of what end() destroys
  const uint64_t stable_below = body.stable_below();
  EndedCall ended;
  ended.epoch = epoch;
  ended.call = open.call.description;
  ended.committed = true;
  ended.contributors = std::move(open.contributors);
  ended.result = body.result();
  if (ended.result != nullptr) ended.weights = body.weights(ended.contributors);
  // Of a large call the groups of other shards may still have to hear.
  const bool alone = body.small() && ended.contributors.size() == 1;
  end(op, std::move(info));
  if (alone || broken(Canary::kForgetRetainedResult)) return links_->revoke(attempt);
  ended_.add(op, std::move(ended));
  note_ended();
  if (stable_below > 0) forget({op.generation, op.group, op.tag, stable_below});
}

void CallLedger::end_aborted(Open& open, const wire::Verdict& verdict) {
  EndedCall ended;
  ended.epoch = verdict.epoch;
  ended.call = open.call.description;
  ended.code = verdict.code;
  ended.reason = verdict.reason;
  const OpId op = open.op;
  end(op, fail(verdict.code, "{}", verdict.reason));
  ended_.add(op, std::move(ended));
  note_ended();
}

void CallLedger::send_done(Open& open) {
  if (open.done_sent) return;
  context_.trace(open.call.description.kind == wire::OpKind::kSync ? "sync.done" : "op.done");
  open.done_sent = true;
  membership_.send(open.call.body->done_message());
}

void CallLedger::end_attempt(Open& open) {
  if (open.attempts == 0) return;
  links_->revoke(open.attempt);
}

void CallLedger::end(OpId op, Result<CallInfo> result) {
  const auto found = open_.find(op);
  const CallId call = found->second.call.call;
  open_report_bytes_ -= found->second.report_bytes;
  open_.erase(found);
  context_.emit(CallEnded{call, std::move(result)});
}

void CallLedger::request_abort(Open& open, ErrorCode code, std::string reason) {
  if (open.past_abort && !open.call.body->failure()) return;
  const bool again = open.abort_wanted.has_value();
  if (!again) {
    open.abort_wanted = Error{code, reason};
    context_.note({FlightKind::kAbortWanted, &open.op, {}, static_cast<uint64_t>(code), reason});
    open.grace.begin(context_.now, context_.config.outcome_grace);
    if (frozen(open.op)) open.grace.stand_still(context_.now, freeze_ends_ - context_.now);
  }
  if (open.phase == Phase::kWaiting) return;  // sent when the next attempt begins
  wire::AbortRequest request;
  request.op = open.op;
  request.epoch = open.attempt.epoch;
  request.call = open.call.description;
  request.code = open.abort_wanted->code;
  request.reason = open.abort_wanted->message;
  membership_.send(std::move(request));
}

// ---- membership's side -------------------------------------------------------------------------

void CallLedger::on_view(const wire::View& view, const std::vector<wire::PeerInfo>& lost) {
  const bool new_generation = view.generation != names_.generation();
  names_.set_generation(view.generation);
  for (auto& [op, open] : open_) {
    for (const wire::PeerInfo& peer : lost) std::erase(open.members, peer.id);
  }
  if (new_generation) {
    early_verdicts_.clear();
    end_old_calls();
  } else {
    // Who lacks a result gets it by a verdict of this settle round, not by frames of old attempts.
    for (const auto& [op, ended] : ended_.calls()) {
      if (ended.result != nullptr) links_->revoke({op, ended.epoch});
    }
  }
  drop_obsolete_stash();
}

// Before its generation is forgotten everywhere, and with it who takes part: then nobody could find
// out any more whether somebody has returned from it.
void CallLedger::end_old_calls() {
  for (auto& [op, open] : open_) {
    const size_t since = membership_.generations().since(op.generation);
    if (since < membership::kGenerationsOpen || open.abort_wanted) continue;
    request_abort(open, ErrorCode::kAborted,
                  fmt::format("{} on {} is open since {} generations", describe(open),
                              membership_.self().name, since));
  }
}

void CallLedger::drop_obsolete_stash() {
  stash_.drop_if([this](const AttemptId& attempt) {
    Open* open = nullptr;
    return relation(attempt, &open) == Relation::kPast;
  });
}

void CallLedger::on_freeze(uint64_t round, const std::optional<OpId>& op, Duration longest) {
  context_.trace("freeze");
  if (op) frozen_ops_.insert(*op);
  freeze_ends_ = context_.now + longest;
  wire::SettleReport report;
  report.round = round;
  for (auto& [id, open] : open_) {
    if (op && id != *op) continue;
    open.grace.stand_still(context_.now, longest);
    wire::OpReport item;
    item.op = id;
    item.epoch = open.phase == Phase::kWaiting ? membership_.view()->epoch : open.attempt.epoch;
    item.phase = open.phase == Phase::kComplete ? wire::OpPhase::kDone : wire::OpPhase::kBegun;
    item.call = open.call.description;
    const KeptProgress kept = open.call.body->freeze();
    item.kept_below = kept.kept_below;
    item.complete_below = kept.complete_below;
    item.stable_below = kept.stable_below;
    report.ops.push_back(std::move(item));
  }
  report_ended(op, report.ops);
  fit_sentences(report);
  membership_.send(std::move(report));
}

void CallLedger::on_thaw(const std::optional<OpId>& op) {
  if (op) frozen_ops_.erase(*op);
  if (!op) frozen_ops_.clear();  // a round about all ops decides those about one, too
  std::vector<OpId> ids;
  for (const auto& [id, open] : open_) ids.push_back(id);
  for (const OpId& id : ids) {
    const auto found = open_.find(id);
    if (found == open_.end() || frozen(id)) continue;
    found->second.grace.go_on(context_.now);
    if (found->second.phase == Phase::kWaiting) {
      start(found->second);
      continue;
    }
    found->second.call.body->thaw();
    if (op && id == *op) no_abort(found->second);
    advance_complete(found->second);
  }
}

// The op goes on after a settle round: what it was to be aborted for does not count.
void CallLedger::no_abort(Open& open) {
  if (!open.call.description.keep || open.phase == Phase::kFetching) return;
  open.past_abort = true;
  open.deadline = kNever;
  open.grace.end();
  const Error* stuck = open.call.doomed ? &*open.call.doomed : open.call.body->failure();
  if (stuck != nullptr) {
    lost_ = Error{stuck->code, fmt::format("{}: {} cannot be aborted any more, and this peer "
                                           "cannot go on with it", stuck->message,
                                           describe(open))};
  }
  open.abort_wanted.reset();
}

void CallLedger::on_verdict(const wire::Verdict& verdict) {
  const auto found = open_.find(verdict.op);
  if (found == open_.end()) {
    if (verdict.final && names_.in_future(verdict.op)) {
      // A participant has lied in a settle round: what this peer would bring is in no result.
      if (verdict.committed) {
        lost_ = Error{ErrorCode::kInternalError,
                      fmt::format("{} was committed without {}, which has not called it",
                                  to_string(verdict.op), membership_.self().name)};
        return;
      }
      keep_early(verdict);
    }
    return;
  }
  Open& open = found->second;
  if (verdict.committed) {
    const bool complete = open.phase == Phase::kComplete && open.attempt.epoch == verdict.epoch;
    if (!complete) return begin_fetch(open, verdict);
    // The participants of that attempt are the contributors. A coordinator that was started again
    // may know but those of them that live, when it was told of the commit by another shard alone.
    if (broken(Canary::kTheLivingContributed)) open.contributors = verdict.contributors;
    return commit(open, verdict.epoch);
  }
  const bool of_this_attempt = open.phase != Phase::kWaiting &&
                               !is_later(open.attempt.epoch, verdict.epoch);
  if (!verdict.final && !of_this_attempt) return;  // about one that has ended before
  // An epoch beyond this attempt's: what ended this one was lost with the control connection.
  context_.trace("op.abort");
  context_.note({verdict.final ? FlightKind::kOpFailed : FlightKind::kOpAborted, &open.op, {},
                 static_cast<uint64_t>(verdict.code), verdict.reason});
  end_attempt(open);
  if (verdict.final) early_verdicts_.erase(open.op);
  abort_attempt(open, verdict);
  open.phase = Phase::kWaiting;
  open.fetched = false;
  if (verdict.final) return end_aborted(open, verdict);
  if (!open.call.doomed && !open.call.body->may_begin_again()) {
    open.call.doomed = Error{ErrorCode::kAborted,
                             fmt::format("{} of {} cannot begin again, since it has overwritten "
                                         "its input, which was disposable ({})",
                                         describe(open), membership_.self().name, verdict.reason)};
  }
}

void CallLedger::abort_attempt(Open& open, const wire::Verdict& verdict) {
  if (open.phase == Phase::kWaiting || open.call.doomed) return;
  if (verdict.final) return open.call.body->abandon();
  if (Result<void> kept = open.call.body->abandon_from(verdict.kept_below); !kept) {
    lost_ = kept.error();
    return open.call.body->abandon();
  }
  if (verdict.kept_below > 0) no_abort(open);
}

void CallLedger::on_plan(const wire::SyncPlan& plan) {
  const auto found = open_.find(plan.op);
  if (found == open_.end()) return;
  Open& open = found->second;
  if (open.phase != Phase::kMoving || open.attempt.epoch != plan.epoch) return;
  context_.trace("sync.plan");
  open.last_progress = context_.now;
  open.call.body->on_plan(plan);
  after_progress(open);
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
  while (!open_.empty()) {
    Open& open = open_.begin()->second;
    end_attempt(open);
    if (open.phase != Phase::kWaiting && !open.call.doomed) open.call.body->abandon();
    end(open_.begin()->first, tl::unexpected<Error>(error));
  }
}

bool CallLedger::frozen(const OpId& op) const {
  return membership_.frozen() || frozen_ops_.count(op) != 0;
}

}  // namespace atoll_core::engine
