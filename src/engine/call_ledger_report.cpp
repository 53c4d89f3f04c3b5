// What the ledger tells of calls that do not end.
#include <string>

#include <fmt/format.h>

#include "engine/call_ledger.h"

namespace atoll_core::engine {
namespace {

constexpr int kWarning = 3;  // of spdlog

std::string seconds(Duration time) {
  const double value = std::chrono::duration<double>(time).count();
  return value < 10 ? fmt::format("{:.1f} s", value) : fmt::format("{:.0f} s", value);
}

}  // namespace

void CallLedger::warn_of_wait(Open& open) {
  if (!open.notice.take(context_.now, open.last_progress)) return;
  const std::string waited = seconds(context_.now - open.last_progress);
  const std::vector<PeerId> absent = missing(open);
  const std::string& self = membership_.self().name;
  if (open.phase == Phase::kWaiting) {
    return context_.log(kWarning, fmt::format("{} waits for the settle round to end, to begin {}, "
                                              "for {}", self, describe(open), waited));
  }
  if (open.phase == Phase::kFetching && !open.holders.empty()) {
    return context_.log(kWarning, fmt::format("{} is waiting for {} to send the result of {}, "
                                              "for {}", self, names_of({open.holders.front()}),
                                              describe(open), waited));
  }
  if (waits_for_siblings(open)) {
    return context_.log(kWarning, fmt::format("{} is complete in the group of {}, and waits for "
                                              "the groups of other shards for {}", describe(open),
                                              self, waited));
  }
  if (open.phase == Phase::kComplete && absent.empty()) {
    return context_.log(kWarning, fmt::format("{} is complete on {}, and has not ended for all "
                                              "for {}", describe(open), self, waited));
  }
  if (absent.empty()) {
    return context_.log(kWarning, fmt::format("no data has moved in {} on {} for {}",
                                              describe(open), self, waited));
  }
  context_.log(kWarning, fmt::format("{} is waiting for {} in {} for {}", self, names_of(absent),
                                     describe(open), waited));
}

void CallLedger::report(std::vector<CallReport>& calls) const {
  for (const auto& [op, open] : open_) {
    CallReport& call = calls.emplace_back();
    const Traffic traffic = open.call.body->traffic();
    call.call = open.call.call;
    call.op = op;
    call.description = open.call.description;
    call.begun = open.begun;
    call.last_progress = open.last_progress;
    call.bytes_sent = traffic.sent;
    call.bytes_received = traffic.received;
    call.attempts = open.attempts;
    call.abort_wanted = open.abort_wanted;
    if (open.call.description.keep) call.kept = open.call.body->kept_progress();
    switch (open.phase) {
      case Phase::kWaiting: call.phase = "waiting for a settle round to end"; break;
      case Phase::kMoving:
        call.phase = "moving";
        call.awaited = missing(open);
        break;
      case Phase::kFetching:
        call.phase = "fetching the result";
        if (!open.holders.empty()) call.awaited = {open.holders.front()};
        break;
      case Phase::kComplete:
        call.phase = "complete here";
        // A barrier hears of the others only once it has waited for a while.
        if (open.stall_noticed) call.awaited = missing(open);
        break;
    }
  }
}

std::vector<KeptReport> CallLedger::kept() const {
  std::vector<KeptReport> calls;
  for (const auto& [op, open] : open_) {
    const bool begun = open.attempts > 0 && open.call.description.keep;
    if (begun) calls.push_back({op, open.call.body->kept_progress()});
  }
  return calls;
}

}  // namespace atoll_core::engine
