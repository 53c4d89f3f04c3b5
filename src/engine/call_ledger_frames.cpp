// Frames that the links hand to the calls they belong to.
#include <cstring>
#include <limits>
#include <utility>

#include "base/canary.h"
#include "engine/call_ledger.h"

namespace atoll_core::engine {
CallLedger::Relation CallLedger::relation(const AttemptId& attempt, Open** open) {
  const auto found = open_.find(attempt.op);
  if (found != open_.end()) {
    *open = &found->second;
    const Phase phase = found->second.phase;
    // The commit is provisional until the result is here: when its holders are lost, the next round
    // may let all begin again, and others may hear of that before this peer does.
    const bool fetches = phase == Phase::kFetching || found->second.fetched;
    if (fetches && !is_later(attempt.epoch, found->second.attempt.epoch)) return Relation::kPast;
    const bool moving = phase != Phase::kWaiting && !fetches;
    if (moving && found->second.attempt.epoch == attempt.epoch) return Relation::kCurrent;
    if (moving && broken(Canary::kSkipFence)) return Relation::kCurrent;
    if (found->second.attempts > 0 && !is_later(attempt.epoch, found->second.attempt.epoch)) {
      return Relation::kPast;
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

bool CallLedger::check_fingerprint(Open& open, PeerId from, uint64_t fingerprint) {
  if (fingerprint == open.fingerprint) return true;
  if (!open.abort_wanted) {
    request_abort(open, ErrorCode::kMismatch,
                  fmt::format("{} and {} differ in {}", membership_.self().name,
                              names_of({from}), describe(open)));
  }
  return false;
}

void CallLedger::heard_posted(Open& open, PeerId from, const Stash::Posted& posted) {
  if (!check_fingerprint(open, from, posted.fingerprint)) return;
  if (open.arrived.insert(from).second) open.last_progress = context_.now;
  links_->grant(from, open.attempt, posted.total);
}

// Whoever sends data of an attempt has posted it, and takes all of it.
void CallLedger::heard_data(Open& open, PeerId from) {
  if (!open.arrived.insert(from).second) return;
  links_->grant(from, open.attempt, std::numeric_limits<uint64_t>::max());
}

// This peer has returned from a small call, but others need frames of it that wait for credit.
void CallLedger::posted_after_return(PeerId from, const wire::FrameHeader& header) {
  const EndedCall* ended = ended_.find(header.attempt.op);
  const bool kept = ended != nullptr && ended->result != nullptr &&
                    ended->epoch == header.attempt.epoch;
  if (kept) links_->grant(from, header.attempt, header.argument);
}

Result<link::Placement> CallLedger::place(link::Link& link, const wire::FrameHeader& header) {
  if (header.kind == wire::FrameKind::kResultData) {
    return link::Placement{link::Placement::Kind::kScratch, {}};
  }
  if (wire::is_about_result(header.kind)) return link::Placement{};
  Open* open = nullptr;
  const Relation where = relation(header.attempt, &open);
  if (where == Relation::kPast) return link::Placement{};
  if (where == Relation::kFuture) {
    if (header.kind != wire::FrameKind::kData) return link::Placement{};
    if (Result<void> admitted = Stash::admit(link.peer(), header); !admitted) {
      return tl::unexpected<Error>(admitted.error());
    }
    return link::Placement{link::Placement::Kind::kKeep, {}};
  }
  if (open->call.doomed || !check_fingerprint(*open, link.peer(), header.fingerprint)) {
    return link::Placement{};
  }
  return open->call.body->place(link.peer(), header);
}

Result<void> CallLedger::deliver(link::Link& link, const wire::FrameHeader& header,
                                 const link::Payload& payload) {
  if (header.kind == wire::FrameKind::kResultRequest) {
    serve_result(link.peer(), header);
    return {};
  }
  if (wire::is_about_result(header.kind)) {
    heard_result(link.peer(), header, payload.bytes);
    return {};
  }
  Open* open = nullptr;
  const Relation where = relation(header.attempt, &open);
  if (where == Relation::kPast) {
    if (header.kind == wire::FrameKind::kCredit) posted_after_return(link.peer(), header);
    return {};
  }
  if (where == Relation::kFuture) {
    if (header.kind != wire::FrameKind::kCredit) return {};
    return stash_.add_posted(link.peer(), header);
  }
  if (open->call.doomed) return {};
  if (header.kind == wire::FrameKind::kCredit) {
    heard_posted(*open, link.peer(), {header.fingerprint, header.argument});
    return {};
  }
  heard_data(*open, link.peer());
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
  if (where == Relation::kPast) return link.let_go(header), Result<void>();
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

}  // namespace atoll_core::engine
