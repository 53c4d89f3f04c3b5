#include "membership/coordinator/coordinator_machine.h"

#include <algorithm>
#include <utility>

#include "base/canary.h"
#include "membership/coordinator/parts.h"

namespace atoll_core::membership {

CoordinatorMachine::CoordinatorMachine(CoordinatorConfig config, Incarnation incarnation)
    : parts_(std::make_unique<Parts>(std::move(config), incarnation)) {
  if (parts_->config.draw_instance) return;
  // As good as random when incarnations are.
  parts_->config.draw_instance = [incarnation, drawn = uint64_t{0}]() mutable {
    return InstanceId{uint64_t{incarnation.counter} << 32 | incarnation.nonce, ++drawn};
  };
}

CoordinatorMachine::~CoordinatorMachine() = default;

void CoordinatorMachine::on_connected(TimePoint now, ConnectionId connection,
                                      const std::string& remote) {
  parts_->begin_input(now);
  parts_->people.visitors[connection] = {remote, now};
  parts_->timers.arm_earlier(Parts::Timer::kLiveness, now + parts_->config.register_timeout);
}

void CoordinatorMachine::on_message(TimePoint now, ConnectionId connection,
                                    wire::ToCoordinator message) {
  parts_->begin_input(now);
  PeerRecord* sender = parts_->people.roster.find(connection);
  if (sender != nullptr) {
    sender->last_heard = now;
    if (is_numbered(message)) sender->session.note_received();
    const PeerId from = sender->info.id;
    std::visit([&](auto& typed) { parts_->handle(now, from, std::move(typed)); }, message);
  } else if (parts_->people.visitors.count(connection) != 0) {
    parts_->handle_visitor(now, connection, std::move(message));
  }
  parts_->settle_dust(now);
}

void CoordinatorMachine::on_bytes(TimePoint now, ConnectionId connection) {
  if (PeerRecord* sender = parts_->people.roster.find(connection)) sender->last_bytes = now;
}

void CoordinatorMachine::on_garbage(TimePoint now, ConnectionId connection, const Error& error) {
  parts_->begin_input(now);
  if (PeerRecord* sender = parts_->people.roster.find(connection)) {
    parts_->reject(now, sender->info.id, error);
  } else if (parts_->people.visitors.count(connection) != 0) {
    parts_->refuse(connection, error);
  }
  parts_->settle_dust(now);
}

void CoordinatorMachine::on_disconnected(TimePoint now, ConnectionId connection,
                                         const std::string& reason) {
  parts_->begin_input(now);
  parts_->people.visitors.erase(connection);
  if (parts_->people.claims.erase(connection)) parts_->changed.claims = true;
  if (PeerRecord* peer = parts_->people.roster.find(connection)) {
    parts_->lose_connection(now, peer->info.id, reason);
  }
  parts_->settle_dust(now);
}

// Connections are named in the order in which they come.
bool CoordinatorMachine::make_room(TimePoint now) {
  parts_->begin_input(now);
  const auto oldest = parts_->people.visitors.begin();
  if (oldest == parts_->people.visitors.end()) return false;
  parts_->refuse(oldest->first, {ErrorCode::kSystemError,
                                 "all places for connections are taken, and this one has not "
                                 "registered: try again"});
  parts_->settle_dust(now);
  return true;
}

void CoordinatorMachine::tick(TimePoint now) {
  parts_->begin_input(now);
  if (parts_->timers.take_expired(Parts::Timer::kHeartbeat, now)) {
    parts_->send_heartbeats(now);
    parts_->tell_update_waits(now);
  }
  if (parts_->timers.take_expired(Parts::Timer::kLiveness, now)) parts_->check_liveness(now);
  if (parts_->timers.take_expired(Parts::Timer::kRejoin, now)) {
    parts_->changed.claims = true;   // the others may have been waited for long enough
    parts_->changed.updates = true;  // the first view may be made
    // The timer may have been for claims, that were to be looked at before.
    if (parts_->rights.too_early(now)) {
      parts_->timers.arm(Parts::Timer::kRejoin, parts_->rights.first_view_after());
    }
  }
  parts_->settle_dust(now);
}

TimePoint CoordinatorMachine::next_deadline() const { return parts_->timers.next_deadline(); }

CoordinatorOutput CoordinatorMachine::take_output() {
  parts_->finish_turn();
  return parts_->out.take();
}

// A coordinator that did not run for a while (stopped, swapped out, suspended with its machine)
// must not take its own sleep for the silence of all peers: what they sent waits to be read.
void CoordinatorMachine::Parts::begin_input(TimePoint now) {
  if (!last_input) started = now;
  out.set_now(now);
  ledgers.ops.set_now(now);
  ledgers.syncs.set_now(now);
  if (!last_input) begin_life(now);
  const Duration slept = last_input ? now - *last_input : Duration::zero();
  last_input = now;
  const Duration unusual = std::max(config.peer_timeout / 2, 2 * config.heartbeat_interval);
  if (slept <= unusual || people.roster.size() == 0) return;
  for (auto& [peer, record] : people.roster.records()) {
    record.last_heard = now;
    if (!record.connected()) record.suspect_since += slept;
  }
  waits.rounds.postpone(slept);
  out.event(fmt::format("the coordinator itself slept for {} ms", to_ms(slept)));
}

void CoordinatorMachine::Parts::begin_life(TimePoint now) {
  StartFacts facts = config.start;
  if (broken(Canary::kFoundsTooEarly)) facts.delay = Duration::zero();
  rights.started(now, facts);
  if (!rights.too_early(now)) return;
  timers.arm_earlier(Timer::kRejoin, rights.first_view_after());
  out.event(fmt::format("waits {} ms for members of a former run before a new one may begin",
                        to_ms(facts.delay)));
}

void CoordinatorMachine::Parts::settle_dust(TimePoint now) {
  if (std::exchange(agenda.round_needed, false)) begin_round(now);
  complete_rounds();
}

// What is made of everything that the peers have said. Hundreds of newcomers report tens of
// thousands of links: to look after each of them at all the others would take minutes.
void CoordinatorMachine::Parts::finish_turn() {
  if (std::exchange(changed.claims, false)) {
    evaluate_claims(*last_input);
    settle_dust(*last_input);
  }
  if (std::exchange(changed.roster, false)) send_rosters();
  if (std::exchange(changed.marks, false)) tell_stable();
  if (std::exchange(changed.updates, false)) evaluate_updates();
  // Also for the next life: a run that this one has not found may still be elsewhere.
  const bool has_members = !view.members.empty() || rights.may_be_elsewhere();
  const wire::Snapshot snapshot{config.run, incarnation.counter, has_members, last_instance};
  if (snapshot == saved) return;
  saved = snapshot;
  out.save(snapshot);
}

void CoordinatorMachine::Parts::need_round(std::string cause) {
  agenda.round_needed = true;
  auto& causes = agenda.causes;
  if (std::find(causes.begin(), causes.end(), cause) == causes.end()) {
    causes.push_back(std::move(cause));
  }
}

std::vector<Participant> CoordinatorMachine::Parts::members() const {
  std::vector<Participant> result;
  for (const wire::PeerInfo& member : view.members) {
    if (agenda.gone.count(member.id) == 0) result.push_back(participant_of(member));
  }
  return result;
}

}  // namespace atoll_core::membership
