// How the run is, for operators: as a plain struct and as the answer to StatusRequest.
#include <algorithm>

#include "base/limits.h"
#include "membership/common/sentence.h"
#include "membership/coordinator/parts.h"

namespace atoll_core::membership {

CoordinatorStatus CoordinatorMachine::status() const {
  CoordinatorStatus status;
  status.instance = parts_->run.instance;
  status.history = parts_->run.history;
  status.incarnation = parts_->incarnation;
  status.epoch = parts_->view.epoch;
  status.generation = parts_->view.generation;
  for (const auto& [peer, record] : parts_->people.roster.records()) {
    status.peers.push_back(
        {record.info, std::string(to_string(record.standing)), record.last_heard});
  }
  const Counters& counters = parts_->counters;
  status.commits = counters.commits;
  status.aborts = counters.aborts;
  status.settle_rounds = counters.settle_rounds;
  status.admissions = counters.admissions;
  status.evictions = counters.evictions;
  status.left = counters.left;
  status.renamings = counters.renamings;
  status.replans = counters.replans;
  status.rejoins = counters.rejoins;
  status.resumes = counters.resumes;
  status.steps_down = counters.steps_down;
  return status;
}

namespace {

uint64_t ms_since(TimePoint now, TimePoint then) {
  return static_cast<uint64_t>(std::max<int64_t>(0, to_ms(now - then)));
}

wire::PeerStanding wire_standing(Standing standing) {
  switch (standing) {
    case Standing::kPending: return wire::PeerStanding::kPending;
    case Standing::kMember: return wire::PeerStanding::kMember;
    case Standing::kSuspect: break;
  }
  return wire::PeerStanding::kSuspect;
}

void add_some(PeerId peer, std::vector<PeerId>& list) {
  if (list.size() < limits::kPeersPerOpStatus) list.push_back(peer);
}

// Those of `participants` for which `has_come` holds are done, the others are awaited.
template <class HasCome>
void split(const std::vector<Participant>& participants, HasCome has_come, wire::OpStatus& op) {
  for (const Participant& participant : participants) {
    const bool done = has_come(participant.peer);
    ++(done ? op.done_count : op.awaited_count);
    add_some(participant.peer, done ? op.done : op.awaited);
  }
}

wire::OpStatus status_of(const OpKey& key, const OpRecord& record,
                         const std::vector<Participant>& participants, TimePoint now) {
  wire::OpStatus op;
  op.op = op_for(key, 0);
  if (!record.calls.empty()) {
    op.what = wire::to_string(record.calls.begin()->second.description);
  }
  op.known_ms = ms_since(now, record.since);
  split(participants, [&](PeerId peer) { return record.done.count(peer) != 0; }, op);
  std::set<PeerId> absent;
  for (const auto& [waiter, missing] : record.waiting) {
    for (const PeerId peer : missing) {
      if (record.calls.count(peer) == 0) absent.insert(peer);
    }
  }
  for (const PeerId peer : absent) add_some(peer, op.absent);
  if (record.abort) op.abort_reason = bounded(record.abort->reason);
  return op;
}

wire::OpStatus status_of(const OpKey& key, const SyncRecord& record,
                         const std::vector<Participant>& participants, TimePoint now) {
  wire::OpStatus op;
  op.op = op_for(key, 0);
  op.what = record.planned ? "sync, being fetched" : "sync, being called";
  op.known_ms = ms_since(now, record.since);
  split(participants, [&](PeerId peer) {
    return record.planned ? record.done.count(peer) != 0 : record.requests.count(peer) != 0;
  }, op);
  if (!record.planned) op.absent = op.awaited;
  if (record.abort) op.abort_reason = bounded(record.abort->reason);
  return op;
}

wire::PeerStatus status_of(const PeerRecord& record, bool updating, TimePoint now) {
  wire::PeerStatus peer;
  peer.peer = record.info;
  if (peer.peer.endpoints.size() > 1) peer.peer.endpoints.resize(1);  // a run may be large
  peer.standing = wire_standing(record.standing);
  peer.remote = record.remote;
  peer.silent_ms = ms_since(now, record.last_heard);
  peer.updating = updating;
  return peer;
}

}  // namespace

wire::Status CoordinatorMachine::Parts::wire_status(TimePoint now) const {
  wire::Status status;
  status.run = config.run;
  status.instance = run.instance;
  status.history = run.history;
  status.waits = waits_for(now);
  status.stepped_down = stepped_down;
  status.incarnation = incarnation;
  status.epoch = view.epoch;
  status.generation = view.generation;
  status.uptime_ms = ms_since(now, started);
  status.settling = waits.rounds.about_all_open();
  status.counters = {counters.commits, counters.aborts, counters.settle_rounds,
                     counters.admissions, counters.evictions, counters.left};
  for (const Participant& member : members()) {
    const PeerRecord* record = people.roster.find(member.peer);
    if (record == nullptr) continue;
    status.peers.push_back(status_of(*record, waits.updates.waits(member.peer), now));
  }
  for (const auto& [peer, record] : people.roster.records()) {
    if (record.in_view() || status.peers.size() >= limits::kPeers) continue;
    status.peers.push_back(status_of(record, waits.updates.waits(peer), now));
  }
  const auto& syncs = ledgers.syncs.records();
  const auto add = [&](const OpKey& key, const auto& record) {
    if (++status.ops_open > limits::kOpsPerStatus) return;
    status.ops.push_back(status_of(key, record, ledgers.generations.participants(key), now));
  };
  for (const auto& [key, record] : ledgers.ops.records()) {
    if (syncs.count(key) == 0) add(key, record);  // a sync that stalls is in both
  }
  for (const auto& [key, record] : syncs) add(key, record);
  for (const RecentEvents::Event& event : out.recent().events()) {
    status.events.push_back({ms_since(now, event.at), bounded(event.text)});
  }
  return status;
}

std::vector<std::string> CoordinatorMachine::Parts::waits_for(TimePoint now) const {
  std::vector<std::string> sentences;
  const auto add = [&sentences](std::string sentence) {
    if (sentences.size() == limits::kWaitsPerStatus) return;
    sentences.push_back(bounded(std::move(sentence)));
  };
  if (view.members.empty()) {
    for (const ClaimGroup& group : people.claims.groups()) {
      add(fmt::format("{} of the {} members of epoch {} of instance {} have come: the others are "
                      "waited for",
                      group.claims.size(), group.view->members.size(),
                      to_string(group.view->epoch), to_string(group.instance)));
    }
    if (rights.too_early(now)) {
      add(fmt::format("members of a former run may come for {} ms more",
                      to_ms(rights.first_view_after() - now)));
    }
  }
  for (const Participant& member : members()) {
    const PeerRecord* record = people.roster.find(member.peer);
    if (record == nullptr || record->connected()) continue;
    const DrivingRights::Answer drop = may_drop(member.peer);
    add(fmt::format("{} is suspect for {} ms: {}{}", member.name,
                    to_ms(now - record->suspect_since), record->suspect_reason,
                    drop.yes ? "" : "; it may not be dropped: " + drop.why));
  }
  Candidates candidates = find_candidates(people.roster, waits.updates, ledgers.states);
  hold_back(now, candidates);
  for (const std::string& why : candidates.not_ready) add(why);
  if (view.members.empty()) {
    const DrivingRights::Founding founds = founding(candidates.ready);
    if (!founds.may.yes) add(founds.may.why);
    leave_out_others(founds.instance, candidates.ready);
  }
  const Admission admission = choose_admitted(members(), candidates.ready, people.roster,
                                              people.links, people.failed_links,
                                              config.min_replicas);
  for (const std::string& why : admission.left_out) add(why);
  if (view.members.empty()) {
    for (const std::string& why : unlinked_pairs(candidates.ready)) add(why);
  }
  return sentences;
}

void CoordinatorMachine::Parts::handle(TimePoint now, PeerId from, wire::StatusRequest) {
  reject(now, from, {ErrorCode::kInvalidUsage,
                     "the status is told on a connection that registers no peer"});
}

}  // namespace atoll_core::membership
