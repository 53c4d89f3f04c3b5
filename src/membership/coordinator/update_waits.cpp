// For whom and what an update waits, told to those who wait.
//
// Sentences hold no times, so that they change only when something happens.
#include <algorithm>

#include "base/limits.h"
#include "membership/common/sentence.h"
#include "membership/coordinator/parts.h"

namespace atoll_core::membership {
namespace {

using Parts = CoordinatorMachine::Parts;

constexpr size_t kNames = 8;        // in a sentence
constexpr size_t kFailedLinks = 4;  // each with a sentence that says why

// "a, b and 3 more"
std::string some(const std::vector<std::string>& names, size_t count) {
  std::vector<std::string> first(names.begin(),
                                 names.begin() + static_cast<std::ptrdiff_t>(
                                                     std::min(names.size(), kNames)));
  const size_t more = count - first.size();
  return join(first) + (more == 0 ? "" : fmt::format(" and {} more", more));
}

void add(std::vector<std::string>& sentences, std::string sentence) {
  if (sentences.size() < limits::kWaitsPerUpdate) sentences.push_back(bounded(std::move(sentence)));
}

void add_round(const Parts& parts, std::vector<std::string>& sentences) {
  const SettleRound* round = parts.waits.rounds.about_all();
  if (round == nullptr) return;
  std::vector<std::string> names;
  for (const PeerId peer : round->reports.missing()) {
    const PeerRecord* record = parts.people.roster.find(peer);
    if (record != nullptr) names.push_back(display_name(record->info));
  }
  add(sentences, names.empty() ? "a settle round is open"
                               : fmt::format("a settle round waits for {}",
                                             some(names, names.size())));
}

void add_members(const Parts& parts, std::vector<std::string>& sentences) {
  std::vector<std::string> absent;
  for (const Participant& member : parts.members()) {
    const PeerRecord* record = parts.people.roster.find(member.peer);
    if (record == nullptr) continue;
    if (!record->connected()) {
      const DrivingRights::Answer drop = parts.may_drop(member.peer);
      add(sentences, fmt::format("{} has no connection to the coordinator: {}{}", member.name,
                                 record->suspect_reason,
                                 drop.yes ? "" : "; it may not be dropped: " + drop.why));
    } else if (!parts.waits.updates.waits(member.peer)) {
      absent.push_back(member.name);
    }
  }
  if (absent.empty()) return;
  add(sentences, fmt::format("{} {} not called atollUpdate", some(absent, absent.size()),
                             absent.size() == 1 ? "has" : "have"));
}

void add_first_view(const Parts& parts, TimePoint now, std::vector<std::string>& sentences) {
  if (!parts.people.claims.empty() || parts.rights.too_early(now)) {
    add(sentences, "members of a former run may still come");
  }
  Candidates candidates =
      find_candidates(parts.people.roster, parts.waits.updates, parts.ledgers.states);
  const DrivingRights::Founding founds = parts.founding(candidates.ready);
  if (!founds.may.yes) add(sentences, founds.may.why);
  parts.leave_out_others(founds.instance, candidates.ready);
  const size_t needed = parts.config.min_replicas;
  add(sentences, fmt::format("a run begins with {} replicas that are linked with each other; {} "
                             "{} ready", needed, candidates.ready.size(),
                             candidates.ready.size() == 1 ? "is" : "are"));
  for (const std::string& why : candidates.not_ready) add(sentences, why);
}

// What keeps this pending peer and no other out.
void add_own(const Parts& parts, const PeerRecord& waiter, std::vector<std::string>& sentences) {
  const bool first_view = parts.view.members.empty();
  const wire::PeerInfo& self = waiter.info;
  if (!first_view) {
    if (auto why = why_not_ready(self.replica, parts.people.roster, parts.waits.updates,
                                 parts.ledgers.states)) {
      add(sentences, std::move(*why));
    }
  }
  std::vector<std::string> names;
  size_t explained = 0;
  for (const auto& [peer, other] : parts.people.roster.records()) {
    const bool counts = first_view || other.in_view() || other.info.replica == self.replica;
    if (!counts || peer == self.id || parts.people.links.linked(self.id, peer)) continue;
    const bool has_failed = parts.people.failed_links.find(self.id, peer) != nullptr ||
                            parts.people.failed_links.find(peer, self.id) != nullptr;
    if (has_failed && explained < kFailedLinks) {
      ++explained;
      add(sentences, parts.why_unlinked(self.id, peer));
    } else {
      names.push_back(display_name(other.info));
    }
  }
  if (!names.empty()) {
    add(sentences, fmt::format("{} is not linked with {}", display_name(self),
                               some(names, names.size())));
  }
}

// Their digests differ from others'.
void add_asked(const Parts& parts, std::vector<std::string>& sentences) {
  std::vector<std::string> names;
  for (const PeerId peer : parts.waits.updates.asked()) {
    const PeerRecord* record = parts.people.roster.find(peer);
    if (record != nullptr) names.push_back(display_name(record->info));
  }
  if (names.empty()) return;
  add(sentences, fmt::format("{} {} to tell which calls {} made", some(names, names.size()),
                             names.size() == 1 ? "has" : "have",
                             names.size() == 1 ? "it has" : "they have"));
}

std::vector<std::string> common_waits(const Parts& parts, TimePoint now) {
  std::vector<std::string> sentences;
  add_round(parts, sentences);
  if (parts.view.members.empty()) add_first_view(parts, now, sentences);
  else add_members(parts, sentences);
  add_asked(parts, sentences);
  if (const std::string& send = parts.waits.updates.on_the_way(); !send.empty()) {
    add(sentences, send);
  }
  return sentences;
}

void tell(Parts& parts, PeerRecord& waiter, const std::vector<std::string>& common) {
  std::vector<std::string> sentences;
  if (!waiter.in_view()) add_own(parts, waiter, sentences);
  for (const std::string& sentence : common) add(sentences, sentence);
  if (waiter.told_waits == sentences) return;
  waiter.told_waits = sentences;
  parts.out.send(waiter, wire::UpdateWaits{std::move(sentences)});
}

}  // namespace

void CoordinatorMachine::Parts::handle(TimePoint now, PeerId from, wire::UpdateWaiting) {
  if (!waits.updates.waits(from)) return;  // the answer to its update is on its way
  PeerRecord& record = *people.roster.find(from);
  record.told_waits.reset();
  tell(*this, record, common_waits(*this, now));
}

void CoordinatorMachine::Parts::tell_update_waits(TimePoint now) {
  std::vector<PeerRecord*> waiters;
  for (auto& [peer, record] : people.roster.records()) {
    if (!waits.updates.waits(peer)) record.told_waits.reset();
    if (record.told_waits && record.connected()) waiters.push_back(&record);
  }
  if (waiters.empty()) return;
  const std::vector<std::string> common = common_waits(*this, now);
  for (PeerRecord* waiter : waiters) tell(*this, *waiter, common);
}

}  // namespace atoll_core::membership
