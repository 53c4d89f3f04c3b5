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
#include "simulate/last_words.h"
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
    uint64_t parted_shards = 0;  // deaths after which one shard knew of a commit, another did not
  };

  VirtualCoordinator(const Connection::Place& place, NodeId node,
                     membership::CoordinatorConfig config)
      : place_(place), node_(node), config_(std::move(config)) {}

  // Its first life. It knows that there is no run yet, or it has to wait for members of one.
  void start_first(bool no_run_yet);
  // A new life, which knows what the last one saved, or nothing.
  void start(bool with_snapshot);
  void start_for_new_run();
  // It has no place for another connection until then.
  void overload(TimePoint until) { overloaded_until_ = std::max(overloaded_until_, until); }
  TimePoint overloaded_until() const { return overloaded_until_; }
  // Of this life: so many more messages, and it does nothing any more. Who asks for this is told
  // when it has come to that, and sees to its death.
  void fall_silent_after(LastWords::Limit limit, std::function<void()> fallen_silent) {
    last_words_.limit(limit, std::move(fallen_silent));
  }
  void speak_on() { last_words_.lift_limit(); }
  // With the next verdicts; when there is a settle round, nobody knows.
  bool will_fall_silent() const {
    const LastWords::Limit& limit = last_words_.limit();
    return limit.messages > 0 && limit.kind == LastWords::Kind::kVerdicts && drives();
  }
  bool silent() const { return last_words_.silent(); }
  // Its connections break; whoever dials it is refused.
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
  membership::TableSizes table_sizes() const { return machine_->table_sizes(); }
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
  bool has_heard_all(membership::ConnectionId name) const;
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
  LastWords last_words_;
  uint64_t parted_shards_ = 0;
  Totals before_;  // of the lives that are over
  std::vector<std::string> events_;
  Note note_;
};

}  // namespace atoll_core::simulate
