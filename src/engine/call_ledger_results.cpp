// What has ended here but perhaps not elsewhere: telling so, and handing results to who lacks them.
#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "engine/call_ledger.h"
#include "engine/settle_report.h"

namespace atoll_core::engine {
namespace {
// Until then what has ended is told together.
constexpr Duration kTellDelay = std::chrono::milliseconds(250);
}  // namespace

// ---- watermarks --------------------------------------------------------------------------------

uint64_t CallLedger::first_open(const wire::Watermark& name) const {
  const OpId first{name.generation, name.group, name.tag, 0};
  const auto found = open_.lower_bound(first);
  const bool same = found != open_.end() && found->first.generation == name.generation &&
                    found->first.group == name.group && found->first.tag == name.tag;
  return same ? found->first.sequence : std::numeric_limits<uint64_t>::max();
}

void CallLedger::note_ended() {
  if (ended_.should_tell_now()) return tell_ended();
  if (tell_at_ == kNever) tell_at_ = context_.now + kTellDelay;
}

void CallLedger::tell_ended() {
  tell_at_ = kNever;
  wire::Ended ended;
  ended.marks =
      ended_.take_untold([this](const wire::Watermark& name) { return first_open(name); });
  if (!ended.marks.empty()) membership_.send(std::move(ended));
}

void CallLedger::on_control() {
  ended_.tell_again();
  if (ended_.has_untold() && tell_at_ == kNever) tell_at_ = context_.now + kTellDelay;
}

void CallLedger::forget(const wire::Watermark& stable) {
  for (const AttemptId& attempt : ended_.forget(stable)) links_->revoke(attempt);
}

void CallLedger::on_stable(const std::vector<wire::Watermark>& marks) {
  for (const wire::Watermark& mark : marks) forget(mark);
  advance_all_complete();
}

void CallLedger::report_ended(const std::optional<OpId>& only,
                              std::vector<wire::OpReport>& reports) const {
  for (const auto& [op, ended] : ended_.calls()) {
    if (only && op != *only) continue;
    wire::OpReport item;
    item.op = op;
    item.epoch = ended.epoch;
    item.phase = ended.committed ? wire::OpPhase::kCommitted : wire::OpPhase::kAborted;
    item.call = ended.call;
    item.holds_result = ended.result != nullptr;
    item.contributors = ended.contributors;
    item.code = ended.code;
    item.reason = ended.reason;
    reports.push_back(std::move(item));
  }
  // What was heard of calls that are still to be made stands, too: they will return it.
  for (const auto& [op, verdict] : early_verdicts_) {
    if (only && op != *only) continue;
    wire::OpReport item;
    item.op = op;
    item.epoch = verdict.epoch;
    item.phase = wire::OpPhase::kAborted;
    item.code = verdict.code;
    item.reason = verdict.reason;
    reports.push_back(std::move(item));
  }
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

// The end of a call that is still to be made here. Others can make and end only so many before they
// wait for this peer.
void CallLedger::keep_early(const wire::Verdict& verdict) {
  ATOLL_ASSERT(!verdict.committed, "{} committed before it was called", to_string(verdict.op));
  if (early_verdicts_.size() >= limits::kEarlyVerdicts && early_verdicts_.count(verdict.op) == 0) {
    lost_ = Error{ErrorCode::kOutOfMemory,
                  fmt::format("others have made and ended more than {} calls that {} has not made",
                              limits::kEarlyVerdicts, membership_.self().name)};
    return;
  }
  early_verdicts_[verdict.op] = verdict;
  drop_obsolete_stash();
}

// ---- fetching a result -------------------------------------------------------------------------

void CallLedger::begin_fetch(Open& open, const wire::Verdict& verdict) {
  context_.trace("result.fetch");
  context_.note({FlightKind::kResultFetch, &open.op, {}, verdict.holders.size()});
  end_attempt(open);
  if (open.phase != Phase::kWaiting && !open.call.doomed) open.call.body->abandon();
  open.phase = Phase::kFetching;
  open.fetched = false;
  open.attempt = {open.op, verdict.epoch};
  open.attempts = std::max(open.attempts, 1u);
  open.contributors = verdict.contributors;
  open.holders = verdict.holders;
  open.last_progress = context_.now;
  ask_holder(open);
}

void CallLedger::ask_holder(Open& open) {
  if (open.holders.empty()) {
    if (open.abort_wanted) return;  // and its grace runs out
    return request_abort(open, ErrorCode::kInternalError,
                         fmt::format("nobody has the result of {}, which has committed",
                                     describe(open)));
  }
  link::OutFrame frame;
  frame.header.kind = wire::FrameKind::kResultRequest;
  frame.header.attempt = open.attempt;
  frame.header.fingerprint = open.fingerprint;
  links_->send_free(open.holders.front(), std::move(frame));
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

void CallLedger::heard_result(PeerId from, const wire::FrameHeader& header, ByteSpan payload) {
  const auto found = open_.find(header.attempt.op);
  if (found == open_.end()) return;
  Open& open = found->second;
  const bool asked = open.phase == Phase::kFetching && open.attempt == header.attempt &&
                     !open.holders.empty() && open.holders.front() == from;
  if (!asked) return;
  open.last_progress = context_.now;
  Result<void> taken = header.kind == wire::FrameKind::kResultData
                           ? open.call.body->take_result(payload, header.weighted,
                                                         open.contributors)
                           : fail(ErrorCode::kInternalError, "{} does not keep the result of {}",
                                  names_of({from}), describe(open));
  if (!taken) {
    context_.log(3, taken.error().message);
    open.holders.erase(open.holders.begin());
    return ask_holder(open);
  }
  open.phase = Phase::kComplete;
  open.fetched = true;
  advance_complete(open);
}

}  // namespace atoll_core::engine
