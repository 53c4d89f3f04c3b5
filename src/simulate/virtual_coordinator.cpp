#include "simulate/virtual_coordinator.h"

#include <algorithm>
#include <set>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "membership/common/reconnect_times.h"

namespace atoll_core::simulate {

using membership::ConnectionId;
using membership::CoordinatorOutput;

void VirtualCoordinator::begin(uint32_t incarnation, const membership::StartFacts& facts) {
  membership::CoordinatorConfig config = config_;
  config.start = facts;
  for_new_run_ = facts.no_former_run;
  began_ = place_.time.now();
  const auto nonce = static_cast<uint32_t>(place_.random.between(1, 0xFFFFFFFFu));
  config.draw_instance = [nonce, drawn = uint64_t{0}]() mutable {
    return InstanceId{Random::mix(nonce), ++drawn};
  };
  // Others in each life, as with a real one.
  if (!config.ticket) {
    config.ticket = [nonce](PeerId one, PeerId other) {
      const auto [low, high] = std::minmax(one.value, other.value);
      const uint64_t pair = Random::mix(low ^ Random::mix(high ^ nonce));
      return Ticket{pair, Random::mix(pair) | 1};
    };
  }
  machine_ = std::make_unique<membership::CoordinatorMachine>(config,
                                                              Incarnation{incarnation, nonce});
  tick();
}

void VirtualCoordinator::start_first(bool no_run_yet) {
  membership::StartFacts facts;
  if (!no_run_yet) facts.delay = membership::kFormerMembersMayCome;
  begin(1, facts);
}

void VirtualCoordinator::start(bool with_snapshot) {
  membership::StartFacts facts;
  facts.delay = membership::kFormerMembersMayCome;
  if (!with_snapshot || !saved_) return begin(1, facts);
  if (!saved_->has_members && !saved_->instance) facts.delay = Duration::zero();
  facts.instance = saved_->instance;
  begin(saved_->incarnation + 1, facts);
}

void VirtualCoordinator::crash() {
  if (last_words_.parted_shards([this](ConnectionId name) { return has_heard_all(name); })) {
    ++parted_shards_;
  }
  last_words_.begin_another_life();
  before_ = totals();
  for (auto& [name, visitor] : visitors_) {
    visitor.connection->abandon(Connection::kListener, "connection reset by peer");
  }
  visitors_.clear();
  machine_.reset();
  rounds_open_ = 0;
}

bool VirtualCoordinator::has_heard_all(ConnectionId name) const {
  const auto found = visitors_.find(name);
  return found != visitors_.end() &&
         found->second.connection->in_flight(Connection::kListener) == 0;
}

void VirtualCoordinator::start_for_new_run() {
  membership::StartFacts facts;
  facts.no_former_run = true;
  begin(saved_ ? saved_->incarnation + 1 : 1, facts);
}

void VirtualCoordinator::accept(const std::shared_ptr<Connection>& connection,
                                const std::string& remote) {
  if (overloaded_until_ > place_.time.now()) return turn_away(*connection);
  const ConnectionId name{++last_connection_};
  connection->attach(Connection::kListener,
                     {[this, name](ByteSpan bytes) { received(name, bytes); },
                      [this, name](const std::string& reason) { disconnected(name, reason); }});
  visitors_.emplace(name, Visitor{connection, remote, wire::ControlFramer()});
  if (silent()) return;
  connection->send(Connection::kListener, std::string(wire::kControlPreamble));
  machine_->on_connected(place_.time.now(), name, remote);
  carry_out();
}

// As the server does, which knows the message and nothing else.
void VirtualCoordinator::turn_away(Connection& connection) {
  std::string bytes(wire::kControlPreamble);
  wire::append_framed(wire::encode(wire::ToPeer(wire::Refused{
                          ErrorCode::kSystemError, "all places for connections are taken"})),
                      bytes);
  connection.send(Connection::kListener, std::move(bytes));
  connection.close(Connection::kListener, "turned away");
}

void VirtualCoordinator::received(ConnectionId name, ByteSpan bytes) {
  if (silent()) return;
  std::vector<std::string> messages;
  Result<void> fed = visitors_.at(name).framer.feed(bytes, messages);
  for (const std::string& message : messages) {
    const auto visitor = visitors_.find(name);
    if (visitor == visitors_.end()) return;
    Result<wire::ToCoordinator> decoded = wire::decode_to_coordinator(message);
    if (!decoded) {
      fed = tl::unexpected<Error>(decoded.error());
      break;
    }
    if (note_ && !std::holds_alternative<wire::PeerHeartbeat>(*decoded)) {
      note_(fmt::format("hears {} of {}", wire::name_of(*decoded), visitor->second.remote));
    }
    machine_->on_message(place_.time.now(), name, std::move(*decoded));
    carry_out();
  }
  if (fed || visitors_.count(name) == 0) return;
  machine_->on_garbage(place_.time.now(), name, fed.error());
  carry_out();
}

void VirtualCoordinator::disconnected(ConnectionId name, const std::string& reason) {
  if (visitors_.erase(name) == 0 || silent()) return;
  machine_->on_disconnected(place_.time.now(), name, reason);
  carry_out();
}

void VirtualCoordinator::carry_out() {
  std::vector<CoordinatorOutput::Item> items = machine_->take_output().items;
  for (size_t i = 0; i < items.size() && !silent(); ++i) {
    CoordinatorOutput::Item& item = items[i];
    if (auto* message = std::get_if<CoordinatorOutput::Send>(&item)) {
      send(message->connection, message->message);
      last_words_.said(items, i);
    } else if (auto* close = std::get_if<CoordinatorOutput::Close>(&item)) {
      const auto found = visitors_.find(close->connection);
      if (found == visitors_.end()) continue;
      found->second.connection->close(Connection::kListener, close->reason);
      visitors_.erase(found);
    } else if (auto* save = std::get_if<CoordinatorOutput::Save>(&item)) {
      saved_ = std::move(save->snapshot);
    } else if (auto* event = std::get_if<CoordinatorOutput::Event>(&item)) {
      events_.push_back(std::move(event->text));
      if (note_) note_(events_.back());
    }
  }
}

void VirtualCoordinator::send(ConnectionId name, const wire::ToPeer& message) {
  if (std::holds_alternative<wire::Freeze>(message)) rounds_open_ = 1;
  if (std::holds_alternative<wire::Settled>(message)) rounds_open_ = 0;
  const auto found = visitors_.find(name);
  if (found == visitors_.end()) return;
  if (note_ && !std::holds_alternative<wire::CoordinatorHeartbeat>(message)) {
    note_(fmt::format("sends {} to {}", wire::name_of(message), found->second.remote));
  }
  std::string framed;
  wire::append_framed(wire::encode(message), framed);
  found->second.connection->send(Connection::kListener, std::move(framed));
}

bool VirtualCoordinator::drives() const {
  const auto peers = status().peers;
  return std::any_of(peers.begin(), peers.end(),
                     [](const auto& peer) { return peer.standing != "pending"; });
}

TimePoint VirtualCoordinator::next_deadline() const {
  if (machine_ == nullptr || silent()) return kNever;
  return std::max(machine_->next_deadline(), place_.network.awake_at(node_));
}

void VirtualCoordinator::tick() {
  machine_->tick(place_.time.now());
  carry_out();
}

membership::CoordinatorStatus VirtualCoordinator::status() const {
  return machine_ == nullptr ? membership::CoordinatorStatus{} : machine_->status();
}

VirtualCoordinator::Totals VirtualCoordinator::totals() const {
  const membership::CoordinatorStatus now = status();
  return {before_.commits + now.commits, before_.aborts + now.aborts,
          before_.settle_rounds + now.settle_rounds, before_.admissions + now.admissions,
          before_.evictions + now.evictions, before_.replans + now.replans,
          before_.rejoins + now.rejoins, before_.steps_down + now.steps_down,
          before_.resumes + now.resumes, parted_shards_};
}

}  // namespace atoll_core::simulate
