#include "support/scenario_world.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "support/scenario_trace.h"

namespace atoll_core::scenario {

using membership::ConnectionId;
using membership::CoordinatorOutput;
namespace peer_output = membership::peer_output;

ScenarioWorld::ScenarioWorld(membership::CoordinatorConfig config, Incarnation incarnation)
    : coordinator_(
          std::make_unique<membership::CoordinatorMachine>(std::move(config), incarnation)) {}

void ScenarioWorld::restart_coordinator(membership::CoordinatorConfig config,
                                        Incarnation incarnation) {
  for (auto& [connection, pipe] : pipes_) {
    if (!pipe.coordinator_open) continue;
    pipe.coordinator_open = false;
    pipe.down.clear();
    if (pipe.peer_open) pipe.down.push_back(Broken{"connection reset"});
  }
  coordinator_ = std::make_unique<membership::CoordinatorMachine>(std::move(config), incarnation);
  coordinator_->tick(now_);
}

ScenarioPeer& ScenarioWorld::add_peer(const std::string& name, membership::PeerConfig config) {
  auto& place = peers_[name];
  place = std::make_unique<ScenarioPeer>(std::move(config));
  return *place;
}

ScenarioPeer* ScenarioWorld::find(const std::string& name) {
  const auto found = peers_.find(name);
  return found == peers_.end() ? nullptr : found->second.get();
}

std::string ScenarioWorld::name_of(PeerId peer) const {
  const auto found = names_.find(peer);
  return found == names_.end() ? to_string(peer) : found->second;
}

void ScenarioWorld::kill(const std::string& name) {
  if (const auto connection = this->connection(name)) {
    Pipe& pipe = pipes_.at(*connection);
    pipe.peer_open = false;
    pipe.down.clear();
    pipe.up.push_back(Broken{"reset by peer"});
  }
  current_.erase(name);
  dialling_.erase(name);
  peers_.erase(name);
}

void ScenarioWorld::answer_dial(const std::string& name, bool success, const std::string& reason) {
  dialling_.erase(name);
  ScenarioPeer& peer = *peers_.at(name);
  if (success) {
    const ConnectionId connection = open_raw(name);
    current_[name] = connection;
    peer.machine().on_control_connected(now_);
  } else {
    peer.machine().on_control_failed(now_, reason);
  }
  pump();
}

std::optional<ConnectionId> ScenarioWorld::connection(const std::string& name) const {
  const auto found = current_.find(name);
  if (found == current_.end()) return std::nullopt;
  return found->second;
}

ConnectionId ScenarioWorld::open_raw(const std::string& name) {
  const ConnectionId connection{++last_connection_};
  pipes_[connection].peer = name;
  coordinator_->on_connected(now_, connection, "host-" + name);
  return connection;
}

void ScenarioWorld::send_raw(ConnectionId connection, wire::ToCoordinator message) {
  trace(fmt::format("  {} -> {}", pipes_.at(connection).peer, describe(message, *this)));
  Pipe& pipe = pipes_.at(connection);
  if (!pipe.silent) pipe.up.push_back(std::move(message));
}

bool ScenarioWorld::deliver_up(ConnectionId connection) {
  Pipe& pipe = pipes_.at(connection);
  if (pipe.up.empty()) return false;
  auto item = std::move(pipe.up.front());
  pipe.up.pop_front();
  if (!pipe.coordinator_open) return true;
  if (auto* broken = std::get_if<Broken>(&item)) {
    pipe.coordinator_open = false;
    coordinator_->on_disconnected(now_, connection, broken->reason);
  } else {
    coordinator_->on_message(now_, connection, std::move(std::get<wire::ToCoordinator>(item)));
  }
  pump();
  return true;
}

bool ScenarioWorld::deliver_down(ConnectionId connection) {
  Pipe& pipe = pipes_.at(connection);
  if (pipe.down.empty()) return false;
  auto item = std::move(pipe.down.front());
  pipe.down.pop_front();
  ScenarioPeer* peer = find(pipe.peer);
  if (!pipe.peer_open || peer == nullptr || this->connection(pipe.peer) != connection) return true;
  if (auto* broken = std::get_if<Broken>(&item)) {
    pipe.peer_open = false;
    current_.erase(pipe.peer);
    peer->machine().on_control_failed(now_, broken->reason);
  } else {
    peer->machine().on_message(now_, std::move(std::get<wire::ToPeer>(item)));
  }
  pump();
  return true;
}

TimePoint ScenarioWorld::next_deadline() const {
  TimePoint next = coordinator_->next_deadline();
  for (const auto& [name, peer] : peers_) next = std::min(next, peer->machine().next_deadline());
  return next;
}

void ScenarioWorld::advance_to(TimePoint time) {
  now_ = std::max(now_, time);
  if (coordinator_->next_deadline() <= now_) coordinator_->tick(now_);
  for (auto& [name, peer] : peers_) {
    if (peer->machine().next_deadline() <= now_) peer->machine().tick(now_);
  }
  pump();
}

void ScenarioWorld::pump() {
  pump_coordinator();
  bool more = true;
  while (more) {
    more = false;
    for (auto& [name, peer] : peers_) more = pump_peer(name, *peer) || more;
  }
}

void ScenarioWorld::pump_coordinator() {
  for (CoordinatorOutput::Item& item : coordinator_->take_output().items) {
    if (auto* send = std::get_if<CoordinatorOutput::Send>(&item)) {
      Pipe& pipe = pipes_.at(send->connection);
      if (auto* registered = std::get_if<wire::Registered>(&send->message)) {
        names_[registered->peer] = pipe.peer;
      }
      trace(fmt::format("  {} <- {}", pipe.peer, describe(send->message, *this)));
      if (pipe.peer_open && !pipe.silent) pipe.down.push_back(std::move(send->message));
    } else if (auto* close = std::get_if<CoordinatorOutput::Close>(&item)) {
      Pipe& pipe = pipes_.at(close->connection);
      trace(fmt::format("  {} <- close: {}", pipe.peer, close->reason));
      pipe.coordinator_open = false;
      if (pipe.peer_open) pipe.down.push_back(Broken{"closed by the coordinator"});
    } else if (auto* event = std::get_if<CoordinatorOutput::Event>(&item)) {
      trace("  * " + event->text);
    }
  }
}

bool ScenarioWorld::pump_peer(const std::string& name, ScenarioPeer& peer) {
  const std::vector<membership::PeerOutput> outputs = peer.machine().take_outputs();
  for (const membership::PeerOutput& output : outputs) {
    carry_out(name, output);
    peer.absorb(output);
    if (watch_) watch_(name, output);
  }
  return !outputs.empty();
}

void ScenarioWorld::carry_out(const std::string& name, const membership::PeerOutput& output) {
  if (const auto* send = std::get_if<peer_output::Send>(&output)) {
    send_raw(current_.at(name), send->message);
    return;
  }
  trace(fmt::format("  {}: {}", name, describe(output, *this)));
  if (std::holds_alternative<peer_output::DialCoordinator>(output)) {
    dialling_[name] = true;
  } else if (const auto* close = std::get_if<peer_output::CloseControl>(&output)) {
    dialling_.erase(name);
    const auto connection = this->connection(name);
    if (!connection) return;
    Pipe& pipe = pipes_.at(*connection);
    pipe.peer_open = false;
    pipe.down.clear();
    pipe.up.push_back(Broken{"closed: " + close->reason});
    current_.erase(name);
  }
}

}  // namespace atoll_core::scenario
