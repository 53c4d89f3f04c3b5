// One real coordinator machine and real peer machines, wired in memory in virtual time. Each
// control connection is a queue in each direction; whoever drives the world says when the next
// message of which queue arrives, so that every interleaving that TCP allows can be made.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "membership/coordinator/coordinator_machine.h"
#include "support/scenario_peer.h"

namespace atoll_core::scenario {

struct Broken {  // the end of a connection
  std::string reason;
};

struct Pipe {
  std::string peer;
  std::deque<std::variant<wire::ToCoordinator, Broken>> up;
  std::deque<std::variant<wire::ToPeer, Broken>> down;
  bool coordinator_open = true;
  bool peer_open = true;
  bool silent = false;  // what is sent from now on is lost, whether an end has noticed or not
};

class ScenarioWorld {
 public:
  using Trace = std::function<void(const std::string& line)>;
  // Called for each output of a peer after the model engine has absorbed it.
  using Watch = std::function<void(const std::string& peer, const membership::PeerOutput& output)>;

  ScenarioWorld(membership::CoordinatorConfig config, Incarnation incarnation);

  void on_trace(Trace trace) { trace_ = std::move(trace); }
  void on_output(Watch watch) { watch_ = std::move(watch); }

  // ---- peers
  ScenarioPeer& add_peer(const std::string& name, membership::PeerConfig config);
  ScenarioPeer* find(const std::string& name);
  std::string name_of(PeerId peer) const;
  // The process is gone: its machine with it, and its connection breaks.
  void kill(const std::string& name);
  void remove(const std::string& name) { peers_.erase(name); }
  std::map<std::string, std::unique_ptr<ScenarioPeer>>& peers() { return peers_; }

  // Another life of the coordinator; what was on its way is lost.
  void restart_coordinator(membership::CoordinatorConfig config, Incarnation incarnation);

  // ---- connections
  bool dialling(const std::string& name) const { return dialling_.count(name) != 0; }
  void answer_dial(const std::string& name, bool success, const std::string& reason);
  // The present connection of a peer, if any.
  std::optional<membership::ConnectionId> connection(const std::string& name) const;
  std::map<membership::ConnectionId, Pipe>& pipes() { return pipes_; }
  bool deliver_up(membership::ConnectionId connection);    // one message; false: none was there
  bool deliver_down(membership::ConnectionId connection);
  // A connection without a peer machine, for what no peer machine would send.
  membership::ConnectionId open_raw(const std::string& name);
  void send_raw(membership::ConnectionId connection, wire::ToCoordinator message);

  // ---- time
  TimePoint now() const { return now_; }
  TimePoint next_deadline() const;
  // Moves the clock and runs what is due.
  void advance_to(TimePoint time);

  membership::CoordinatorMachine& coordinator() { return *coordinator_; }
  // Carries out what the machines want; to be called after every direct call of a machine.
  void pump();

 private:
  void pump_coordinator();
  bool pump_peer(const std::string& name, ScenarioPeer& peer);
  void carry_out(const std::string& name, const membership::PeerOutput& output);
  void trace(const std::string& line) {
    if (trace_) trace_(line);
  }

  TimePoint now_{};
  std::unique_ptr<membership::CoordinatorMachine> coordinator_;
  std::map<std::string, std::unique_ptr<ScenarioPeer>> peers_;
  std::map<PeerId, std::string> names_;
  std::map<std::string, membership::ConnectionId> current_;
  std::map<std::string, bool> dialling_;
  std::map<membership::ConnectionId, Pipe> pipes_;
  uint64_t last_connection_ = 0;
  Trace trace_;
  Watch watch_;
};

}  // namespace atoll_core::scenario
