// Real engines and a real coordinator machine in one process, in virtual time: control connections
// and data connections are byte pipes with delays that can be cut, processes can die at any moment.
// No sockets, no threads; a seed replays.
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
#include "membership/coordinator_machine.h"
#include "simulate/connection.h"
#include "simulate/virtual_time.h"
#include "wire/control_framing.h"

namespace atoll_core::simulate {

// One life of a peer: a peer that comes back is another process.
using ProcessId = uint64_t;

struct WorldConfig {
  uint64_t seed = 1;
  Delays control_delays;
  Delays data_delays;
  size_t bytes_per_move_max = 64u << 10;      // moved by one read or write
  size_t bytes_in_flight_max = 256u << 10;    // of one direction of a data connection
  uint64_t bytes_per_second = 50'000'000;     // of one direction of a data connection
  membership::CoordinatorConfig coordinator;
  engine::EngineConfig engine;                // of all; who they are is filled in
};

struct Identity {
  std::string name;
  std::string replica;  // empty: as the name
  uint32_t shard = 0;
  uint32_t shard_count = 1;
};

class World {
 public:
  using Start = std::function<void(engine::Engine&, TimePoint now, engine::CallId)>;
  using Ended = std::function<void(const Result<engine::CallInfo>&)>;
  // Told each moment that an engine traces; may call kill_soon().
  using Trace = std::function<void(ProcessId, const char* point)>;

  explicit World(WorldConfig config);
  ~World();

  // ---- processes
  ProcessId spawn(const Identity& identity);
  // Dead at once: its connections break, its listener refuses.
  void kill(ProcessId process);
  // Dies in the middle of what it is doing: some of its last outputs are not carried out.
  void kill_soon(ProcessId process);
  bool alive(ProcessId process) const { return processes_.count(process) != 0; }
  std::vector<ProcessId> living() const;
  engine::Engine& engine(ProcessId process);
  // Set once its engine has left the run.
  std::optional<Error> left(ProcessId process) const;
  void on_trace(Trace trace) { trace_ = std::move(trace); }

  // `start` runs at once. `ended` is called when no engine is at work; it may make calls. It is
  // not called any more once the process is dead.
  engine::CallId call(ProcessId process, const Start& start, Ended ended = {});
  void cancel(ProcessId process, engine::CallId call);
  void leave(ProcessId process, const Error& reason);

  // ---- faults
  // One of the data connections of this process; false: it has none.
  bool cut_connection(ProcessId process);
  bool drop_control(ProcessId process);
  void stop_coordinator();
  // From now on neither can dial the other (it hears nothing); connections that stand are cut.
  void separate(ProcessId one, ProcessId other);
  // A byte of what this process receives next on a data connection is changed.
  void corrupt_next_byte(ProcessId process);

  // ---- time
  TimePoint now() const { return time_.now(); }
  void after(Duration delay, std::function<void()> event) { time_.after(delay, std::move(event)); }
  // The next thing happens; false: nothing is left to happen.
  bool step();
  // True: `done` came true within `limit`.
  bool run_until(const std::function<bool()>& done, Duration limit);
  void run_for(Duration time);

  Random& random() { return random_; }
  membership::CoordinatorStatus coordinator_status() const;
  // What the coordinator told of itself, for those who look into a failure.
  const std::vector<std::string>& events() const { return events_; }

 private:
  struct DataEnd;
  struct Process;
  struct CoordinatorEnd;

  Process* find(ProcessId process);
  void pump(ProcessId process);
  void carry_out(Process& process, engine::EngineOutput& item);
  void run_ended();
  void tick_due(TimePoint time);

  void open_control(Process& process);
  void control_arrived(ProcessId process);
  void close_control(Process& process);
  void coordinator_received(membership::ConnectionId connection, ByteSpan bytes);
  void pump_coordinator();

  void dial(Process& process, const engine::output::Dial& request);
  void answer_dial(ProcessId dialler, ProcessId listener, const engine::output::Dial& request);
  void finish_dial(ProcessId dialler, engine::DialId dial, const engine::DialResult& result);
  link::ConnectionKey adopt(Process& process, std::shared_ptr<Connection> connection,
                            Connection::End end);
  void start(Process& process, link::ConnectionKey key);
  void close_end(Process& process, link::ConnectionKey key, const std::string& reason);
  void end_closed(ProcessId process, link::ConnectionKey key, const std::string& reason);
  void read(ProcessId process, link::ConnectionKey key);
  void schedule_write(ProcessId process, link::ConnectionKey key, Duration delay);
  void write(ProcessId process, link::ConnectionKey key);

  const WorldConfig config_;
  Random random_;
  VirtualTime time_;
  std::map<ProcessId, std::unique_ptr<Process>> processes_;
  std::unique_ptr<membership::CoordinatorMachine> coordinator_;
  std::map<membership::ConnectionId, CoordinatorEnd> coordinator_ends_;
  std::map<std::pair<ProcessId, ProcessId>, bool> separated_;
  ProcessId last_process_ = 0;
  uint64_t last_control_ = 0;
  std::deque<std::function<void()>> ended_;
  bool running_ended_ = false;
  bool stepping_ = false;
  std::vector<std::string> events_;
  Trace trace_;
};

}  // namespace atoll_core::simulate
