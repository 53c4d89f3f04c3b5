// The coordinator machine and its connections: bytes to messages, outputs to bytes. It owns a
// record per connection from the moment it is accepted until libuv has let go of it.
//
// The machine hears of each connection: connected once, then messages, then at most one of garbage
// and disconnected. Nothing more is delivered of a connection that the machine has closed.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <uv.h>

#include "coordinator/connection.h"
#include "coordinator/event_loop.h"
#include "coordinator/slow_readers.h"
#include "membership/coordinator/coordinator_machine.h"
#include "process/log.h"

namespace atoll_core::coordinator {

struct ControlServerConfig {
  membership::CoordinatorConfig machine;
  Incarnation incarnation;
  // Keeps what the next life of this coordinator should know.
  std::function<void(const wire::Snapshot&)> save;
  size_t connections_max = 0;
  ConnectionLimits connection;
  SlowReaders::Limits slow_readers;
};

class ControlServer final : private ConnectionHandler {
 public:
  // The loop must be drained before the server goes.
  ControlServer(EventLoop& loop, ControlServerConfig config,
                std::shared_ptr<spdlog::logger> logger);
  ~ControlServer();

  // For the listener: takes the socket that was accepted.
  void accept(const Result<int>& socket);
  // For the loop's deadline, and once at the start.
  void tick();
  // For the end of each turn of the loop: what the machine wants done after what has come in it.
  void finish_turn();
  // Why another coordinator drives the run that this one has driven; empty: none does.
  const std::string& stepped_down() const { return stepped_down_; }
  // Closes all connections; they are gone when the loop is drained.
  void close_all();

 private:
  void on_messages(Connection& connection, std::vector<std::string> messages) override;
  void on_bytes(Connection& connection) override;
  void on_garbage(Connection& connection, const Error& error) override;
  void on_broken(Connection& connection, const std::string& reason) override;
  void on_closed(Connection& connection) noexcept override;

  Connection* open_connection(membership::ConnectionId id);
  void turn_away(Connection& connection);
  void cut_lingering();
  void carry_out_outputs();
  void carry_out(const membership::CoordinatorOutput::Send& send);
  void carry_out(const membership::CoordinatorOutput::Close& close);
  void carry_out(const membership::CoordinatorOutput::Event& event);
  void carry_out(const membership::CoordinatorOutput::Save& save);
  void carry_out(const membership::CoordinatorOutput::Drives& drives);
  void mark_broken(Connection& connection, const std::string& reason);
  // True: some were.
  bool give_up_slow_readers();

  EventLoop& loop_;
  ControlServerConfig config_;
  std::shared_ptr<spdlog::logger> logger_;
  membership::CoordinatorMachine machine_;
  size_t queued_in_all_ = 0;  // bytes that wait to be sent
  SlowReaders slow_readers_;
  std::map<membership::ConnectionId, std::unique_ptr<Connection>> connections_;
  uint64_t last_connection_ = 0;
  std::string stepped_down_;
  std::vector<membership::ConnectionId> to_flush_;
  // Broke while it was written to; the machine hears of it when its outputs have been carried out.
  std::vector<std::pair<membership::ConnectionId, std::string>> broken_;
  std::array<std::byte, 64 * 1024> read_buffer_;
};

}  // namespace atoll_core::coordinator
