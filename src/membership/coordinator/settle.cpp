#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "membership/common/sentence.h"
#include "membership/common/view_delta.h"
#include "membership/coordinator/parts.h"

namespace atoll_core::membership {
namespace {

using Parts = CoordinatorMachine::Parts;

struct Reports {
  std::map<OpKey, std::vector<Evidence>> by_op;
  std::map<PeerId, std::vector<wire::Verdict>> unknown;  // answers about ops nobody knows
};

Reports sort_reports(const Parts& parts, const SettleRound& round) {
  Reports result;
  for (const auto& [peer, answer] : round.reports.answers()) {
    const PeerRecord* record = parts.people.roster.find(peer);
    if (record == nullptr) continue;
    const Participant reporter = participant_of(record->info);
    for (const wire::OpReport& report : answer.ops) {
      const Result<OpKey> key = key_of(report.op, reporter);
      if (key && parts.ledgers.generations.takes_part(*key, peer)) {
        result.by_op[*key].push_back({reporter, report});
        continue;
      }
      if (report.phase == wire::OpPhase::kCommitted || report.phase == wire::OpPhase::kAborted) {
        continue;  // it has its answer
      }
      wire::Verdict none{report.op, report.epoch, false, true, ErrorCode::kAborted,
                         "this op is not known to the coordinator", {}, {}, 0};
      result.unknown[peer].push_back(std::move(none));
    }
  }
  return result;
}

// Those of the op's participants that are left.
std::vector<Participant> survivors_of(const Parts& parts, const OpKey& key) {
  std::vector<Participant> peers = parts.ledgers.generations.participants(key);
  peers.erase(std::remove_if(peers.begin(), peers.end(),
                             [&parts](const Participant& peer) {
                               return parts.people.roster.find(peer.peer) == nullptr;
                             }),
              peers.end());
  return peers;
}

// A request for an end counts as long as the one that asked is there.
void drop_requests_of_the_lost(const Parts& parts, std::optional<AbortNote>& note) {
  const bool lost = note && note->asker && parts.people.roster.find(note->asker->peer) == nullptr;
  if (lost) note.reset();
}

std::optional<Outcome> decide_sync(Parts& parts, const OpKey& key, bool also_an_op,
                                   const SettleCase& settle) {
  SyncRecord& sync = *parts.ledgers.syncs.find(key);
  drop_requests_of_the_lost(parts, sync.abort);
  if (also_an_op) {
    return Outcome{false, true, ErrorCode::kMismatch,
                   fmt::format("some call {} as a state sync, others do not", describe(key))};
  }
  if (sync.abort) {
    return Outcome{false, true, sync.abort->code,
                   fmt::format("{} asked for it: {}", sync.abort->asker->name,
                               sync.abort->reason)};
  }
  return Outcome{false, false, settle.code, settle.reason};
}

struct Decision {
  Outcome outcome;
  ToldCommits told;
  std::map<Group, uint64_t> kept;
};

// What becomes of one op that has not ended, in a round about all.
std::optional<Decision> decide_in_round(Parts& parts, const OpKey& key, const Reports& reports,
                                        const std::string& reason) {
  SettleCase settle;
  settle.key = key;
  settle.attempt = parts.ledgers.generations.find(key.generation)->attempt;
  settle.survivors = survivors_of(parts, key);
  settle.all_live =
      settle.survivors.size() == parts.ledgers.generations.participants(key).size();
  // A participant may have been lost before this coordinator drove the run.
  const bool lost = parts.agenda.somebody_lost || !settle.all_live;
  settle.code = lost ? ErrorCode::kPeerLost : ErrorCode::kAborted;
  settle.reason = reason;
  const auto found = reports.by_op.find(key);
  if (found != reports.by_op.end()) settle.reports = found->second;
  OpRecord* record = parts.ledgers.ops.find(key);
  if (record != nullptr) drop_requests_of_the_lost(parts, record->abort);
  settle.record = record;
  // A sync is a call like any other and is reported like one.
  const bool is_op =
      std::any_of(settle.reports.begin(), settle.reports.end(), [](const Evidence& evidence) {
        // An abort that was heard before the call does not say of what.
        return evidence.report.phase != wire::OpPhase::kAborted &&
               evidence.report.call.kind != wire::OpKind::kSync;
      });
  std::optional<Outcome> outcome = parts.ledgers.syncs.find(key) != nullptr
                                       ? decide_sync(parts, key, is_op, settle)
                                       : decide(settle);
  if (!outcome) return std::nullopt;
  Decision decision{std::move(*outcome), told_commits(settle), {}};
  if (!decision.outcome.final) decision.kept = kept_below(settle);
  return decision;
}

std::set<OpKey> open_keys(const Parts& parts, const Reports& reports) {
  std::set<OpKey> keys;
  for (const auto& [key, evidence] : reports.by_op) keys.insert(key);
  for (const auto& [key, record] : parts.ledgers.ops.records()) keys.insert(key);
  for (const auto& [key, record] : parts.ledgers.syncs.records()) keys.insert(key);
  return keys;
}

bool takes_part(const EndedOp& ended, PeerId peer) {
  return std::any_of(ended.participants.begin(), ended.participants.end(),
                     [peer](const Participant& other) { return other.peer == peer; });
}

// Whether a member must be told of an op that had ended before the round.
bool must_hear(const PeerRecord& member, const EndedOp& ended, const Reports& reports) {
  if (!takes_part(ended, member.info.id)) return false;
  const auto found = reports.by_op.find(ended.key);
  if (found != reports.by_op.end()) {
    for (const Evidence& evidence : found->second) {
      if (evidence.reporter.peer != member.info.id) continue;
      return evidence.report.phase == wire::OpPhase::kBegun ||
             evidence.report.phase == wire::OpPhase::kDone;
    }
    return true;  // the others do not know that it has ended there, or it does not know itself
  }
  return member.view_unknown;
}

bool is_sync(const OpKey& key, const Reports& reports) {
  const auto found = reports.by_op.find(key);
  return found != reports.by_op.end() &&
         std::any_of(found->second.begin(), found->second.end(), [](const Evidence& evidence) {
           return evidence.report.call.kind == wire::OpKind::kSync;
         });
}

using VerdictLists = std::map<PeerId, std::vector<wire::Verdict>>;

// Decides all open ops and lists for each member what it must hear.
VerdictLists decide_all(Parts& parts, const SettleRound& round, const std::string& reason) {
  Reports reports = sort_reports(parts, round);
  VerdictLists lists = std::move(reports.unknown);
  const std::vector<Participant> members = parts.members();
  for (const EndedOp* ended : parts.ledgers.history.all()) {
    for (const Participant& member : members) {
      const PeerRecord& record = *parts.people.roster.find(member.peer);
      if (!must_hear(record, *ended, reports)) continue;
      lists[member.peer].push_back(verdict_for(*ended, member.shard));
    }
  }
  for (const OpKey& key : open_keys(parts, reports)) {
    if (parts.ledgers.history.find(key) != nullptr) continue;
    std::optional<Decision> decision = decide_in_round(parts, key, reports, reason);
    if (!decision) continue;
    // A coordinator that was started again hears of a sync only now.
    const bool synced = decision->outcome.committed && is_sync(key, reports);
    const bool heard_only_now = synced && parts.ledgers.syncs.find(key) == nullptr;
    if (heard_only_now) parts.run.history.syncs = ++parts.last_sync;
    EndedOp ended =
        parts.record_end(key, std::move(decision->outcome), std::move(decision->told));
    ended.kept = std::move(decision->kept);
    for (const Participant& member : members) {
      if (!takes_part(ended, member.peer)) continue;
      if (synced) parts.people.roster.find(member.peer)->gap = false;
      lists[member.peer].push_back(verdict_for(ended, member.shard));
    }
  }
  parts.ledgers.ops.clear();
  parts.ledgers.syncs.clear();
  return lists;
}

size_t bytes_of(const wire::Verdict& verdict) {
  return 128 + verdict.reason.size() +
         sizeof(PeerId) * (verdict.contributors.size() + verdict.holders.size());
}

// Of what a member must hear, what one message does not hold: it goes behind the end of the round,
// as verdicts do that are not of a round. What is to be tried again has to be known by then.
std::vector<wire::Verdict> take_surplus(std::vector<wire::Verdict>& verdicts, size_t bytes_max) {
  const auto finals = std::stable_partition(verdicts.begin(), verdicts.end(),
                                            [](const auto& verdict) { return !verdict.final; });
  const auto again = static_cast<size_t>(finals - verdicts.begin());
  const size_t reason_max = bytes_max / 2 / (again + 1);
  for (auto at = verdicts.begin(); at != finals; ++at) at->reason = bounded(at->reason, reason_max);
  size_t bytes = 0, fits = 0;
  for (; fits < verdicts.size() && fits < limits::kOpsPerReport; ++fits) {
    bytes += bytes_of(verdicts[fits]);
    if (bytes > bytes_max && fits >= again) break;
  }
  const auto rest = verdicts.begin() + static_cast<std::ptrdiff_t>(fits);
  std::vector<wire::Verdict> surplus(std::make_move_iterator(rest),
                                     std::make_move_iterator(verdicts.end()));
  verdicts.resize(fits);
  return surplus;
}

void complete_round(Parts& parts) {
  const SettleRound round = parts.waits.rounds.close_about_all();
  const std::string reason = bounded(join(parts.agenda.causes, "; "));
  VerdictLists lists = decide_all(parts, round, reason);

  const auto& gone = parts.agenda.gone;
  wire::View next = without(parts.view, gone);
  next.epoch = {parts.incarnation, next.epoch.number + 1};
  const wire::ViewDelta step = make_delta(&parts.view, next, reason);
  const wire::ViewDelta whole = make_delta(nullptr, next, reason);
  parts.ledgers.generations.restart(next.epoch, gone);
  parts.ledgers.marks.members_changed();
  parts.view = std::move(next);
  parts.agenda = {};
  parts.changed.updates = true;
  parts.changed.marks = true;
  parts.out.event(fmt::format("view {}: {} members, settled in round {} ({})",
                              to_string(parts.view.epoch), parts.view.members.size(),
                              round.number, reason));
  for (const Participant& member : parts.members()) {
    PeerRecord& record = *parts.people.roster.find(member.peer);
    std::vector<wire::Verdict>& verdicts = lists[member.peer];
    std::vector<wire::Verdict> surplus =
        take_surplus(verdicts, parts.config.verdict_bytes_per_round);
    wire::Settled settled{round.number, {}, record.view_unknown ? whole : step,
                          std::move(verdicts)};
    if (std::exchange(record.view_unknown, false)) record.echo_floor = parts.counters.heartbeats;
    parts.out.send(record, std::move(settled));
    for (wire::Verdict& verdict : surplus) {
      parts.out.send(record, wire::OpVerdict{std::move(verdict)});
    }
  }
}

// The op was to be ended, but may only commit: its participants are thawed without a verdict.
void let_go_on(Parts& parts, const SettleCase& settle, uint64_t round) {
  if (OpRecord* record = parts.ledgers.ops.find(settle.key)) record->abort.reset();
  parts.out.event(fmt::format("{} is not aborted: some of its segments stand",
                              describe(settle.key)));
  for (const Participant& participant : settle.survivors) {
    parts.out.send(*parts.people.roster.find(participant.peer),
                   wire::Settled{round, op_for(settle.key, participant.shard), {}, {}});
  }
}

void complete_round_about(Parts& parts, const OpKey& key) {
  const SettleRound round = parts.waits.rounds.close_about(key);
  const Reports reports = sort_reports(parts, round);
  SettleCase settle;
  settle.key = key;
  settle.attempt = parts.ledgers.generations.find(key.generation)->attempt;
  settle.survivors = survivors_of(parts, key);
  const auto found = reports.by_op.find(key);
  if (found != reports.by_op.end()) settle.reports = found->second;
  settle.record = parts.ledgers.ops.find(key);
  settle.about_all = false;
  settle.reason = "its end was asked for";
  const std::optional<Outcome> outcome = decide(settle);
  if (!outcome && must_go_on(settle)) return let_go_on(parts, settle, round.number);
  const Outcome none{false, true, ErrorCode::kAborted, settle.reason};
  const EndedOp ended = parts.record_end(key, outcome.value_or(none), told_commits(settle));
  for (const Participant& participant : settle.survivors) {
    wire::Settled settled{round.number, op_for(key, participant.shard), {},
                          {verdict_for(ended, participant.shard)}};
    parts.out.send(*parts.people.roster.find(participant.peer), std::move(settled));
  }
}

}  // namespace

void CoordinatorMachine::Parts::begin_round(TimePoint now) {
  std::set<PeerId> expected;
  for (const Participant& member : members()) expected.insert(member.peer);
  if (expected.empty()) return lose_all();
  ++counters.settle_rounds;
  const std::string reason = bounded(join(agenda.causes, "; "));
  const SettleRound& round = waits.rounds.open_about_all(std::move(expected),
                                                         report_deadline(now));
  timers.arm_earlier(Timer::kLiveness, waits.rounds.next_deadline());
  out.event(fmt::format("settle round {}: {}", round.number, reason));
  for (const Participant& member : members()) {
    out.send(*people.roster.find(member.peer),
             wire::Freeze{round.number, {}, reason, longest_round_ms()});
  }
}

void CoordinatorMachine::Parts::begin_round_about(TimePoint now, const OpKey& key) {
  std::set<PeerId> expected;
  const std::vector<Participant> participants = survivors_of(*this, key);
  for (const Participant& participant : participants) expected.insert(participant.peer);
  ++counters.settle_rounds;
  const std::string reason = bounded(ledgers.ops.find(key)->abort->reason);
  const SettleRound& round = waits.rounds.open_about(key, std::move(expected),
                                                     report_deadline(now));
  timers.arm_earlier(Timer::kLiveness, waits.rounds.next_deadline());
  out.event(fmt::format("settle round {} about {}: {}", round.number, describe(key), reason));
  for (const Participant& participant : participants) {
    out.send(*people.roster.find(participant.peer),
             wire::Freeze{round.number, op_for(key, participant.shard), reason,
                          longest_round_ms()});
  }
}

void CoordinatorMachine::Parts::end_round_about(const OpKey& key) {
  complete_round_about(*this, key);
}

void CoordinatorMachine::Parts::complete_rounds() {
  const SettleRound* round = waits.rounds.about_all();
  if (round != nullptr && round->reports.complete()) complete_round(*this);
  while (const auto key = waits.rounds.complete_about_one()) complete_round_about(*this, *key);
}

void CoordinatorMachine::Parts::handle(TimePoint, PeerId from, wire::SettleReport message) {
  waits.rounds.answer(from, std::move(message));
}

}  // namespace atoll_core::membership
