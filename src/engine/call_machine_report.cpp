// What a call tells of itself: to the coordinator in a settle round, to whoever looks into a run,
// and in the log when it does not end.
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/call_machine.h"

namespace atoll_core::engine {
namespace {

std::string seconds(Duration time) {
  const double value = std::chrono::duration<double>(time).count();
  return value < 10 ? fmt::format("{:.1f} s", value) : fmt::format("{:.0f} s", value);
}

}  // namespace

std::string CallMachine::describe() const {
  return fmt::format("{} tag {} #{}", wire::to_string(call_.description.kind), op_.tag,
                     op_.sequence);
}

std::string CallMachine::names_of(const std::vector<PeerId>& peers) const {
  std::vector<std::string> names;
  for (const PeerId peer : peers) {
    std::string name = to_string(peer);
    for (const wire::PeerInfo& member : host_.view().members) {
      if (member.id == peer) name = member.name;
    }
    names.push_back(std::move(name));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

void CallMachine::warn_of_wait() {
  if (!waits_.notice.take(context_.now, waits_.last_progress)) return;
  const std::string waited = seconds(context_.now - waits_.last_progress);
  const std::vector<PeerId> absent = missing();
  std::string what;
  if (phase_ == Phase::kWaiting) {
    what = fmt::format("{} waits for the settle round to end, to begin {}, for {}", self_name(),
                       describe(), waited);
  } else if (phase_ == Phase::kFetching && !holders_.empty()) {
    what = fmt::format("{} is waiting for {} to send the result of {}, for {}", self_name(),
                       names_of({holders_.front()}), describe(), waited);
  } else if (waits_for_siblings()) {
    what = fmt::format("{} is complete in the group of {}, and waits for the groups of other "
                       "shards for {}", describe(), self_name(), waited);
  } else if (phase_ == Phase::kComplete && absent.empty()) {
    what = fmt::format("{} is complete on {}, and has not ended for all for {}", describe(),
                       self_name(), waited);
  } else if (absent.empty()) {
    what = fmt::format("no data has moved in {} on {} for {}", describe(), self_name(), waited);
  } else {
    what = fmt::format("{} is waiting for {} in {} for {}", self_name(), names_of(absent),
                       describe(), waited);
  }
  host_.warn(std::move(what));
}

// With what a round about all calls has no room for.
wire::CallDescription CallMachine::told_in_full() const {
  wire::CallDescription description = call_.description;
  description.counts = call_.block_counts;
  return description;
}

wire::OpReport CallMachine::freeze(Duration longest, bool about_this) {
  waits_.grace.stand_still(context_.now, longest);
  wire::OpReport report;
  report.op = op_;
  report.epoch = phase_ == Phase::kWaiting ? begins_in_ : attempt_.epoch;
  report.phase = phase_ == Phase::kComplete ? wire::OpPhase::kDone : wire::OpPhase::kBegun;
  report.call = about_this ? told_in_full() : call_.description;
  const KeptProgress kept = call_.body->freeze();
  report.kept_below = kept.kept_below;
  report.complete_below = kept.complete_below;
  report.stable_below = kept.stable_below;
  return report;
}

CallReport CallMachine::report() const {
  CallReport call;
  const Traffic traffic = call_.body->traffic();
  call.call = call_.call;
  call.op = op_;
  call.description = call_.description;
  call.begun = waits_.begun;
  call.last_progress = waits_.last_progress;
  call.bytes_sent = traffic.sent;
  call.bytes_received = traffic.received;
  call.attempts = attempts_;
  call.abort_wanted = abort_wanted_;
  if (call_.description.keep) call.kept = call_.body->kept_progress();
  switch (phase_) {
    case Phase::kWaiting: call.phase = "waiting for a settle round to end"; break;
    case Phase::kMoving:
      call.phase = "moving";
      call.awaited = missing();
      break;
    case Phase::kFetching:
      call.phase = "fetching the result";
      if (!holders_.empty()) call.awaited = {holders_.front()};
      break;
    case Phase::kComplete:
      call.phase = "complete here";
      // A barrier hears of the others only once it has waited for a while.
      if (waits_.stall_told) call.awaited = missing();
      break;
    case Phase::kEnded: break;
  }
  return call;
}

std::optional<KeptReport> CallMachine::kept() const {
  if (attempts_ == 0 || !call_.description.keep) return std::nullopt;
  return KeptReport{op_, call_.body->kept_progress()};
}

}  // namespace atoll_core::engine
