#include "membership/coordinator/settle_rounds.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/assert.h"

namespace atoll_core::membership {

const SettleRound& SettleRounds::open_about_all(std::set<PeerId> members,
                                                TimePoint report_deadline) {
  about_one_.clear();
  about_all_ = SettleRound{++last_number_, PeerBarrier<wire::SettleReport>(std::move(members))};
  await(*about_all_, report_deadline);
  return *about_all_;
}

const SettleRound& SettleRounds::open_about(const OpKey& key, std::set<PeerId> participants,
                                            TimePoint report_deadline) {
  ATOLL_ASSERT(!about_all_ && !open_for(key), "a round about {} is open", describe(key));
  SettleRound round{++last_number_, PeerBarrier<wire::SettleReport>(std::move(participants))};
  const SettleRound& opened = about_one_.emplace(key, std::move(round)).first->second;
  await(opened, report_deadline);
  return opened;
}

bool SettleRounds::answer(PeerId peer, wire::SettleReport report) {
  const uint64_t number = report.round;
  bool known = false;
  if (about_all_ && about_all_->number == number) {
    known = about_all_->reports.answer(peer, std::move(report));
  } else {
    for (auto& [key, round] : about_one_) {
      if (round.number != number) continue;
      known = round.reports.answer(peer, std::move(report));
      break;
    }
  }
  drop_needless_deadlines();
  return known;
}

std::optional<OpKey> SettleRounds::complete_about_one() const {
  for (const auto& [key, round] : about_one_) {
    if (round.reports.complete()) return key;
  }
  return std::nullopt;
}

std::optional<OpKey> SettleRounds::open_in(Generation generation) const {
  for (const auto& [key, round] : about_one_) {
    if (key.generation == generation) return key;
  }
  return std::nullopt;
}

SettleRound SettleRounds::close_about_all() {
  ATOLL_ASSERT(about_all_.has_value(), "no round about all ops is open after {}", last_number_);
  SettleRound closed = std::move(*about_all_);
  about_all_.reset();
  drop_needless_deadlines();
  return closed;
}

SettleRound SettleRounds::close_about(const OpKey& key) {
  const auto found = about_one_.find(key);
  ATOLL_ASSERT(found != about_one_.end(), "no round about {} is open", describe(key));
  SettleRound closed = std::move(found->second);
  about_one_.erase(found);
  drop_needless_deadlines();
  return closed;
}

void SettleRounds::clear() {
  about_all_.reset();
  about_one_.clear();
  deadlines_.clear();
}

std::optional<PeerId> SettleRounds::overdue(TimePoint now) const {
  for (const auto& [peer, deadline] : deadlines_) {
    if (deadline <= now) return peer;
  }
  return std::nullopt;
}

TimePoint SettleRounds::next_deadline() const {
  TimePoint next = kNever;
  for (const auto& [peer, deadline] : deadlines_) next = std::min(next, deadline);
  return next;
}

void SettleRounds::postpone(Duration by) {
  for (auto& [peer, deadline] : deadlines_) deadline += by;
}

void SettleRounds::await(const SettleRound& round, TimePoint report_deadline) {
  for (const PeerId peer : round.reports.expected()) deadlines_.emplace(peer, report_deadline);
  drop_needless_deadlines();
}

void SettleRounds::drop_needless_deadlines() {
  const auto owes = [](const SettleRound& round, PeerId peer) {
    return round.reports.expects(peer) && !round.reports.answered(peer);
  };
  for (auto entry = deadlines_.begin(); entry != deadlines_.end();) {
    const PeerId peer = entry->first;
    const bool needed =
        (about_all_ && owes(*about_all_, peer)) ||
        std::any_of(about_one_.begin(), about_one_.end(),
                    [&](const auto& round) { return owes(round.second, peer); });
    entry = needed ? std::next(entry) : deadlines_.erase(entry);
  }
}

}  // namespace atoll_core::membership
