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
  record.planned = true;
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

// Those who wait in a sync are noted like those who wait in any call.
const Call* call_of_another_kind(const OpRecord* op) {
  if (op == nullptr) return nullptr;
  for (const auto& [peer, call] : op->calls) {
    if (call.description.kind != wire::OpKind::kSync) return &call;
  }
  return nullptr;
}

}  // namespace

void CoordinatorMachine::Parts::handle(TimePoint now, PeerId from, wire::SyncRequest message) {
  const auto key = op_named_by(now, from, message.op);
  if (!key || ledgers.history.find(*key) != nullptr) return;
  if (!is_present_attempt(*key, message.epoch)) return;
  SyncRecord* record = ledgers.syncs.open(*key);
  if (record == nullptr) {
    return reject(now, from, {ErrorCode::kOutOfMemory,
                              fmt::format("more than {} state syncs are open", kOpenSyncsMax)});
  }
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

}  // namespace atoll_core::membership
