#include "membership/coordinator/settle_decision.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/canary.h"

namespace atoll_core::membership {
namespace {

bool any_phase(const SettleCase& settle, wire::OpPhase phase) {
  return std::any_of(settle.reports.begin(), settle.reports.end(), [phase](const Evidence& found) {
    return found.report.phase == phase;
  });
}

bool called(wire::OpPhase phase) {
  return phase == wire::OpPhase::kBegun || phase == wire::OpPhase::kDone;
}

// All calls that survivors are known to have made, each peer's once.
std::vector<Call> known_calls(const SettleCase& settle) {
  std::vector<Call> calls;
  std::set<PeerId> seen;
  for (const Evidence& found : settle.reports) {
    if (!called(found.report.phase) || !seen.insert(found.reporter.peer).second) continue;
    calls.push_back({found.reporter, found.report.call});
  }
  if (settle.record == nullptr) return calls;
  for (const Participant& survivor : settle.survivors) {
    const auto noted = settle.record->calls.find(survivor.peer);
    if (noted == settle.record->calls.end() || !seen.insert(survivor.peer).second) continue;
    calls.push_back(noted->second);
  }
  return calls;
}

bool done_by_all(const SettleCase& settle) {
  std::set<PeerId> done;
  if (settle.record != nullptr) done = settle.record->done;
  for (const Evidence& found : settle.reports) {
    const bool now = found.report.phase == wire::OpPhase::kDone;
    if (now && found.report.epoch == settle.attempt) done.insert(found.reporter.peer);
  }
  return !settle.survivors.empty() &&
         std::all_of(settle.survivors.begin(), settle.survivors.end(),
                     [&done](const Participant& peer) { return done.count(peer.peer) != 0; });
}

std::optional<std::string> first_difference(const OpKey& key, const std::vector<Call>& calls) {
  for (size_t one = 0; one < calls.size(); ++one) {
    for (size_t other = one + 1; other < calls.size(); ++other) {
      if (auto what = difference(key, calls[one], calls[other])) return what;
    }
  }
  return std::nullopt;
}

Outcome aborted(ErrorCode code, std::string reason, bool final = true) {
  return {false, final, code, std::move(reason)};
}

Outcome aborted_as_asked(const AbortNote& note) {
  if (!note.asker) return aborted(note.code, note.reason);
  return aborted(note.code, fmt::format("{} asked for it: {}", note.asker->name, note.reason));
}

bool root_is_lost(const SettleCase& settle, const wire::CallDescription& call) {
  return wire::has_root(call.kind) && call.root &&
         std::none_of(settle.survivors.begin(), settle.survivors.end(),
                      [&call](const Participant& peer) { return peer.peer == call.root; });
}

// Who is lost is the one that was to have the result.
bool result_is_lost(const SettleCase& settle, const std::vector<Call>& calls) {
  if (calls.empty()) return false;
  const wire::CallDescription& call = calls.front().description;
  if (call.kind == wire::OpKind::kSend) return settle.survivors.size() < 2;
  const bool gathers = call.kind == wire::OpKind::kReduce || call.kind == wire::OpKind::kGather;
  return gathers && root_is_lost(settle, call);
}

bool has_ended(wire::OpPhase phase) {
  return phase == wire::OpPhase::kCommitted || phase == wire::OpPhase::kAborted;
}

const Evidence* report_of(const SettleCase& settle, PeerId peer) {
  for (const Evidence& found : settle.reports) {
    if (found.reporter.peer == peer) return &found;
  }
  return nullptr;
}

bool ended_on_all(const SettleCase& settle) {
  return !settle.survivors.empty() &&
         std::all_of(settle.survivors.begin(), settle.survivors.end(),
                     [&settle](const Participant& peer) {
                       const Evidence* found = report_of(settle, peer.peer);
                       return found != nullptr && has_ended(found->report.phase);
                     });
}

// What was returned to a caller stands.
std::optional<Outcome> returned_already(const SettleCase& settle) {
  if (broken(Canary::kCommitOnePeerEarly) || broken(Canary::kDecidesAnew)) return std::nullopt;
  if (any_phase(settle, wire::OpPhase::kCommitted)) return Outcome{true, true, {}, ""};
  for (const Evidence& found : settle.reports) {
    if (found.report.phase != wire::OpPhase::kAborted) continue;
    return aborted(found.report.code, found.report.reason);
  }
  return std::nullopt;
}

// The present or, of one that missed the last verdict, an earlier attempt of it is open.
const wire::OpReport* open_report(const SettleCase& settle, PeerId peer) {
  const Evidence* found = report_of(settle, peer);
  return found != nullptr && called(found->report.phase) ? &found->report : nullptr;
}

}  // namespace

bool must_go_on(const SettleCase& settle) {
  const AbortNote* note = settle.record && settle.record->abort ? &*settle.record->abort : nullptr;
  if (note != nullptr && note->code == ErrorCode::kMismatch) return false;
  return std::any_of(settle.reports.begin(), settle.reports.end(), [](const Evidence& found) {
    return called(found.report.phase) && found.report.stable_below > 0;
  });
}

// Example: an all-reduce of 1000 elements on a, b, c and d that keeps segments; d dies. The attempt
// is the first, in epoch 3, so that all begin at 0. At the freeze 400 elements are complete on a,
// 500 on b and 300 on c, and a has heard of 250 that are stable. What stands is the least of all:
// 300. Then a and b are told so, and the verdict for c is lost with its connection; another settle
// round begins. a and b report epoch 4, where the attempt began at 300, and have completed nothing
// more. c reports epoch 3, with 350 complete by now. In epoch 4 nothing can have been added, since
// c has not taken part. So c counts with the 300 at which epoch 4 began, and not with 350: its
// elements from 300 to 350 hold d's part, while a and b have put their input there back.
std::map<Group, uint64_t> kept_below(const SettleCase& settle) {
  // Who has heard of the latest attempt names where it began. Whoever has not was complete up to
  // there when that was decided, and took no part in what has been made since: nothing was.
  std::map<Group, std::pair<Epoch, uint64_t>> latest;
  for (const Participant& survivor : settle.survivors) {
    const wire::OpReport* report = open_report(settle, survivor.peer);
    if (report == nullptr) continue;
    auto& [epoch, base] = latest[report->op.group];
    if (is_later(epoch, report->epoch)) continue;
    epoch = report->epoch;
    base = report->kept_below;
  }
  // What is stable was complete on all of a group: who tells of no call then is leaving.
  std::set<Group> begun_by_all;
  for (const Evidence& found : settle.reports) {
    const bool stable = called(found.report.phase) && found.report.stable_below > 0;
    if (stable) begun_by_all.insert(found.report.op.group);
  }
  std::map<Group, uint64_t> kept;
  for (const Participant& survivor : settle.survivors) {
    const Group group = op_for(settle.key, survivor.shard).group;
    const wire::OpReport* report = open_report(settle, survivor.peer);
    if (report == nullptr && begun_by_all.count(group) != 0) continue;
    const auto& [epoch, base] = latest[group];
    uint64_t below = 0;
    if (report != nullptr) below = report->epoch == epoch ? report->complete_below : base;
    const auto known = kept.emplace(group, below).first;
    known->second = std::min(known->second, below);
  }
  std::erase_if(kept, [](const auto& entry) { return entry.second == 0; });
  return kept;
}

ToldCommits told_commits(const SettleCase& settle) {
  ToldCommits told;
  for (const Evidence& found : settle.reports) {
    if (found.report.phase != wire::OpPhase::kCommitted) continue;
    told.epoch = found.report.epoch;
    told.commits.push_back(
        {found.reporter, found.report.contributors, found.report.holds_result});
  }
  if (told.commits.empty()) return told;
  told.provisional = std::any_of(
      settle.survivors.begin(), settle.survivors.end(), [&](const Participant& peer) {
        const Evidence* found = report_of(settle, peer.peer);
        if (found == nullptr) return true;
        if (has_ended(found->report.phase)) return false;
        return found->report.phase != wire::OpPhase::kDone || found->report.epoch != told.epoch;
      });
  return told;
}

std::optional<Outcome> decide(const SettleCase& settle) {
  if (settle.about_all && ended_on_all(settle)) return std::nullopt;
  if (auto stands = returned_already(settle)) return stands;

  std::vector<Call> calls = known_calls(settle);
  const AbortNote* note = settle.record && settle.record->abort ? &*settle.record->abort : nullptr;
  if (note != nullptr && note->asker && note->call) calls.push_back({*note->asker, *note->call});
  if (auto what = first_difference(settle.key, calls)) {
    return aborted(ErrorCode::kMismatch, std::move(*what));
  }
  if (done_by_all(settle) && !result_is_lost(settle, calls)) return Outcome{true, true, {}, ""};
  if (must_go_on(settle)) {
    if (!settle.about_all) return std::nullopt;
    return aborted(settle.code, settle.reason, /*final=*/false);
  }
  if (note != nullptr) return aborted_as_asked(*note);
  if (calls.empty()) return std::nullopt;
  if (!settle.about_all) return aborted(ErrorCode::kAborted, settle.reason);

  const wire::CallDescription& call = calls.front().description;
  if (root_is_lost(settle, call)) {
    return aborted(ErrorCode::kRootLost, fmt::format("the root {} is lost: {}",
                                                     to_string(call.root), settle.reason));
  }
  // Where nobody is lost all begin again for the same result: that is no retry to a caller.
  const bool again =
      settle.all_live || std::all_of(calls.begin(), calls.end(), [](const Call& made) {
        return made.description.retry;
      });
  return aborted(settle.code, settle.reason, !again);
}

}  // namespace atoll_core::membership
