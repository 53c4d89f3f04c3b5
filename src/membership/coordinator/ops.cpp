#include <algorithm>

#include "base/canary.h"
#include "membership/common/sentence.h"
#include "membership/coordinator/parts.h"

namespace atoll_core::membership {

std::optional<OpKey> CoordinatorMachine::Parts::op_named_by(TimePoint now, PeerId from,
                                                            const OpId& op) {
  PeerRecord& record = *people.roster.find(from);
  const Result<OpKey> key = key_of(op, participant_of(record.info));
  if (!key) {
    reject(now, from, key.error());
    return std::nullopt;
  }
  if (ledgers.generations.takes_part(*key, from)) return *key;
  out.event(fmt::format("{} has no part in {}", display_name(record.info), to_string(op)));
  EndedOp unknown{*key, view.epoch, {}, {}};
  unknown.outcome = {false, true, ErrorCode::kAborted,
                     fmt::format("{} has no part in generation {}", display_name(record.info),
                                 to_string(op.generation))};
  out.send(record, wire::OpVerdict{verdict_for(unknown, record.info.shard)});
  return std::nullopt;
}

bool CoordinatorMachine::Parts::is_present_attempt(const OpKey& key, const Epoch& epoch) const {
  return ledgers.generations.find(key.generation)->attempt == epoch;
}

EndedOp CoordinatorMachine::Parts::record_end(const OpKey& key, Outcome outcome,
                                              ToldCommits told) {
  outcome.reason = bounded(std::move(outcome.reason));
  EndedOp ended{key, ledgers.generations.find(key.generation)->attempt, std::move(outcome),
                ledgers.generations.participants(key)};
  if (!told.commits.empty()) {
    ended.epoch = told.epoch;
    ended.told = std::move(told.commits);
  }
  if (ended.outcome.committed) {
    note_committed(key);
    note_synced(key);
  }
  ledgers.ops.erase(key);
  ledgers.syncs.erase(key);
  ++(ended.outcome.committed ? counters.commits : counters.aborts);
  if (ended.outcome.final && !told.provisional) ledgers.history.add(ended, counters.heartbeats);
  if (!ended.outcome.committed) {
    out.event(fmt::format("{} {}: {}", describe(key),
                          ended.outcome.final ? "is aborted" : "is to be tried again",
                          ended.outcome.reason));
  }
  return ended;
}

void CoordinatorMachine::Parts::end_op(const OpKey& key, Outcome outcome) {
  const EndedOp ended = record_end(key, std::move(outcome));
  for (const Participant& participant : ended.participants) {
    PeerRecord* record = people.roster.find(participant.peer);
    if (record == nullptr) continue;
    out.send(*record, wire::OpVerdict{verdict_for(ended, participant.shard)});
  }
}

void CoordinatorMachine::Parts::abort_op(TimePoint now, const OpKey& key, AbortNote note) {
  OpRecord* record = ledgers.ops.open(key);
  if (record == nullptr) return end_op(key, {false, true, note.code, note.reason});
  const bool asked = note.asker.has_value() || note.ask_members;
  if (!record->abort) record->abort = std::move(note);
  // An open round decides it at its end.
  if (waits.rounds.about_all_open() || waits.rounds.open_for(key)) return;
  if (asked) return begin_round_about(now, key);
  // Nobody can have returned it as committed: only the coordinator commits.
  end_op(key, {false, true, record->abort->code, record->abort->reason});
}

void CoordinatorMachine::Parts::compare_with_update(TimePoint now, const OpKey& key) {
  const OpRecord* record = ledgers.ops.find(key);
  if (record == nullptr || key.generation != view.generation) return;
  for (const auto& [waiter, missing] : record->waiting) {
    const PeerRecord* waiting = people.roster.find(waiter);
    if (waiting == nullptr) continue;
    for (const PeerId absent : missing) {
      const PeerRecord* other = people.roster.find(absent);
      if (other == nullptr || !ledgers.generations.takes_part(key, absent)) continue;
      // Its answer was lost: it is behind the others, but in the same order of calls.
      if (waits.updates.answered_already(absent)) continue;
      if (!waits.updates.waits(absent)) continue;
      const Group group = op_for(key, other->info.shard).group;
      if (is_pair(group) && waits.updates.receives_any(absent, key.tag)) continue;
      const auto next = waits.updates.next_sequence(absent, group, key.tag);
      if (!next) ask_positions(absent);
      if (!next || *next > key.sequence) continue;
      const auto kind = record->calls.at(waiter).description.kind;
      return abort_op(now, key,
                      {std::nullopt, ErrorCode::kMismatch,
                       fmt::format("{} waits in atollUpdate, {} in {} {}",
                                   display_name(other->info), display_name(waiting->info),
                                   wire::to_string(kind), describe(key)),
                       std::nullopt});
    }
  }
}

void CoordinatorMachine::Parts::compare_all_with_update(TimePoint now) {
  std::vector<OpKey> waited_for;
  for (const auto& [key, op] : ledgers.ops.records()) {
    if (!op.waiting.empty()) waited_for.push_back(key);
  }
  for (const OpKey& key : waited_for) compare_with_update(now, key);
}

void CoordinatorMachine::Parts::handle(TimePoint now, PeerId from, wire::OpDone message) {
  const auto key = op_named_by(now, from, message.op);
  if (!key || ledgers.history.find(*key) != nullptr) return;
  if (!is_present_attempt(*key, message.epoch)) return;
  OpRecord* record = ledgers.ops.open(*key);
  if (record == nullptr) return end_op(*key, no_room(kOpenOpsMax, "calls"));
  auto what = note_call(*key, *record, {who(from), message.call});
  if (!what && ledgers.syncs.find(*key) != nullptr) {
    what = fmt::format("{} calls {} {}, others a state sync", who(from).name,
                       wire::to_string(message.call.kind), describe(*key));
  }
  if (what) {
    return abort_op(now, *key, {std::nullopt, ErrorCode::kMismatch, std::move(*what), std::nullopt,
                                wire::has_blocks(message.call.kind)});
  }
  record->done.insert(from);
  if (waits.rounds.about_all_open() || waits.rounds.open_for(*key)) return;
  if (broken(Canary::kCommitOnePeerEarly) && record->done.size() == 1) {
    const EndedOp early{*key, message.epoch, {true, true, ErrorCode::kSuccess, ""},
                        ledgers.generations.participants(*key)};
    out.send(*people.roster.find(from), wire::OpVerdict{verdict_for(early, who(from).shard)});
  }
  if (all_done(*record, ledgers.generations.participants(*key))) {
    end_op(*key, {true, true, ErrorCode::kSuccess, ""});
  }
}

void CoordinatorMachine::Parts::handle(TimePoint now, PeerId from, wire::OpWaiting message) {
  const auto key = op_named_by(now, from, message.op);
  if (!key || ledgers.history.find(*key) != nullptr) return;
  if (!is_present_attempt(*key, message.epoch)) return;
  OpRecord* record = ledgers.ops.open(*key);
  if (record == nullptr) return;
  std::vector<std::string> names;
  for (const PeerId peer : message.missing) {
    const PeerRecord* missing = people.roster.find(peer);
    if (missing != nullptr) names.push_back(display_name(missing->info));
  }
  out.event(fmt::format("{} waits for {} in {} {} for {} ms", who(from).name,
                        names.empty() ? "data" : join(names),
                        wire::to_string(message.call.kind), describe(*key), message.waited_ms));
  const auto what = note_call(*key, *record, {who(from), message.call});
  if (what) {
    return abort_op(now, *key, {std::nullopt, ErrorCode::kMismatch, *what, std::nullopt,
                                wire::has_blocks(message.call.kind)});
  }
  record->waiting[from] = std::move(message.missing);
  compare_with_update(now, *key);
}

void CoordinatorMachine::Parts::handle(TimePoint now, PeerId from, wire::AbortRequest message) {
  const auto key = op_named_by(now, from, message.op);
  if (!key) return;
  PeerRecord& record = *people.roster.find(from);
  if (const EndedOp* ended = ledgers.history.find(*key)) {
    return out.send(record, wire::OpVerdict{verdict_for(*ended, record.info.shard)});
  }
  AbortNote note{who(from), message.code, std::move(message.reason), std::move(message.call)};
  SyncRecord* sync = ledgers.syncs.find(*key);
  if (sync != nullptr && note.code != ErrorCode::kMismatch) {
    // Nobody returns from a sync before its verdict, so there is nothing to ask the members but
    // what they call, when that differs.
    if (!sync->abort) sync->abort = note;
    if (waits.rounds.about_all_open() || waits.rounds.open_for(*key)) return;
    return end_op(*key, {false, true, note.code,
                         fmt::format("{} asked for it: {}", note.asker->name, note.reason)});
  }
  abort_op(now, *key, std::move(note));
}

}  // namespace atoll_core::membership
