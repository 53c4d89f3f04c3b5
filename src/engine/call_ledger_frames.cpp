// Frames: which call one belongs to that the links hand over, and those that calls send.
#include <limits>
#include <memory>
#include <utility>

#include "engine/call_ledger.h"

namespace atoll_core::engine {
namespace {

bool has(const wire::FrameHeader& posted, PostedNotice notice) {
  return posted.step == static_cast<uint32_t>(notice);
}

bool wants_done(const wire::FrameHeader& posted) {
  return has(posted, PostedNotice::kDoneWanted);
}

}  // namespace

CallLedger::Relation CallLedger::relation(const AttemptId& attempt, Open::iterator* call) {
  *call = open_.find(attempt.op);
  if (*call != open_.end()) {
    switch ((*call)->second.machine.relation(attempt)) {
      case CallMachine::Relation::kCurrent: return Relation::kCurrent;
      case CallMachine::Relation::kPast: return Relation::kPast;
      case CallMachine::Relation::kNotBegun: break;
    }
  } else if (!names_.in_future(attempt.op) || early_verdicts_.count(attempt.op) != 0) {
    return Relation::kPast;
  }
  // Within a generation every new view restarts all attempts, so an older epoch is over.
  const auto& view = membership_.view();
  const bool over = attempt.op.generation == names_.generation() && view &&
                    attempt.epoch != view->epoch && !is_later(attempt.epoch, view->epoch);
  return over ? Relation::kPast : Relation::kFuture;
}

void CallLedger::drop_obsolete_stash() {
  stash_.drop_if([this](const AttemptId& attempt) {
    Open::iterator call;
    return relation(attempt, &call) == Relation::kPast;
  });
}

// ---- in ----------------------------------------------------------------------------------------

Result<link::Placement> CallLedger::place(link::Link& link, const wire::FrameHeader& header) {
  if (header.kind == wire::FrameKind::kResultData) {
    return link::Placement{link::Placement::Kind::kScratch, {}};
  }
  if (wire::is_about_result(header.kind)) return link::Placement{};
  Open::iterator call;
  const Relation where = relation(header.attempt, &call);
  if (where == Relation::kCurrent) {
    Result<link::Placement> placement = call->second.machine.place(link.peer(), header);
    after_event(call);
    return placement;
  }
  if (where == Relation::kPast || header.kind != wire::FrameKind::kData) return link::Placement{};
  if (Result<void> admitted = Stash::admit(link.peer(), header); !admitted) {
    return tl::unexpected<Error>(admitted.error());
  }
  return link::Placement{link::Placement::Kind::kKeep, {}};
}

Result<void> CallLedger::deliver(link::Link& link, const wire::FrameHeader& header,
                                 const link::Payload& payload) {
  if (header.kind == wire::FrameKind::kResultRequest) {
    serve_result(link.peer(), header);
    return {};
  }
  if (wire::is_about_result(header.kind)) {
    const auto asked = open_.find(header.attempt.op);
    if (asked == open_.end()) return {};
    asked->second.machine.hear_result(link.peer(), header, payload.bytes);
    after_event(asked);
    return {};
  }
  const bool posted = header.kind == wire::FrameKind::kCredit;
  if (posted && has(header, PostedNotice::kEndWanted)) {
    hear_end_wanted();
    return {};
  }
  Open::iterator call;
  switch (relation(header.attempt, &call)) {
    case Relation::kPast:
      if (posted) posted_after_return(link.peer(), header);
      return {};
    case Relation::kFuture:
      if (posted) return take_early_notice(link.peer(), header);
      return {};
    case Relation::kCurrent: break;
  }
  if (posted) {
    call->second.machine.hear_posted(link.peer(), {header.fingerprint, header.detail});
    if (wants_done(header)) call->second.machine.hear_done_wanted();
    after_event(call);
    return {};
  }
  Result<void> delivered = call->second.machine.deliver(link.peer(), header, payload);
  after_event(call);
  return delivered;
}

Result<void> CallLedger::take_early_notice(PeerId from, const wire::FrameHeader& header) {
  Result<void> added = stash_.add_posted(from, header);
  if (!added) return added;
  hear_of_send(header.attempt.op);
  hear_of_call(from, header.attempt.op);
  if (has(header, PostedNotice::kElsewhere)) hear_elsewhere(from, header);
  return {};
}

Result<void> CallLedger::deliver_kept(link::Link& link, const wire::FrameHeader& header,
                                      ByteBuffer payload) {
  Open::iterator call;
  const Relation where = relation(header.attempt, &call);
  if (where == Relation::kPast) return link.let_go(header), Result<void>();
  stash_.add(link.peer(), header, std::move(payload));
  if (where == Relation::kFuture) hear_of_send(header.attempt.op);
  // The call may have begun while the chunk was on its way in.
  if (where == Relation::kCurrent) {
    call->second.machine.take_late_stash();
    after_event(call);
  }
  return {};
}

void CallLedger::wake(link::Link&, link::ConnectionKey connection) {
  context_.emit(output::WakeWriter{connection});
}

// This peer has returned from a small call, but others need frames of it that wait for credit, or
// have no room for the result. In a settle round the report tells that it has ended.
void CallLedger::posted_after_return(PeerId from, const wire::FrameHeader& header) {
  const EndedCall* ended = ended_.find(header.attempt.op);
  const bool kept = ended != nullptr && ended->result != nullptr &&
                    ended->epoch == header.attempt.epoch;
  if (!kept) return;
  links_->grant(from, header.attempt, header.detail);
  if (!wants_done(header) || frozen(header.attempt.op)) return;
  membership_.send(wire::OpDone{header.attempt.op, ended->epoch, ended->call});
}

namespace {
std::shared_ptr<const ByteBuffer> with_weights(const EndedCall& ended) {
  if (ended.weights.empty()) return ended.result;
  if (auto made = ended.with_weights.lock()) return made;
  auto both = std::make_shared<ByteBuffer>(*ended.result);
  const ByteBuffer weights = encode(ended.weights);
  both->insert(both->end(), weights.begin(), weights.end());
  ended.with_weights = both;
  return both;
}
}  // namespace

void CallLedger::serve_result(PeerId to, const wire::FrameHeader& header) {
  const EndedCall* ended = ended_.find(header.attempt.op);
  const bool here = ended != nullptr && ended->result != nullptr &&
                    ended->epoch == header.attempt.epoch && links_->may_serve(to);
  link::OutFrame frame;
  frame.header.kind = here ? wire::FrameKind::kResultData : wire::FrameKind::kResultRefused;
  frame.header.attempt = header.attempt;
  if (here) {
    frame.owned = with_weights(*ended);
    frame.payload.emplace_back(*frame.owned);
    frame.header.payload_bytes = static_cast<uint32_t>(frame.owned->size());
    frame.header.weighted = !ended->weights.empty();
  }
  links_->send_free(to, std::move(frame));
}

// ---- what calls need of their surroundings -----------------------------------------------------

void CallLedger::send_posted(const AttemptId& attempt, uint64_t fingerprint, PeerId to,
                             PostedNotice notice) {
  link::OutFrame frame;
  frame.header.kind = wire::FrameKind::kCredit;
  frame.header.attempt = attempt;
  frame.header.fingerprint = fingerprint;
  // Everything that belongs to a posted attempt has its place: no need to count.
  frame.header.detail = std::numeric_limits<uint64_t>::max();
  frame.header.step = static_cast<uint32_t>(notice);
  links_->send_free(to, std::move(frame));
}

void CallLedger::ask_result(const AttemptId& attempt, uint64_t fingerprint, PeerId holder) {
  link::OutFrame frame;
  frame.header.kind = wire::FrameKind::kResultRequest;
  frame.header.attempt = attempt;
  frame.header.fingerprint = fingerprint;
  links_->send_free(holder, std::move(frame));
}

void CallLedger::grant(PeerId from, const AttemptId& attempt, uint64_t total) {
  links_->grant(from, attempt, total);
}

void CallLedger::revoke(const AttemptId& attempt) { links_->revoke(attempt); }

bool CallLedger::frozen(const OpId& op) const {
  return membership_.frozen() || frozen_ops_.count(op) != 0;
}

// Most calls have the participants of the one before.
std::shared_ptr<const topology::Plan> CallLedger::plan_of(const Generation& generation,
                                                          const std::vector<PeerId>& peers) {
  if (plan_.plan == nullptr || plan_.generation != generation || plan_.peers != peers) {
    plan_ = {generation, peers,
             std::make_shared<const topology::Plan>(
                 membership_.generations().plan_for(generation, peers))};
  }
  return plan_.plan;
}

}  // namespace atoll_core::engine
