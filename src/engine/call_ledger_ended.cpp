// What has ended here but perhaps not elsewhere: telling so, and what a settle round hears of it.
#include <limits>
#include <utility>

#include "engine/call_ledger.h"

namespace atoll_core::engine {
namespace {
// Until then what has ended is told together.
constexpr Duration kTellDelay = std::chrono::milliseconds(250);
}  // namespace

uint64_t CallLedger::first_open(const wire::Watermark& name) const {
  const OpId first{name.generation, name.group, name.tag, 0};
  const auto found = open_.lower_bound(first);
  const bool same = found != open_.end() && found->first.generation == name.generation &&
                    found->first.group == name.group && found->first.tag == name.tag;
  return same ? found->first.sequence : std::numeric_limits<uint64_t>::max();
}

uint64_t CallLedger::ended_below(const OpId& op) const {
  return first_open({op.generation, op.group, op.tag, 0});
}

void CallLedger::note_ended() {
  if (ended_.should_tell_now() || context_.now < at_once_until_) return tell_ended();
  if (tell_at_ == kNever) tell_at_ = context_.now + kTellDelay;
}

void CallLedger::tell_ended() {
  tell_at_ = kNever;
  wire::Ended ended;
  ended.marks =
      ended_.take_untold([this](const wire::Watermark& name) { return first_open(name); });
  if (!ended.marks.empty()) membership_.send(std::move(ended));
  if (ended_.has_untold()) tell_at_ = context_.now + kTellDelay;  // more than one message holds
}

void CallLedger::want_ends() {
  const EndedCalls::Calls& calls = ended_.calls();
  for (auto at = calls.begin(); at != calls.end();) {
    const auto& [op, ended] = *at++;
    // The last one of each name is enough, since who hears of it tells all that has ended.
    const bool last = at == calls.end() || at->first.generation != op.generation ||
                      at->first.group != op.group || at->first.tag != op.tag;
    if (!last) continue;
    for (const wire::PeerInfo& member : view().members) {
      if (member.id == self().id) continue;
      send_posted({op, ended.epoch}, wire::fingerprint(ended.call), member.id,
                  PostedNotice::kEndWanted);
    }
  }
}

void CallLedger::hear_end_wanted() {
  at_once_until_ = context_.now + kLeaveGrace;
  if (ended_.has_untold()) tell_ended();
}

void CallLedger::lacks_room() {
  lacks_room_ = true;
  if (ended_.has_untold()) tell_ended();
}

void CallLedger::on_control() {
  ended_.tell_again();
  if (ended_.has_untold() && tell_at_ == kNever) tell_at_ = context_.now + kTellDelay;
}

void CallLedger::forget(const wire::Watermark& stable) {
  for (const AttemptId& attempt : ended_.forget(stable)) links_->revoke(attempt);
}

// Nobody knows who took part in their calls, so nobody can tell that these have ended on all.
void CallLedger::forget_old_generations() {
  const auto forgotten = ended_.forget_while([this](const Generation& generation) {
    return membership_.generations().find(generation) == nullptr;
  });
  for (const AttemptId& attempt : forgotten) links_->revoke(attempt);
}

void CallLedger::on_stable(const std::vector<wire::Watermark>& marks) {
  for (const wire::Watermark& mark : marks) forget(mark);
  if (has_room_again()) make_use_of_room();
}

bool CallLedger::has_room_again() const { return lacks_room_ && !ended_.full(); }

void CallLedger::make_use_of_room() {
  lacks_room_ = false;
  for_each_open([](CallMachine& call) { call.on_room(); });
}

void CallLedger::report_ended(const std::optional<OpId>& only,
                              std::vector<wire::OpReport>& reports) const {
  const auto of_ended = [&](const OpId& op, const EndedCall& ended) {
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
  };
  // What was heard of calls that are still to be made stands, too: they will return it.
  const auto of_early = [&](const OpId& op, const wire::Verdict& verdict) {
    wire::OpReport item;
    item.op = op;
    item.epoch = verdict.epoch;
    item.phase = wire::OpPhase::kAborted;
    item.code = verdict.code;
    item.reason = verdict.reason;
    reports.push_back(std::move(item));
  };
  if (only) {
    if (const EndedCall* ended = ended_.find(*only)) of_ended(*only, *ended);
    const auto early = early_verdicts_.find(*only);
    if (early != early_verdicts_.end()) of_early(*only, early->second);
    return;
  }
  for (const auto& [op, ended] : ended_.calls()) of_ended(op, ended);
  for (const auto& [op, verdict] : early_verdicts_) of_early(op, verdict);
}

}  // namespace atoll_core::engine
