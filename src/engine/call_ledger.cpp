#include "engine/call_ledger.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/assert.h"
#include "base/canary.h"

namespace atoll_core::engine {

CallLedger::CallLedger(Context& context, membership::PeerMachine& membership)
    : context_(context), membership_(membership) {}

// ---- the caller's side -------------------------------------------------------------------------

void CallLedger::begin(NewCall call) {
  const wire::View& view = *membership_.view();
  const wire::PeerInfo& self = membership_.self();
  const Group group = CallNames::group_number(call.options.group, self.shard);
  const OpId op = names_.take(group, call.options.tag);
  Open open;
  open.op = op;
  open.fingerprint = wire::fingerprint(call.description);
  open.members = CallNames::participants(view, self, call.options.group);
  open.last_progress = context_.now;
  if (call.options.deadline > Duration{0}) open.deadline = context_.now + call.options.deadline;
  open.call = std::move(call);
  Open& kept = open_.emplace(op, std::move(open)).first->second;
  const auto early = early_verdicts_.find(op);
  if (early != early_verdicts_.end()) {
    const wire::Verdict verdict = early->second;
    early_verdicts_.erase(early);
    end(op, fail(verdict.code, "{}", verdict.reason));
    return;
  }
  if (!frozen(op)) begin_attempt(kept);
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

void CallLedger::begin_attempt(Open& open) {
  open.attempt = AttemptId{open.op, membership_.view()->epoch};
  ++open.attempts;
  open.phase = Phase::kMoving;
  open.done_sent = false;
  open.stall_noticed = false;
  open.arrived.clear();
  open.arrived.insert(membership_.self().id);
  open.last_progress = context_.now;
  context_.trace("op.begin");
  if (open.call.doomed) {
    request_abort(open, open.call.doomed->code, open.call.doomed->message);
    return;
  }
  open.call.body->begin(
      AttemptContext{open.attempt, open.members, membership_.self().id, open.fingerprint});
  send_posted(open, open.call.body->senders());
  // An abort that was asked for in an earlier attempt is still wanted.
  if (open.abort_wanted) request_abort(open, open.abort_wanted->code, open.abort_wanted->message);
  replay_stash(open);
  after_progress(open);
}

void CallLedger::replay_stash(Open& open) {
  Stash::Entry entry = stash_.take(open.attempt);
  for (const auto& [peer, header] : entry.posted) {
    // A wrong fingerprint is dealt with in there; there is no connection to break any more.
    (void)heard_posted(open, peer, header);
  }
  for (const Stash::Chunk& chunk : entry.chunks) {
    if (!check_fingerprint(open, chunk.from, chunk.header)) return;
    Result<link::Placement> placement = open.call.body->place(chunk.from, chunk.header);
    if (!placement || placement->kind == link::Placement::Kind::kDiscard) continue;
    ByteSpan payload = chunk.payload;
    if (placement->kind == link::Placement::Kind::kDirect) {
      std::memcpy(placement->destination.data(), payload.data(), payload.size());
      payload = placement->destination;
    }
    if (!open.call.body->deliver(chunk.from, chunk.header, payload)) continue;
    open.arrived.insert(chunk.from);
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
  if (!frozen(open.op)) send_done(open);
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
  open_.erase(found);
  context_.emit(CallEnded{call, std::move(result)});
}

void CallLedger::request_abort(Open& open, ErrorCode code, std::string reason) {
  const bool again = open.abort_wanted.has_value();
  if (!again) {
    open.abort_wanted = Error{code, reason};
    open.grace = context_.now + context_.config.outcome_grace;
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
  if (new_generation) early_verdicts_.clear();
  drop_obsolete_stash();
}

void CallLedger::drop_obsolete_stash() {
  stash_.drop_if([this](const AttemptId& attempt) {
    Open* open = nullptr;
    return relation(attempt, &open) == Relation::kPast;
  });
}

void CallLedger::on_freeze(uint64_t round, const std::optional<OpId>& op) {
  context_.trace("freeze");
  if (op) frozen_ops_.insert(*op);
  wire::SettleReport report;
  report.round = round;
  for (const auto& [id, open] : open_) {
    if (op && id != *op) continue;
    wire::OpReport item;
    item.op = id;
    item.epoch = open.phase == Phase::kWaiting ? membership_.view()->epoch : open.attempt.epoch;
    item.phase = open.phase == Phase::kComplete ? wire::OpPhase::kDone : wire::OpPhase::kBegun;
    item.call = open.call.description;
    report.ops.push_back(std::move(item));
  }
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
    if (found->second.phase == Phase::kWaiting) begin_attempt(found->second);
    else if (found->second.phase == Phase::kComplete) send_done(found->second);
  }
}

void CallLedger::on_verdict(const wire::Verdict& verdict) {
  const auto found = open_.find(verdict.op);
  if (found == open_.end()) {
    if (verdict.final && names_.in_future(verdict.op)) {
      ATOLL_ASSERT(!verdict.committed, "{} committed before it was called", to_string(verdict.op));
      early_verdicts_[verdict.op] = verdict;
      drop_obsolete_stash();
    }
    return;
  }
  Open& open = found->second;
  if (verdict.committed) {
    ATOLL_ASSERT(open.phase == Phase::kComplete && open.attempt.epoch == verdict.epoch,
                 "commit of {} at {}, here at {} in phase {}", to_string(open.op),
                 to_string(verdict.epoch), to_string(open.attempt.epoch),
                 static_cast<int>(open.phase));
    context_.trace("op.commit");
    end_attempt(open);
    end(verdict.op, open.call.body->commit(verdict, open.attempts));
    return;
  }
  if (!verdict.final && (open.phase == Phase::kWaiting || verdict.epoch < open.attempt.epoch)) {
    return;  // about an attempt that has ended before
  }
  // An epoch beyond this attempt's: what ended this one was lost with the control connection.
  context_.trace("op.abort");
  end_attempt(open);
  if (open.phase != Phase::kWaiting && !open.call.doomed) open.call.body->abandon();
  open.phase = Phase::kWaiting;
  if (verdict.final) end(verdict.op, fail(verdict.code, "{}", verdict.reason));
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
  while (!open_.empty()) {
    Open& open = open_.begin()->second;
    end_attempt(open);
    if (open.phase != Phase::kWaiting && !open.call.doomed) open.call.body->abandon();
    end(open_.begin()->first, tl::unexpected<Error>(outcome));
  }
}

bool CallLedger::frozen(const OpId& op) const {
  return membership_.frozen() || frozen_ops_.count(op) != 0;
}

// ---- frames ------------------------------------------------------------------------------------

CallLedger::Relation CallLedger::relation(const AttemptId& attempt, Open** open) {
  const auto found = open_.find(attempt.op);
  if (found != open_.end()) {
    *open = &found->second;
    const bool moving = found->second.phase != Phase::kWaiting;
    if (moving && found->second.attempt.epoch == attempt.epoch) return Relation::kCurrent;
    if (moving && broken(Canary::kSkipFence)) return Relation::kCurrent;
    if (found->second.attempts > 0 && attempt.epoch <= found->second.attempt.epoch) {
      return Relation::kPast;
    }
  } else if (!names_.in_future(attempt.op) || early_verdicts_.count(attempt.op) != 0) {
    return Relation::kPast;
  }
  // Within a generation every new view restarts all attempts, so an older epoch is over.
  const bool over = attempt.op.generation == names_.generation() && membership_.view() &&
                    attempt.epoch < membership_.view()->epoch;
  return over ? Relation::kPast : Relation::kFuture;
}

bool CallLedger::check_fingerprint(Open& open, PeerId from, const wire::FrameHeader& header) {
  if (header.fingerprint == open.fingerprint) return true;
  if (!open.abort_wanted) {
    request_abort(open, ErrorCode::kMismatch,
                  fmt::format("{} and {} differ in {}", membership_.self().name,
                              names_of({from}), describe(open)));
  }
  return false;
}

Result<void> CallLedger::heard_posted(Open& open, PeerId from, const wire::FrameHeader& header) {
  if (!check_fingerprint(open, from, header)) return {};
  if (open.arrived.insert(from).second) open.last_progress = context_.now;
  links_->grant(from, open.attempt, header.argument);
  return {};
}

Result<link::Placement> CallLedger::place(link::Link& link, const wire::FrameHeader& header) {
  Open* open = nullptr;
  const Relation where = relation(header.attempt, &open);
  if (where == Relation::kPast) return link::Placement{};
  if (where == Relation::kFuture) {
    if (header.kind != wire::FrameKind::kData) return link::Placement{};
    if (Result<void> admitted = stash_.admit(link.peer(), header); !admitted) {
      return tl::unexpected<Error>(admitted.error());
    }
    return link::Placement{link::Placement::Kind::kKeep, {}};
  }
  if (open->call.doomed || !check_fingerprint(*open, link.peer(), header)) {
    return link::Placement{};
  }
  return open->call.body->place(link.peer(), header);
}

Result<void> CallLedger::deliver(link::Link& link, const wire::FrameHeader& header,
                                 ByteSpan payload) {
  Open* open = nullptr;
  const Relation where = relation(header.attempt, &open);
  if (where == Relation::kPast) return {};
  if (where == Relation::kFuture) {
    if (header.kind != wire::FrameKind::kCredit) return {};
    return stash_.add_posted(link.peer(), header);
  }
  if (open->call.doomed) return {};
  if (header.kind == wire::FrameKind::kCredit) return heard_posted(*open, link.peer(), header);
  open->arrived.insert(link.peer());
  open->last_progress = context_.now;
  Result<void> delivered = open->call.body->deliver(link.peer(), header, payload);
  if (!delivered) return delivered;
  after_progress(*open);
  return {};
}

Result<void> CallLedger::deliver_kept(link::Link& link, const wire::FrameHeader& header,
                                      ByteBuffer payload) {
  Open* open = nullptr;
  const Relation where = relation(header.attempt, &open);
  if (where == Relation::kPast) return {};
  stash_.add(link.peer(), header, std::move(payload));
  // The call may have begun while the chunk was on its way in.
  if (where == Relation::kCurrent && !open->call.doomed) {
    replay_stash(*open);
    open->last_progress = context_.now;
    after_progress(*open);
  }
  return {};
}

void CallLedger::wake(link::Link&, link::ConnectionKey connection) {
  context_.emit(output::WakeWriter{connection});
}

// ---- waiting -----------------------------------------------------------------------------------

namespace {
constexpr Duration kStallNotice = std::chrono::seconds(1);
}

TimePoint CallLedger::stall_deadline(const Open& open) const {
  if (open.phase == Phase::kWaiting || open.abort_wanted) return kNever;
  if (!open.stall_noticed) return open.last_progress + kStallNotice;
  return open.last_progress + (missing(open).empty() ? context_.config.progress_timeout
                                                     : context_.config.arrival_timeout);
}

std::optional<Error> CallLedger::tick() {
  for (auto& [op, open] : open_) {
    if (open.grace <= context_.now) {
      return Error{ErrorCode::kOutcomeUnknown,
                   fmt::format("no verdict on {} within {} ms of asking for its end ({})",
                               describe(open), to_ms(context_.config.outcome_grace),
                               open.abort_wanted->message)};
    }
    if (open.deadline <= context_.now && !open.abort_wanted) {
      request_abort(open, ErrorCode::kTimeout,
                    fmt::format("the deadline of {} ms of {} on {} has passed{}",
                                to_ms(open.call.options.deadline), describe(open),
                                membership_.self().name,
                                missing(open).empty()
                                    ? ""
                                    : ", waiting for " + names_of(missing(open))));
    }
    if (stall_deadline(open) <= context_.now) notice_stall(open);
  }
  return std::nullopt;
}

void CallLedger::notice_stall(Open& open) {
  const std::vector<PeerId> absent = missing(open);
  const int64_t waited = to_ms(context_.now - open.last_progress);
  if (!open.stall_noticed) {
    open.stall_noticed = true;
    // Now that it is slow anyway, everybody is told who has come.
    send_posted(open, open.members);
    wire::OpWaiting waiting;
    waiting.op = open.op;
    waiting.epoch = open.attempt.epoch;
    waiting.call = open.call.description;
    waiting.missing = absent;
    waiting.waited_ms = static_cast<uint64_t>(waited);
    membership_.send(std::move(waiting));
    return;
  }
  if (absent.empty()) {
    request_abort(open, ErrorCode::kTimeout,
                  fmt::format("no data has moved in {} on {} for {} ms", describe(open),
                              membership_.self().name, waited));
  } else {
    request_abort(open, ErrorCode::kTimeout,
                  fmt::format("{} waited {} ms for {} in {}", membership_.self().name, waited,
                              names_of(absent), describe(open)));
  }
}

TimePoint CallLedger::next_deadline() const {
  TimePoint next = kNever;
  for (const auto& [op, open] : open_) {
    next = std::min({next, open.grace, stall_deadline(open)});
    if (!open.abort_wanted) next = std::min(next, open.deadline);
  }
  return next;
}

std::vector<PeerId> CallLedger::missing(const Open& open) const {
  std::vector<PeerId> peers;
  for (const PeerId peer : open.members) {
    if (open.arrived.count(peer) == 0) peers.push_back(peer);
  }
  return peers;
}

std::string CallLedger::names_of(const std::vector<PeerId>& peers) const {
  std::vector<std::string> names;
  for (const PeerId peer : peers) {
    std::string name = to_string(peer);
    for (const wire::PeerInfo& member : membership_.view()->members) {
      if (member.id == peer) name = member.name;
    }
    names.push_back(std::move(name));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string CallLedger::describe(const Open& open) const {
  return fmt::format("{} tag {} #{}", wire::to_string(open.call.description.kind), open.op.tag,
                     open.op.sequence);
}

}  // namespace atoll_core::engine
