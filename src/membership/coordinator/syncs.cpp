#include <algorithm>
#include <string>
#include <vector>

#include "base/canary.h"
#include "membership/common/sentence.h"
#include "membership/coordinator/parts.h"

namespace atoll_core::membership {
namespace {

using Parts = CoordinatorMachine::Parts;

void plan(Parts& parts, const OpKey& key, SyncRecord& record,
          const std::vector<Participant>& participants) {
  std::set<PeerId> gaps;
  for (const Participant& peer : participants) {
    if (parts.people.roster.find(peer.peer)->gap) gaps.insert(peer.peer);
  }
  Result<SyncPlans> plans = plan_sync(key, record, participants, gaps);
  if (!plans) {
    return parts.end_op(key, {false, true, plans.error().code, plans.error().message});
  }
  if (auto fine = parts.check_revision(key, record, participants, *plans); !fine) {
    return parts.end_op(key, {false, true, fine.error().code, fine.error().message});
  }
  record.planned = true;
  const uint64_t number = ++parts.last_sync;
  for (auto& [shard, plan] : plans->by_shard) plan.number = number;
  for (const std::string& sentence : plans->sentences) {
    parts.out.event(fmt::format("state sync {}: {}", describe(key), sentence));
  }
  const Epoch epoch = parts.ledgers.generations.find(key.generation)->attempt;
  for (const Participant& peer : participants) {
    wire::SyncPlan plan = plans->by_shard.at(peer.shard);
    plan.op = op_for(key, peer.shard);
    plan.epoch = epoch;
    parts.out.send(*parts.people.roster.find(peer.peer), std::move(plan));
  }
  record.plans = std::move(plans->by_shard);
}

// The greatest revision that this instance has committed and that connected processes hold, and
// their names.
struct StillHeld {
  uint64_t revision = 0;
  std::vector<std::string> holders;

