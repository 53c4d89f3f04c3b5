// What is forgotten with a peer, with a generation and with the run, from every table.
//
// Each function names all tables of People, Ledgers and Waits, also those that it leaves alone: one
// that is added does not compile before it stands here, too. What the tables hold after hundreds of
// peers and thousands of generations is compared in forgetting_test.cpp.
#include "base/canary.h"
#include "membership/coordinator/parts.h"

namespace atoll_core::membership {

void CoordinatorMachine::Parts::forget_peer(PeerId peer) {
  // By connection: visitors, claims. By session or replica: departures, readmissions, both bounded.
  auto& [visitors, claims, roster, links, failed_links, network, departures, readmissions,
         last_number] = people;
  links.forget(peer);
  failed_links.forget(peer);
  network.forget(peer);
  roster.erase(peer);
  // What it was known to have done stays until the round about its loss decides: ops, syncs. What
  // has ended, and in which generations it was, is told to those who were there.
  auto& [generations, ops, syncs, states, history, marks] = ledgers;
  states.forget(peer);
  marks.forget(peer);
  auto& [updates, rounds] = waits;
  updates.forget(peer);
  rounds.excuse(peer);
  changed.roster = true;
}

void CoordinatorMachine::Parts::note_generation(const wire::View& first) {
  ledgers.generations.open(first);
  forget_old_generations();
}

void CoordinatorMachine::Parts::merge_generation(const wire::GenerationState& state) {
  ledgers.generations.merge(state);
  forget_old_generations();
}

void CoordinatorMachine::Parts::forget_old_generations() {
  while (const auto oldest = ledgers.generations.to_be_forgotten()) forget_generation(*oldest);
}

void CoordinatorMachine::Parts::forget_generation(Generation generation) {
  // Callers have asked for the end of what is still open (kGenerationsOpen), and somebody has not
  // answered since: while it is known who takes part, it is decided by those who have.
  auto& [updates, rounds] = waits;  // updates: of the present generation
  while (const auto key = rounds.open_in(generation)) end_round_about(*key);
  auto& [generations, ops, syncs, states, history, marks] = ledgers;  // states: by tag
  if (!broken(Canary::kForgottenOps)) ops.forget(generation);
  syncs.forget(generation);
  history.forget(generation);
  marks.forget(generation);
  generations.forget(generation);
}

void CoordinatorMachine::Parts::forget_run() {
  // Those who are not registered stay, ids are not given twice, and what flaps goes on to.
  auto& [visitors, claims, roster, links, failed_links, network, departures, readmissions,
         last_number] = people;
  roster = {};
  links = {};
  failed_links = {};
  network = {};
  departures = {};
  ledgers = Ledgers();
  waits = {};
  agenda = {};
  changed = {};
}

TableSizes CoordinatorMachine::Parts::table_sizes() const {
  const auto& [visitors, claims, roster, links, failed_links, network, departures, readmissions,
               last_number] = people;
  const auto& [generations, ops, syncs, states, history, marks] = ledgers;
  const auto& [updates, rounds] = waits;
  return {{"visitors", visitors.size()},
          {"claims", claims.claims().size()},
          {"roster", roster.size()},
          {"links", links.size()},
          {"failed links", failed_links.size()},
          {"network", network.size()},
          {"departures", departures.size()},
          {"readmissions", readmissions.size()},
          {"generations", generations.size()},
          {"ops", ops.records().size()},
          {"syncs", syncs.records().size()},
          {"states", states.size()},
          {"history", history.size()},
          {"marks", marks.size()},
          {"updates", updates.waiting()},
          {"rounds", rounds.open()},
          {"gone", agenda.gone.size()},
          {"causes", agenda.causes.size()}};
}

TableSizes CoordinatorMachine::table_sizes() const { return parts_->table_sizes(); }

}  // namespace atoll_core::membership
