// What calls wait for, how long, and what is said about it.
#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/call_ledger.h"

namespace atoll_core::engine {

namespace {
constexpr Duration kStallNotice = std::chrono::seconds(1);
}

TimePoint CallLedger::stall_deadline(const Open& open) const {
  if (open.phase == Phase::kWaiting || open.abort_wanted) return kNever;
  if (!open.stall_noticed) return open.last_progress + kStallNotice;
  const bool somebody_is_missing = !missing(open).empty() || waits_for_siblings(open);
  const Duration timeout = somebody_is_missing ? context_.config.arrival_timeout
                                               : context_.config.progress_timeout;
  return open.last_progress + timeout * (open.past_abort ? turn_to_leave(open) : 1);
}

// A call that cannot be aborted and does not move ends for one peer after the other, as they leave
// the run, until those that are left can finish it.
int64_t CallLedger::turn_to_leave(const Open& open) const {
  const auto self = std::find(open.members.begin(), open.members.end(), membership_.self().id);
  return 2 + (self - open.members.begin());
}

// This group is done; those of other shards, which end with it, may not even have been called.
bool CallLedger::waits_for_siblings(const Open& open) const {
  return open.phase == Phase::kComplete && !open.call.body->small() &&
         open.call.options.group == CallGroup::kShard && membership_.self().shard_count > 1;
}

std::optional<Error> CallLedger::tick() {
  if (lost_) return lost_;
  if (tell_at_ <= context_.now) tell_ended();
  for (auto& [op, open] : open_) {
    if (open.grace.deadline() <= context_.now) {
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
                                    : fmt::format(", waiting for {} for {} ms",
                                                  names_of(missing(open)),
                                                  to_ms(context_.now - open.last_progress))));
    }
    if (open.post_at <= context_.now) {
      open.post_at = kNever;
      if (open.phase == Phase::kMoving) send_posted(open, open.call.body->senders());
    }
    if (stall_deadline(open) <= context_.now) notice_stall(open);
    warn_of_wait(open);
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
    context_.note({FlightKind::kOpStalled, &open.op, {}, absent.size(), names_of(absent)});
    membership_.send(std::move(waiting));
    return;
  }
  if (open.past_abort) {
    lost_ = Error{ErrorCode::kTimeout,
                  fmt::format("no data has moved in {} on {} for {} ms, and it cannot be aborted "
                              "since some of its segments stand", describe(open),
                              membership_.self().name, waited)};
    return;
  }
  if (absent.empty() && waits_for_siblings(open)) {
    request_abort(open, ErrorCode::kTimeout,
                  fmt::format("{} waited {} ms for the groups of other shards in {}",
                              membership_.self().name, waited, describe(open)));
  } else if (absent.empty()) {
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
  TimePoint next = lost_ ? context_.now : tell_at_;
  for (const auto& [op, open] : open_) {
    next = std::min({next, open.grace.deadline(), open.post_at, stall_deadline(open)});
    next = std::min(next, open.notice.next(open.last_progress));
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