  void add(uint64_t held, const std::string& name) {
    if (held > revision) holders.clear();
    revision = std::max(revision, held);
    if (held == revision && held > 0) holders.push_back(name);
  }
};

uint64_t committed_revision(const wire::CommittedRevision& committed, InstanceId instance) {
  return committed.instance == instance ? committed.revision : 0;
}

// Of one who takes no part in the sync.
uint64_t held_outside(const PeerRecord& record, uint64_t tag, uint64_t layout,
                      InstanceId instance) {
  if (record.memory.instance != instance) return 0;
  for (const wire::HeldRevision& held : record.memory.held) {
    if (held.tag == tag && held.layout == layout) return held.revision;
  }
  return 0;
}

// By shard; where all exchange their state whatever their shard, all are one.
std::map<uint32_t, StillHeld> still_held(const Parts& parts, const OpKey& key,
                                         const SyncRecord& record,
                                         const std::vector<Participant>& participants,
                                         const SyncPlans& plans) {
  const bool by_shard = key.scope == Scope::kShards;
  std::map<uint32_t, StillHeld> result;
  for (const Participant& peer : participants) {
    const wire::StateSummary& brought = record.requests.at(peer.peer);
    if (brought.strategy == wire::SyncStrategy::kReceiveOnly) continue;  // its caller says so
    result[by_shard ? peer.shard : 0].add(
        committed_revision(brought.committed, parts.run.instance), peer.name);
  }
  if (!by_shard) return result;
  std::map<uint32_t, uint64_t> layouts;
  for (const auto& [shard, plan] : plans.by_shard) {
    layouts[shard] = wire::state_layout(plan.tensors);
  }
  for (const auto& [id, other] : parts.people.roster.records()) {
    const auto layout = layouts.find(other.info.shard);
    if (other.in_view() || layout == layouts.end()) continue;
    result[other.info.shard].add(
        held_outside(other, key.tag, layout->second, parts.run.instance),
        display_name(other.info));
  }
  return result;
}

// Those who wait in a sync are noted like those who wait in any call.
const Call* call_of_another_kind(const OpRecord* op) {
  if (op == nullptr) return nullptr;
  for (const auto& [peer, call] : op->calls) {
    if (call.description.kind != wire::OpKind::kSync) return &call;
  }
  return nullptr;
}

}  // namespace

// What a sync of this run has committed is not replaced by something older while somebody has it,
// also one who has lost its membership meanwhile and came back as a newcomer without a vote.
Result<void> CoordinatorMachine::Parts::check_revision(
    const OpKey& key, const SyncRecord& record, const std::vector<Participant>& participants,
    const SyncPlans& plans) {
  std::map<uint32_t, StillHeld> by_shard = still_held(*this, key, record, participants, plans);
  for (const auto& [shard, plan] : plans.by_shard) {
    const uint64_t layout = wire::state_layout(plan.tensors);
    const StillHeld& held = by_shard[key.scope == Scope::kShards ? shard : 0];
    if (held.revision <= plan.revision) {
      const uint64_t last = committed.find({key.tag, shard, layout});
      if (key.scope != Scope::kShards || last <= plan.revision) continue;
      out.event(fmt::format("nobody who is connected holds revision {} of the state under tag {}, "
                            "which was committed last: the run goes on from revision {}, the "
                            "highest that is offered",
                            last, key.tag, plan.revision));
      continue;
    }
    std::vector<std::string> elected;
    for (const Participant& peer : participants) {
      const auto& holders = plan.holders;
      const bool holds = std::find(holders.begin(), holders.end(), peer.peer) != holders.end();
      if (holds) elected.push_back(peer.name);
    }
    const std::string sentence = fmt::format(
        "revision {} of {} would be taken over, but {} still hold{} revision {}, which a state "
        "sync of this run has committed",
        plan.revision, join(elected), join(held.holders), held.holders.size() == 1 ? "s" : "",
        held.revision);
    if (config.accept_lower_revision || broken(Canary::kOlderStateWins)) {
      out.event(sentence + ": the coordinator was told to accept that");
      continue;
    }
    return fail(ErrorCode::kStateConflict,
                "{}: nothing is replaced. Let those of the lower revision receive only, or start "
                "the coordinator with --accept-lower-revision",
                sentence);
  }
  return {};
}

void CoordinatorMachine::Parts::handle(TimePoint now, PeerId from, wire::SyncRequest message) {
  const auto key = op_named_by(now, from, message.op);
  if (!key || ledgers.history.find(*key) != nullptr) return;
  if (!is_present_attempt(*key, message.epoch)) return;
  SyncRecord* record = ledgers.syncs.open(*key);
  if (record == nullptr) return end_op(*key, no_room(kOpenSyncsMax, "state syncs"));
  if (record->planned) return;  // a second request in the same epoch changes nothing
  record->requests.insert_or_assign(from, std::move(message.state));
  if (const Call* found = call_of_another_kind(ledgers.ops.find(*key))) {
    const Call other = *found;
    return abort_op(now, *key,
                    {std::nullopt, ErrorCode::kMismatch,
                     fmt::format("{} calls {} {}, {} a state sync", other.caller.name,
                                 wire::to_string(other.description.kind), describe(*key),
                                 who(from).name),
                     std::nullopt});
  }
  if (waits.rounds.about_all_open() || waits.rounds.open_for(*key)) return;
  const std::vector<Participant> participants = ledgers.generations.participants(*key);
  if (all_asked(*record, participants)) plan(*this, *key, *record, participants);
}

void CoordinatorMachine::Parts::handle(TimePoint now, PeerId from, wire::SyncDone message) {
  const auto key = op_named_by(now, from, message.op);
  if (!key || !is_present_attempt(*key, message.epoch)) return;
  SyncRecord* record = ledgers.syncs.find(*key);
  if (record == nullptr || !record->planned) return;
  record->done.insert(from);
  if (waits.rounds.about_all_open() || waits.rounds.open_for(*key)) return;
  const std::vector<Participant> participants = ledgers.generations.participants(*key);
  if (!all_done(*record, participants)) return;
  end_op(*key, {true, true, ErrorCode::kSuccess, ""});
  for (const Participant& peer : participants) people.roster.find(peer.peer)->gap = false;
}

void CoordinatorMachine::Parts::note_committed(const OpKey& key) {
  const SyncRecord* record = ledgers.syncs.find(key);
  if (record == nullptr || !record->planned) return;
  for (const auto& [shard, plan] : record->plans) {
    run.history.syncs = std::max(run.history.syncs, plan.number);
    run.history.revision = plan.revision;
    if (key.scope != Scope::kShards) continue;
    committed.note({key.tag, shard, wire::state_layout(plan.tensors)}, plan.revision);
  }
}

}  // namespace atoll_core::membership
