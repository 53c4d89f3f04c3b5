// A coordinator at one address: the real machine, its control connections, and what it takes to
// let it crash and start again.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "membership/coordinator/coordinator_machine.h"
#include "simulate/connection.h"
#include "wire/control_framing.h"

namespace atoll_core::simulate {

class VirtualCoordinator {
 public:
  // Told what it says to whom, and what it notes: for traces.
  using Note = std::function<void(const std::string& what)>;

  struct Totals {  // of all its lives
    uint64_t commits = 0;
    uint64_t aborts = 0;
    uint64_t settle_rounds = 0;
    uint64_t admissions = 0;
    uint64_t evictions = 0;
    uint64_t replans = 0;
    uint64_t rejoins = 0;
    uint64_t steps_down = 0;
    uint64_t resumes = 0;
  };

  VirtualCoordinator(const Connection::Place& place, NodeId node,
                     membership::CoordinatorConfig config)
      : place_(place), node_(node), config_(std::move(config)) {}

  // Its first life. It knows that there is no run yet, or it has to wait for members of one.
  void start_first(bool no_run_yet);
  // A new life, which knows what the last one saved, or nothing.
  void start(bool with_snapshot);
  void start_for_new_run();
  // Its connections break; whoever dials it is refused.
  // It has no place for another connection until then.
  void overload(TimePoint until) { overloaded_until_ = std::max(overloaded_until_, until); }
  TimePoint overloaded_until() const { return overloaded_until_; }
  void crash();
  bool running() const { return machine_ != nullptr; }
  bool drives() const;  // a run, with members
  bool for_new_run() const { return for_new_run_; }  // its present life
  TimePoint began() const { return began_; }  // its present life
  NodeId node() const { return node_; }

  // The listener's end of `connection` is its.
  void accept(const std::shared_ptr<Connection>& connection, const std::string& remote);
  // For those who run it: when it wants to be ticked; never while it stands still.
  TimePoint next_deadline() const;
  void tick();

  membership::CoordinatorStatus status() const;
  Totals totals() const;
  // A settle round is open.
  bool settling() const { return rounds_open_ > 0; }
  const std::vector<std::string>& events() const { return events_; }
  void on_note(Note note) { note_ = std::move(note); }

 private:
  struct Visitor {
    std::shared_ptr<Connection> connection;
    std::string remote;
    wire::ControlFramer framer;
  };

  void begin(uint32_t incarnation, const membership::StartFacts& facts);
  void received(membership::ConnectionId name, ByteSpan bytes);
  void disconnected(membership::ConnectionId name, const std::string& reason);
  void turn_away(Connection& connection);
  void carry_out();
  void send(membership::ConnectionId name, const wire::ToPeer& message);

  const Connection::Place place_;
  const NodeId node_;
  const membership::CoordinatorConfig config_;
  TimePoint overloaded_until_{};
  std::unique_ptr<membership::CoordinatorMachine> machine_;
  std::optional<wire::Snapshot> saved_;
  uint64_t last_connection_ = 0;
  uint64_t rounds_open_ = 0;
  TimePoint began_{};
  bool for_new_run_ = false;
  std::map<membership::ConnectionId, Visitor> visitors_;
  Totals before_;  // of the lives that are over
  std::vector<std::string> events_;
  Note note_;
};

}  // namespace atoll_core::simulate
