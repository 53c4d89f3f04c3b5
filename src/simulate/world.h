// Real engines and real coordinator machines in one process, in virtual time: control connections
// and data connections are byte pipes with delays that can be cut, blocked and forgotten; processes
// can die, stand still and come back at any moment. No sockets, no threads; a seed replays.
//
// What a machine throws (BrokenInvariant) comes out of step() and call().
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "simulate/connection.h"
#include "simulate/network.h"
#include "simulate/random.h"
#include "simulate/virtual_coordinator.h"
#include "simulate/virtual_time.h"

namespace atoll_core::simulate {

// One life of a peer: a peer that comes back is another process. Its node in the network, too.
using ProcessId = NodeId;

// What data connections between two processes have beside the delays of all; the same both ways.
struct Path {
  Duration longer{0};
  uint64_t bytes_per_second = 0;  // of a connection; 0: as of all
};

struct WorldConfig {
  uint64_t seed = 1;
  Delays control_delays;
  Delays data_delays;
  size_t bytes_per_move_max = 64u << 10;      // moved by one read or write
  size_t bytes_in_flight_max = 256u << 10;    // of one direction of a data connection
  uint64_t bytes_per_second = 50'000'000;     // of one direction of a data connection
  std::function<Path(ProcessId, ProcessId)> path;  // none: all are alike
  // After so long a kernel gives up a connection over which nothing comes back.
  Duration kernel_patience = std::chrono::seconds(20);
  size_t coordinators = 1;                    // addresses, a coordinator at each
  membership::CoordinatorConfig coordinator;
  engine::EngineConfig engine;                // of all; who they are is filled in
};

struct Identity {
  std::string name;
  std::string replica;  // empty: as the name
  uint32_t shard = 0;
  uint32_t shard_count = 1;
  bool last_first = false;  // was given the coordinators' addresses in the other order
};

class World {
 public:
  using Start = std::function<void(engine::Engine&, TimePoint now, engine::CallId)>;
  using Ended = std::function<void(const Result<engine::CallInfo>&)>;
  // Told each moment that an engine traces; may call kill_soon().
  using Trace = std::function<void(ProcessId, const char* point)>;
  // Told what happens, for those who want to read it.
  using Note = std::function<void(const std::string& who, const std::string& what)>;

  explicit World(WorldConfig config);
  ~World();

  // ---- processes
  // `memory`: what its communicator remembers of its last session.
  ProcessId spawn(const Identity& identity, const wire::RunMemory& memory = {});
  // Dead at once: its connections break, its listener refuses.
  void kill(ProcessId process);
  // Dies in the middle of what it is doing: some of its last outputs are not carried out.
  void kill_soon(ProcessId process);
  // Stands still for so long, as if by SIGSTOP.
  void freeze(ProcessId process, Duration time);
  // For how long at most it has stood still in all.
  Duration stood_still(ProcessId process) const;
  bool frozen(ProcessId process) const { return network_.awake_at(process) > now(); }
  bool alive(ProcessId process) const { return processes_.count(process) != 0; }
  std::vector<ProcessId> living() const;
  const engine::Engine& engine(ProcessId process) const;
  engine::Engine& engine(ProcessId process);
  // Set once its engine has left the run.
  std::optional<Error> left(ProcessId process) const;
  void on_trace(Trace trace) { trace_ = std::move(trace); }
  void on_note(Note note);
  // For the same reader.
  void tell(const std::string& who, const std::string& what) const {
    if (note_) note_(who, what);
  }

  // `start` runs at once. `ended` is called when no engine is at work; it may make calls. It is
  // not called any more once the process is dead.
  engine::CallId call(ProcessId process, const Start& start, Ended ended = {});
  void cancel(ProcessId process, engine::CallId call);
  void leave(ProcessId process, const Error& reason);

