// Receives from whoever sends; any_receives.h has their states.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "engine/call_ledger.h"
#include "engine/collective_traits.h"
#include "engine/make_collective.h"
#include "membership/common/participant.h"
#include "membership/common/sentence.h"

namespace atoll_core::engine {
namespace {

// Those who could send.
std::string names_of_others(const wire::View& view, PeerId self) {
  constexpr size_t kNames = 8;
  std::vector<std::string> names;
  for (const wire::PeerInfo& member : view.members) {
    if (member.id == self || names.size() == kNames) continue;
    names.push_back(membership::display_name(member));
  }
  const size_t more = view.members.size() - 1 - names.size();
  return membership::join(names) + (more == 0 ? "" : fmt::format(" and {} more", more));
}

}  // namespace

Result<void> CallLedger::check_receive(const CollectiveCall& call) const {
  const uint64_t tag = call.options.tag;
  const bool any = !call.root;
  if (any ? !any_.named_in_flight(tag) : !any_.in_flight(tag)) return {};
  return atoll_core::fail(
      ErrorCode::kInvalidUsage,
      "{} has a call in flight on tag {} that receives from {}: one that receives from {} would "
      "get what depends on who is quicker; use another tag",
      self().name, tag, any ? "a peer that it names" : "whoever sends",
      any ? "whoever sends" : "a peer that it names");
}

void CallLedger::begin_any(CallId call, CollectiveCall arguments) {
  AnyReceives::Receive receive;
  receive.call = call;
  receive.begun = receive.since = context_.now;
  if (arguments.options.deadline > Duration{0}) {
    receive.deadline = context_.now + arguments.options.deadline;
  }
  sends_heard_.insert(arguments.options.tag);
  receive.arguments = std::move(arguments);
  any_.add(std::move(receive));
  any_alarm_ = context_.now;
  if (view().members.size() < 2) end_lonely();
}

void CallLedger::match_sends() {
  for (const uint64_t tag : std::exchange(sends_heard_, {})) {
    while (const AnyReceives::Receive* receive = any_.first(tag)) {
      if (receive->deadline <= context_.now) {
        end_any(receive->call, expiry(*receive));
        continue;
      }
      const std::optional<PeerId> sender = first_sender(tag);
      if (!sender) break;
      take_send(tag, *sender);
    }
  }
}

// Whose next send under this tag was heard of first.
std::optional<PeerId> CallLedger::first_sender(uint64_t tag) const {
  const auto& members = view().members;
  const auto own = std::find_if(members.begin(), members.end(),
                                [this](const auto& member) { return member.id == self().id; });
  std::optional<PeerId> first;
  uint64_t least = Stash::kNotHeard;
  for (const wire::PeerInfo& member : members) {
    if (own == members.end() || member.id == self().id) continue;
    const OpId op = names_.next(pair_group({member.slot, own->slot}), tag);
    const uint64_t heard = early_verdicts_.count(op) != 0 ? 0 : stash_.heard(op);
    if (heard >= least) continue;
    least = heard;
    first = member.id;
  }
  return first;
}

void CallLedger::take_send(uint64_t tag, PeerId sender) {
  CallNames::Place place = CallNames::place_of_pair(view(), sender, self().id);
  if (Result<void> named = check_name(place, tag); !named) {
    return end_any(any_.first(tag)->call, named.error());
  }
  const AnyReceives::Receive& receive = any_.take(tag);
  const Group group = place.group;
  if (receive.in_update) membership_.note_receives(any_.in_update(), {{group, tag, 0}});
  CollectiveCall arguments = receive.arguments;
  arguments.root = sender;
  Result<NewCall> made = make_collective(receive.call, std::move(arguments), std::move(place),
                                         self().id, context_, *links_);
  // Its arguments were looked at when it was made.
  ATOLL_ASSERT(made.has_value(), "{}", made.error().message);
  made->called_at = receive.begun;
  begin(std::move(*made));
}

// Of an op that has ended. True: the call goes on.
bool CallLedger::waits_again(CallId call, const Result<CallInfo>& result) {
  std::optional<AnyReceives::Receive> receive = any_.end_taken(call);
  const bool lost = !result && result.error().code == ErrorCode::kPeerLost;
  if (!receive || !lost || view().members.size() < 2) return false;
  const uint64_t tag = receive->tag();
  const bool told = receive->in_update;
  receive->since = context_.now;
  any_.put_back(std::move(*receive));
  any_alarm_ = context_.now;
  sends_heard_.insert(tag);
  if (told) membership_.note_receives(any_.in_update(), {});
  return true;
}

// One that waits.
void CallLedger::end_any(CallId call, const Error& error) {
  const std::optional<AnyReceives::Receive> receive = any_.remove(call);
  if (!receive) return;
  if (receive->in_update) membership_.note_receives(any_.in_update(), {});
  context_.emit(CallEnded{call, tl::unexpected<Error>(error)});
}

void CallLedger::end_all_any(const Error& error) {
  std::vector<CallId> calls;
  any_.for_each_waiting([&](const AnyReceives::Receive& one) { calls.push_back(one.call); });
  for (const CallId call : calls) end_any(call, error);
}

void CallLedger::end_lonely() {
  end_all_any({ErrorCode::kPeerLost,
               fmt::format("{} is alone in its view: there is nobody who could send to it",
                           self().name)});
}

Error CallLedger::expiry(const AnyReceives::Receive& receive) const {
  const bool deadline = receive.deadline <= context_.now;
  const int64_t waited = to_ms(context_.now - (deadline ? receive.begun : receive.since));
  return {ErrorCode::kTimeout,
          fmt::format("{} waited {} ms for any of {} to send with tag {}{}", self().name, waited,
                      names_of_others(view(), self().id), receive.tag(),
                      deadline ? ", until its deadline" : "")};
}

void CallLedger::tick_any() {
  if (any_alarm_ > context_.now) return;
  std::vector<std::pair<CallId, Error>> expired;
  any_alarm_ = kNever;
  any_.for_each_waiting([&](AnyReceives::Receive& one) {
    const TimePoint given_up = one.since + context_.config.arrival_timeout;
    if (one.deadline <= context_.now || given_up <= context_.now) {
      return expired.emplace_back(one.call, expiry(one)), void();
    }
    if (one.notice.take(context_.now, one.since)) {
      warn(fmt::format("{} is waiting for any of {} to send with tag {} for {:.1f} s", self().name,
                       names_of_others(view(), self().id), one.tag(),
                       std::chrono::duration<double>(context_.now - one.since).count()));
    }
    any_alarm_ = std::min({any_alarm_, one.deadline, given_up, one.notice.next(one.since)});
  });
  for (const auto& [call, error] : expired) end_any(call, error);
}

void CallLedger::on_view_any() {
  any_.for_each_waiting([this](AnyReceives::Receive& one) { one.since = context_.now; });
  any_alarm_ = context_.now;
  if (view().members.size() < 2) return end_lonely();
  for (const uint64_t tag : any_.tags()) sends_heard_.insert(tag);
}

// Something of a send has come, or how it ended.
void CallLedger::hear_of_send(const OpId& op) {
  if (is_pair(op.group) && any_.waits(op.tag)) sends_heard_.insert(op.tag);
}

void CallLedger::report_any(std::vector<CallReport>& calls) const {
  any_.for_each_waiting([&](const AnyReceives::Receive& one) {
    CallReport call;
    call.call = one.call;
    call.op = {names_.generation(), kGroupAll, one.tag(), 0};
    call.description = describe(one.arguments);
    call.begun = one.begun;
    call.last_progress = one.since;
    call.phase = "waiting for whoever sends";
    calls.push_back(std::move(call));
  });
}

}  // namespace atoll_core::engine
