// What a call waits for, and how long.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/call_machine.h"

namespace atoll_core::engine {
namespace {
constexpr Duration kStallNotice = std::chrono::seconds(1);
}

TimePoint CallMachine::stall_deadline() const {
  if (phase_ == Phase::kWaiting || abort_wanted_) return kNever;
  if (!waits_.stall_told) return waits_.last_progress + kStallNotice;
  const bool somebody_is_missing =
      waits_for_siblings() || std::any_of(members_.begin(), members_.end(), [this](PeerId peer) {
        return arrived_.count(peer) == 0;
      });
  const Duration timeout = somebody_is_missing ? context_.config.arrival_timeout
                                               : context_.config.progress_timeout;
  return waits_.last_progress + timeout * (past_abort_ ? turn_to_leave() : 1);
}

// A call that cannot be aborted and does not move ends for one peer after the other, as they leave
// the run, until those that are left can finish it.
int64_t CallMachine::turn_to_leave() const {
  const auto self = std::find(members_.begin(), members_.end(), host_.self().id);
  return 2 + (self - members_.begin());
}

// This group is done; those of other shards, which end with it, may not even have been called.
bool CallMachine::waits_for_siblings() const {
  return phase_ == Phase::kComplete && !call_.body->small() &&
         call_.options.group == CallGroup::kShard && host_.self().shard_count > 1;
}

std::optional<Error> CallMachine::tick() {
  if (waits_.grace.deadline() <= context_.now) {
    return Error{ErrorCode::kOutcomeUnknown,
                 fmt::format("no verdict on {} within {} ms of asking for its end ({})",
                             describe(), to_ms(context_.config.outcome_grace),
                             abort_wanted_->message)};
  }
  if (waits_.deadline <= context_.now && !abort_wanted_) {
    const std::vector<PeerId> absent = missing();
    std::string whom;
    if (!absent.empty()) {
      whom = fmt::format(", waiting for {} for {} ms", names_of(absent),
                         to_ms(context_.now - waits_.last_progress));
    }
    request_abort(ErrorCode::kTimeout,
                  fmt::format("the deadline of {} ms of {} on {} has passed{}",
                              to_ms(call_.options.deadline), describe(), self_name(), whom));
  }
  if (waits_.post_at <= context_.now) {
    waits_.post_at = kNever;
    if (phase_ == Phase::kMoving) send_posted(call_.body->senders());
  }
  if (stall_deadline() <= context_.now) {
    if (waits_.stall_told) give_up_stalled();
    else tell_stall();
  }
  warn_of_wait();
  return std::nullopt;
}

void CallMachine::tell_stall() {
  waits_.stall_told = true;
  // Now that it is slow anyway, everybody is told who has come.
  send_posted(members_);
  wire::OpWaiting waiting;
  waiting.op = op_;
  waiting.epoch = attempt_.epoch;
  waiting.call = call_.description;
  waiting.missing = missing();
  waiting.waited_ms = static_cast<uint64_t>(to_ms(context_.now - waits_.last_progress));
  context_.note({FlightKind::kOpStalled, &op_, {}, waiting.missing.size(),
                 names_of(waiting.missing)});
  host_.tell(std::move(waiting));
}

void CallMachine::give_up_stalled() {
  const std::vector<PeerId> absent = missing();
  const int64_t waited = to_ms(context_.now - waits_.last_progress);
  if (past_abort_) {
    return host_.cannot_stay(
        {ErrorCode::kTimeout,
         fmt::format("no data has moved in {} on {} for {} ms, and it cannot be aborted since some "
                     "of its segments stand", describe(), self_name(), waited)});
  }
  std::string why;
  if (!absent.empty()) {
    why = fmt::format("{} waited {} ms for {} in {}", self_name(), waited, names_of(absent),
                      describe());
  } else if (waits_for_siblings()) {
    why = fmt::format("{} waited {} ms for the groups of other shards in {}", self_name(), waited,
                      describe());
  } else {
    why = fmt::format("no data has moved in {} on {} for {} ms", describe(), self_name(), waited);
  }
  request_abort(ErrorCode::kTimeout, std::move(why));
}

TimePoint CallMachine::next_deadline() const {
  TimePoint next = std::min({waits_.grace.deadline(), waits_.post_at, stall_deadline(),
                             waits_.notice.next(waits_.last_progress)});
  if (!abort_wanted_) next = std::min(next, waits_.deadline);
  return next;
}

bool CallMachine::takes_part(PeerId peer) const {
  return phase_ != Phase::kWaiting &&
         std::find(members_.begin(), members_.end(), peer) != members_.end();
}

bool CallMachine::lacks(PeerId peer) const {
  return arrived_.count(peer) == 0 &&
         std::find(members_.begin(), members_.end(), peer) != members_.end();
}

std::vector<PeerId> CallMachine::missing() const {
  std::vector<PeerId> peers;
  for (const PeerId peer : members_) {
    if (arrived_.count(peer) == 0) peers.push_back(peer);
  }
  return peers;
}

}  // namespace atoll_core::engine