  // ---- faults
  // One of the data connections of this process; false: it has none.
  bool cut_connection(ProcessId process);
  bool drop_control(ProcessId process);
  // One end of a connection is told that it is gone, the other is not.
  bool half_open_connection(ProcessId process);
  bool half_open_control(ProcessId process);
  void block(NodeId from, NodeId to, Duration time) { network_.block(from, to, now() + time); }
  // From now on neither can dial the other (it hears nothing); connections that stand are cut.
  void separate(ProcessId one, ProcessId other);
  // A byte of what this process receives next on a data connection is changed.
  void corrupt_next_byte(ProcessId process);
  // From now on all that dial it are refused, until heal(); connections that stand do not care.
  void refuse_dials(ProcessId process);
  // It has another address: nothing passes over its connections any more, of which nobody is told,
  // and nobody listens at the old one. It finds out when it connects to a coordinator again.
  void move(ProcessId process);
  void stop_coordinator(size_t address = 0);
  // Another life of it, which knows what was saved, or nothing.
  void start_coordinator(bool with_snapshot, size_t address = 0);
  void freeze_coordinator(Duration time, size_t address = 0) {
    network_.freeze(coordinator(address).node(), now() + time);
  }
  // A coordinator is stopped, and started for a new run.
  void begin_again(size_t address = 0);
  // Since when nothing has kept this process and this coordinator from each other.
  TimePoint reachable_since(ProcessId process, size_t address) const;
  size_t coordinators() const { return coordinators_.size(); }
  uint32_t min_replicas() const { return config_.coordinator.min_replicas; }
  // No direction is blocked, nobody stands still.
  void heal();

  // ---- time
  TimePoint now() const { return time_.now(); }
  void after(Duration delay, std::function<void()> event) { time_.after(delay, std::move(event)); }
  // Something that this process does: later if it stands still then, never if it is dead.
  void after(ProcessId process, Duration delay, std::function<void()> event) {
    at(process, now() + delay, std::move(event));
  }
  // The next thing happens; false: nothing is left to happen.
  bool step();
  uint64_t steps() const { return steps_; }
  // True: `done` came true within `limit`.
  bool run_until(const std::function<bool()>& done, Duration limit);
  void run_for(Duration time);

  Random& random() { return random_; }
  VirtualCoordinator& coordinator(size_t address = 0) { return *coordinators_.at(address); }
  const VirtualCoordinator& coordinator(size_t address = 0) const {
    return *coordinators_.at(address);
  }
  membership::CoordinatorStatus coordinator_status() const { return coordinator().status(); }
  // What the coordinator told of itself, for those who look into a failure.
  const std::vector<std::string>& events() const { return coordinator().events(); }

 private:
  struct DataEnd;
  struct Process;

  Process* find(ProcessId process);
  void at(ProcessId process, TimePoint time, std::function<void()> event);
  void pump(ProcessId process);
  void carry_out(Process& process, engine::EngineOutput& item);
  void end_call(Process& process, engine::CallEnded& ended);
  void run_ended();
  void tick_due(TimePoint time);

  void open_control(Process& process, size_t address);
  void control_arrived(ProcessId process, uint64_t dial, size_t address, size_t tries);
  void close_control(Process& process);

  Path path_between(ProcessId one, ProcessId other) const;
  Delays data_delays(ProcessId one, ProcessId other) const;
  void dial(Process& process, const engine::output::Dial& request);
  void answer_dial(ProcessId dialler, ProcessId listener, const engine::output::Dial& request);
  // Who listens, or did, at this address.
  ProcessId listener_at(const Endpoint& address) const;
  static Endpoint address_of(const Process& process);
  void finish_dial(ProcessId dialler, engine::DialId dial, engine::DialResult result);
  void finish_dial_later(ProcessId dialler, engine::DialId dial, Duration delay,
                         const engine::DialResult& result);
  link::ConnectionKey adopt(Process& process, std::shared_ptr<Connection> connection,
                            Connection::End end);
  void start(Process& process, link::ConnectionKey key);
  void close_end(Process& process, link::ConnectionKey key, const std::string& reason);
  void end_closed(ProcessId process, link::ConnectionKey key, const std::string& reason);
  DataEnd* random_end(ProcessId process);
  void read(ProcessId process, link::ConnectionKey key);
  void schedule_write(ProcessId process, link::ConnectionKey key, Duration delay);
  void write(ProcessId process, link::ConnectionKey key);

  Connection::Place place() { return {time_, random_, network_}; }

  const WorldConfig config_;
  Random random_;
  VirtualTime time_;
  Network network_;
  std::map<ProcessId, std::unique_ptr<Process>> processes_;
  std::vector<std::unique_ptr<VirtualCoordinator>> coordinators_;
  ProcessId last_process_ = 0;
  std::map<uint16_t, ProcessId> ports_;  // all that were ever used, but for those moved away from
  uint16_t last_port_ = 0;
  uint64_t last_control_ = 0;
  std::deque<std::function<void()>> ended_;
  bool running_ended_ = false;
  bool stepping_ = false;
  uint64_t steps_ = 0;
  std::map<ProcessId, Duration> stood_still_;
  Trace trace_;
  Note note_;
};

}  // namespace atoll_core::simulate
