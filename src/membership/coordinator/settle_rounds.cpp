#include "membership/coordinator/settle_rounds.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace atoll_core::membership {

const SettleRound& SettleRounds::open_about_all(std::set<PeerId> members,
                                                TimePoint report_deadline) {
  about_one_.clear();
  by_number_.clear();
  complete_.clear();
  owed_.clear();
  about_all_ = SettleRound{++last_number_, PeerBarrier<wire::SettleReport>(std::move(members))};
  await(*about_all_, report_deadline);
  std::erase_if(deadlines_, [this](const auto& entry) { return owed_.count(entry.first) == 0; });
  return *about_all_;
}

const SettleRound& SettleRounds::open_about(const OpKey& key, std::set<PeerId> participants,
                                            TimePoint report_deadline) {
  ATOLL_ASSERT(!about_all_ && !open_for(key), "a round about {} is open", describe(key));
  SettleRound round{++last_number_, PeerBarrier<wire::SettleReport>(std::move(participants))};
  const SettleRound& opened = about_one_.emplace(key, std::move(round)).first->second;
  by_number_.emplace(opened.number, key);
  if (opened.reports.complete()) complete_.insert(key);
  await(opened, report_deadline);
  return opened;
}

bool SettleRounds::answer(PeerId peer, wire::SettleReport report) {
  SettleRound* round = about_all_ && about_all_->number == report.round ? &*about_all_ : nullptr;
  const auto about = by_number_.find(report.round);
  if (about != by_number_.end()) round = &about_one_.at(about->second);
  if (round == nullptr) return false;
  const bool again = round->reports.answered(peer);
  if (!round->reports.answer(peer, std::move(report))) return false;
  if (!again) settle_debt(peer);
  if (about != by_number_.end() && round->reports.complete()) complete_.insert(about->second);
  return true;
}

std::optional<OpKey> SettleRounds::complete_about_one() const {
  if (complete_.empty()) return std::nullopt;
  return *complete_.begin();
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
  for (const PeerId peer : closed.reports.missing()) settle_debt(peer);
  return closed;
}

SettleRound SettleRounds::close_about(const OpKey& key) {
  const auto found = about_one_.find(key);
  ATOLL_ASSERT(found != about_one_.end(), "no round about {} is open", describe(key));
  SettleRound closed = std::move(found->second);
  about_one_.erase(found);
  by_number_.erase(closed.number);
  complete_.erase(key);
  for (const PeerId peer : closed.reports.missing()) settle_debt(peer);
  return closed;
}

void SettleRounds::clear() {
  about_all_.reset();
  about_one_.clear();
  by_number_.clear();
  complete_.clear();
  owed_.clear();
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
  for (const PeerId peer : round.reports.expected()) {
    ++owed_[peer];
    deadlines_.emplace(peer, report_deadline);
  }
}

void SettleRounds::settle_debt(PeerId peer) {
  const auto owed = owed_.find(peer);
  if (owed == owed_.end() || --owed->second > 0) return;
  owed_.erase(owed);
  deadlines_.erase(peer);
}

}  // namespace atoll_core::membership
