#include <algorithm>

#include "base/limits.h"
#include "membership/common/sentence.h"
#include "membership/common/view_delta.h"
#include "membership/coordinator/parts.h"

namespace atoll_core::membership {
namespace {

std::vector<std::string> names_in(const wire::View& view) {
  std::vector<std::string> names;
  for (const wire::PeerInfo& member : view.members) names.push_back(display_name(member));
  return names;
}

wire::ToPeer update_answer(const CoordinatorMachine::Parts& parts) {
  const std::optional<Error>& error = parts.waits.updates.last_error();
  if (!error) return wire::Updated{parts.view.epoch, {}, parts.run.history.updates};
  return wire::UpdateFailed{error->code, bounded(error->message)};
}

// Members that ask for an update which has ended: the answer was lost with their connection.
void answer_latecomers(CoordinatorMachine::Parts& parts,
                       const std::vector<Participant>& members) {
  UpdateBarrier& updates = parts.waits.updates;
  for (const Participant& member : members) {
    PeerRecord& record = *parts.people.roster.find(member.peer);
    if (!record.connected() || !updates.answered_already(member.peer)) continue;
    parts.out.event(fmt::format("{} is told again how its update ended", member.name));
    parts.out.send(record, update_answer(parts));
    updates.forget(member.peer);
  }
}

// The members' update ends without a new view.
void end_update(CoordinatorMachine::Parts& parts, const std::vector<Participant>& members,
                std::optional<Error> error) {
  if (error) {
    parts.out.event("update fails: " + error->message);
  } else {
    parts.out.routine_event(
        fmt::format("update of {} members: nobody is admitted", members.size()));
  }
  if (!error) ++parts.run.history.updates;
  parts.waits.updates.finish(members, std::move(error));
  const wire::ToPeer answer = update_answer(parts);
  for (const Participant& member : members) {
    parts.out.send(*parts.people.roster.find(member.peer), answer);
  }
}

std::string reason_to_begin(const std::vector<std::string>& admitted) {
  if (admitted.empty()) return "a generation without those that were lost";
  return bounded(join(admitted) + (admitted.size() == 1 ? " is" : " are") + " admitted");
}

// The view that follows, in which `newcomers` stand behind the members; with a plan of its own.
void open_generation(CoordinatorMachine::Parts& parts, const std::vector<Participant>& members,
                     wire::View next, const std::vector<PeerId>& newcomers,
                     const std::string& reason) {
  next.epoch = {parts.incarnation, next.epoch.number + 1};
  next.generation.first = next.epoch;
  number_slots(next);
  const uint64_t updates = ++parts.run.history.updates;
  const wire::Updated for_members{next.epoch, make_delta(&parts.view, next, reason), updates};
  const wire::Updated for_newcomers{next.epoch, make_delta(nullptr, next, reason), updates};
  parts.view = std::move(next);
  parts.note_generation(parts.view);
  parts.waits.updates.finish(members, std::nullopt);
  parts.waits.updates.start_generation();
  parts.out.event(fmt::format("view {}: {} ({})", to_string(parts.view.epoch),
                              join(names_in(parts.view)), reason));
  for (const Participant& member : members) {
    parts.out.send(*parts.people.roster.find(member.peer), for_members);
  }
  for (const PeerId peer : newcomers) {
    parts.out.send(*parts.people.roster.find(peer), for_newcomers);
  }
}

// A new generation, perhaps without newcomers.
void admit(CoordinatorMachine::Parts& parts, const std::vector<Participant>& members,
           const Admission& admission) {
  wire::View next = parts.view;
  next.instance = parts.run.instance;
  std::vector<std::string> names;
  std::vector<PeerId> newcomers;
  for (const Candidate& candidate : admission.admitted) {
    for (const PeerId peer : candidate.peers) {
      parts.people.roster.mark_member(peer);
      parts.waits.updates.forget(peer);
      next.members.push_back(parts.people.roster.find(peer)->info);
      names.push_back(display_name(next.members.back()));
      newcomers.push_back(peer);
    }
    ++parts.counters.admissions;
  }
  next.plan = parts.people.network.plan(next.members, parts.people.links);
  open_generation(parts, members, std::move(next), newcomers, reason_to_begin(names));
}

}  // namespace

void CoordinatorMachine::Parts::handle(TimePoint now, PeerId from, wire::UpdateRequest message) {
  PeerRecord& record = *people.roster.find(from);
  // The answer to what it is about may be on its way.
  if (message.again && !waits.updates.waits(from)) return;
  changed.updates = true;
  if (!message.again) record.told_waits.reset();
  if (!record.in_view()) return waits.updates.open(from, {});
  // A member that speaks of an older generation was admitted, or saw others admitted, without
  // hearing so. The view that it is told in the settle round is the answer.
  const bool old = !message.epoch || is_later(view.generation.first, *message.epoch);
  if (old) {
    out.event(fmt::format("{} asks for an update that ended with an admission",
                          display_name(record.info)));
    return;
  }
  waits.updates.open(from, std::move(message));
  compare_all_with_update(now);
}

void CoordinatorMachine::Parts::handle(TimePoint now, PeerId from, wire::Positions message) {
  if (!waits.updates.tell(from, message.positions)) return;
  changed.updates = true;
  compare_all_with_update(now);
}

void CoordinatorMachine::Parts::ask_positions(PeerId peer) {
  if (waits.updates.ask(peer)) out.send(*people.roster.find(peer), wire::TellPositions{});
}

void CoordinatorMachine::Parts::handle(TimePoint, PeerId from, wire::Measured message) {
  std::erase_if(message.paths, [this](const wire::Measured::Path& path) {
    return people.roster.find(path.to) == nullptr;
  });
  people.network.report_rates(from, message);
}

DrivingRights::Founding CoordinatorMachine::Parts::founding(
    const std::vector<Candidate>& ready) const {
  std::set<PeerId> candidates;
  for (const Candidate& candidate : ready) {
    candidates.insert(candidate.peers.begin(), candidate.peers.end());
  }
  std::vector<DrivingRights::Waiting> waiting;
  for (const auto& [peer, record] : people.roster.records()) {
    waiting.push_back({record.memory, candidates.count(peer) != 0});
  }
  return rights.founding(run, waiting);
}

// Who was in another instance than the one that is to begin has no part in it.
void CoordinatorMachine::Parts::leave_out_others(InstanceId instance,
                                                 std::vector<Candidate>& ready) const {
  std::erase_if(ready, [&](const Candidate& candidate) {
    return std::any_of(candidate.peers.begin(), candidate.peers.end(), [&](PeerId peer) {
      const InstanceId theirs = people.roster.find(peer)->memory.instance;
      return theirs && theirs != instance;
    });
  });
}

void CoordinatorMachine::Parts::begin_run(InstanceId instance) {
  const bool goes_on = instance && instance == run.instance && !run.over;
  if (!goes_on) {
    run = {instance, false, {}};
    if (!instance) run.instance = config.draw_instance();
    for (const auto& [peer, record] : people.roster.records()) {
      if (record.memory.instance != run.instance) continue;
      run.history = std::max(run.history, record.memory.history);
    }
    last_sync = run.history.syncs;
    committed = {};
    const bool former = last_instance && last_instance != run.instance;
    out.event(fmt::format("{} instance {}{}", instance ? "goes on with" : "begins",
                          to_string(run.instance),
                          former ? "; nobody has told of instance " + to_string(last_instance)
                                 : std::string()));
  }
  last_instance = run.instance;
  rights.begun(run.instance);
  stepped_down.clear();
  out.drives();
  std::vector<PeerId> others;
  for (const auto& [peer, record] : people.roster.records()) {
    const InstanceId theirs = record.memory.instance;
    if (theirs && theirs != run.instance) others.push_back(peer);
  }
  for (const PeerId peer : others) {
    PeerRecord& record = *people.roster.find(peer);
    const std::string why = rights.why_other(run, display_name(record.info), record.memory);
    out.send(record, wire::Refused{ErrorCode::kOtherInstance, bounded(why)});
    out.close(record.connection, why);
    drop_pending(peer, why);
  }
}

void CoordinatorMachine::Parts::lose_all() {
  out.event("all members are gone; the run starts anew: " + join(agenda.causes, "; "));
  // Who was lost may come back, and holds what the run has committed; who has left may not.
  run.over = agenda.all_left;
  if (run.over) last_instance = {};
  view.members.clear();
  view.slots.clear();
  view.plan = {};
  ledgers = Ledgers();
  waits.rounds.clear();
  agenda = {};
  changed.updates = true;
  send_away_newcomers();
}

void CoordinatorMachine::Parts::evaluate_updates() {
  waits.updates.note_on_the_way({});
  if (waits.rounds.about_all_open()) return;
  const std::vector<Participant> present = members();
  const bool too_early = !people.claims.empty() || rights.too_early(*last_input);
  if (view.members.empty()) {
    if (too_early || waits.updates.waiting() < config.min_replicas) return;
  }
  answer_latecomers(*this, present);
  const bool waiting = std::any_of(present.begin(), present.end(), [this](const auto& member) {
    return !waits.updates.waits(member.peer) || !people.roster.find(member.peer)->connected();
  });
  if (waiting) return;
  UpdateBarrier::Comparison compared = waits.updates.compare(present);
  if (compared.difference) {
    return end_update(*this, present,
                      Error{ErrorCode::kMismatch, std::move(*compared.difference)});
  }
  for (const PeerId peer : compared.to_ask) ask_positions(peer);
  waits.updates.note_on_the_way(compared.on_the_way);
  if (!compared.to_ask.empty() || !compared.on_the_way.empty()) return;
  Candidates candidates = find_candidates(people.roster, waits.updates, ledgers.states);
  hold_back(*last_input, candidates);
  const auto founds = view.members.empty() ? founding(candidates.ready) : DrivingRights::Founding{};
  if (!founds.may.yes) return;
  if (view.members.empty()) leave_out_others(founds.instance, candidates.ready);
  const Admission admission = choose_admitted(present, candidates.ready, people.roster,
                                              people.links, people.failed_links,
                                              config.min_replicas);
  if (present.empty() && admission.admitted.empty()) return;
  if (view.members.empty()) begin_run(founds.instance);
  std::vector<std::string> reasons = std::move(candidates.not_ready);
  reasons.insert(reasons.end(), admission.left_out.begin(), admission.left_out.end());
  for (const std::string& why : waits.updates.news(std::move(reasons))) out.event(why);
  // After each update slots and members are the same: who calls next may count on it.
  const bool lost = view.members.size() < view.slots.size();
  if (lost || !admission.admitted.empty()) return admit(*this, present, admission);
  if (auto plan = people.network.better_plan(view, people.links)) {
    wire::View next = view;
    next.plan = std::move(*plan);
    ++counters.replans;
    return open_generation(*this, present, std::move(next), {}, "a new plan is faster");
  }
  if (const uint64_t names = waits.updates.names(present); names > limits::kNamesPerGeneration) {
    ++counters.renamings;
    return open_generation(*this, present, view, {},
                           fmt::format("calls have had {} names", names));
  }
  end_update(*this, present, std::nullopt);
}

}  // namespace atoll_core::membership
