#include "coordinator/control_server.h"

#include <variant>

#include "base/limits.h"
#include "wire/control.h"
#include "wire/sendable.h"

namespace atoll_core::coordinator {

ControlServer::ControlServer(EventLoop& loop, ControlServerConfig config,
                             std::shared_ptr<spdlog::logger> logger)
    : loop_(loop),
      config_(std::move(config)),
      logger_(std::move(logger)),
      machine_(config_.machine, config_.incarnation),
      slow_readers_(config_.slow_readers) {
  config_.connection.queued_in_all = &queued_in_all_;
}

ControlServer::~ControlServer() = default;

void ControlServer::accept(const Result<int>& socket) {
  if (!socket) {
    logger_->warn("{}", socket.error().message);
    return;
  }
  const membership::ConnectionId id{++last_connection_};
  ConnectionHandler& handler = *this;
  auto owned = std::make_unique<Connection>(loop_, id, handler, config_.connection, read_buffer_);
  Connection& connection = *connections_.emplace(id, std::move(owned)).first->second;
  if (const auto accepted = connection.accept(*socket); !accepted) {
    logger_->warn("{}", accepted.error().message);
    connection.abort();
    return;
  }
  if (connections_.size() > config_.connections_max) {
    const bool room = machine_.make_room(EventLoop::now());
    finish_turn();
    cut_lingering();
    if (!room) return turn_away(connection);
  }
  to_flush_.push_back(id);
  machine_.on_connected(EventLoop::now(), id, connection.remote());
}

// Those that are closed wait for the other side to close, too; not when others need their place.
void ControlServer::cut_lingering() {
  size_t left = connections_.size();
  for (const auto& [id, connection] : connections_) {
    if (left-- <= config_.connections_max + limits::kTurnedAway) return;
    if (connection->open()) continue;
    connection->abort();
    return;  // one for each that comes
  }
}

void ControlServer::turn_away(Connection& connection) {
  const wire::Refused refused{
      ErrorCode::kSystemError,
      fmt::format("this coordinator has {} registered peers, which is its limit: try again",
                  config_.connections_max)};
  logger_->warn("{} turned away: {}", connection.remote(), refused.reason);
  const bool room = connections_.size() <= config_.connections_max + limits::kTurnedAway;
  if (!room || !connection.send(wire::encode(wire::ToPeer(refused)))) {
    connection.abort();
    return;
  }
  connection.close_after_flush();
}

void ControlServer::tick() {
  machine_.tick(EventLoop::now());
  finish_turn();
}

void ControlServer::close_all() {
  for (const auto& [id, connection] : connections_) connection->abort();
}

void ControlServer::on_messages(Connection& connection, std::vector<std::string> messages) {
  for (const std::string& bytes : messages) {
    auto message = wire::decode_to_coordinator(bytes);
    if (!message) {
      on_garbage(connection, message.error());
      return;
    }
    machine_.on_message(EventLoop::now(), connection.id(), std::move(*message));
  }
}

void ControlServer::on_bytes(Connection& connection) {
  machine_.on_bytes(EventLoop::now(), connection.id());
}

void ControlServer::on_garbage(Connection& connection, const Error& error) {
  logger_->warn("{} sent what is no message: {}", connection.remote(), error.message);
  machine_.on_garbage(EventLoop::now(), connection.id(), error);
  finish_turn();
  connection.close_after_flush();
}

void ControlServer::on_broken(Connection& connection, const std::string& reason) {
  machine_.on_disconnected(EventLoop::now(), connection.id(), reason);
}

void ControlServer::on_closed(Connection& connection) noexcept {
  const membership::ConnectionId id = connection.id();  // a copy: erasing takes it away
  connections_.erase(id);
}

Connection* ControlServer::open_connection(membership::ConnectionId id) {
  const auto found = connections_.find(id);
  return found != connections_.end() && found->second->open() ? found->second.get() : nullptr;
}

void ControlServer::carry_out_outputs() {
  for (;;) {
    const membership::CoordinatorOutput output = machine_.take_output();
    if (output.items.empty() && broken_.empty()) return;
    for (const auto& item : output.items) {
      std::visit([this](const auto& specific) { carry_out(specific); }, item);
    }
    for (const auto& [id, reason] : std::exchange(broken_, {})) {
      machine_.on_disconnected(EventLoop::now(), id, reason);
    }
  }
}

void ControlServer::carry_out(const membership::CoordinatorOutput::Send& send) {
  Connection* connection = open_connection(send.connection);
  if (connection == nullptr) return;
  const Result<std::string> bytes = wire::encode_sendable(send.message);
  const Result<void> sent = bytes ? connection->send(*bytes) : tl::make_unexpected(bytes.error());
  if (sent) return to_flush_.push_back(send.connection);
  mark_broken(*connection, sent.error().message);
}

void ControlServer::carry_out(const membership::CoordinatorOutput::Close& close) {
  Connection* connection = open_connection(close.connection);
  if (connection == nullptr) return;
  logger_->debug("close {}: {}", connection->remote(), close.reason);
  connection->close_after_flush();
}

void ControlServer::carry_out(const membership::CoordinatorOutput::Event& event) {
  if (event.routine) logger_->debug("{}", event.text);
  else logger_->info("{}", event.text);
}

void ControlServer::carry_out(const membership::CoordinatorOutput::Save& save) {
  if (config_.save) config_.save(save.snapshot);
}

void ControlServer::carry_out(const membership::CoordinatorOutput::Drives& drives) {
  stepped_down_ = drives.not_because;
  if (stepped_down_.empty()) return;
  logger_->warn("this coordinator has stepped down: {}", stepped_down_);
}

void ControlServer::mark_broken(Connection& connection, const std::string& reason) {
  connection.abort();
  broken_.emplace_back(connection.id(), reason);
}

bool ControlServer::give_up_slow_readers() {
  if (!slow_readers_.too_much(queued_in_all_)) {
    slow_readers_.forget();
    return false;
  }
  std::vector<SlowReaders::Queue> queues;
  for (const auto& [id, connection] : connections_) {
    const size_t queued = connection->queued();
    if (queued > 0) queues.push_back({id, queued, connection->taken()});
  }
  const auto chosen = slow_readers_.choose(EventLoop::now(), std::move(queues));
  for (const membership::ConnectionId id : chosen) {
    Connection& connection = *connections_.at(id);
    const std::string reason = fmt::format(
        "{} does not read: {} bytes wait to be sent to it, and {} in all", connection.remote(),
        connection.queued(), queued_in_all_);
    logger_->warn("{}", reason);
    if (connection.open()) mark_broken(connection, reason);
    else connection.abort();
  }
  return !chosen.empty();
}

// What came of all connections has been fed in: rosters and views are made once of it, and what was
// queued for a connection is written at once.
void ControlServer::finish_turn() {
  do {
    carry_out_outputs();
    for (const membership::ConnectionId id : std::exchange(to_flush_, {})) {
      Connection* connection = open_connection(id);
      if (connection == nullptr) continue;
      if (const auto flushed = connection->flush(); !flushed) {
        mark_broken(*connection, flushed.error().message);
      }
    }
  } while (give_up_slow_readers() || !broken_.empty());
  loop_.set_deadline(machine_.next_deadline());
}

}  // namespace atoll_core::coordinator
