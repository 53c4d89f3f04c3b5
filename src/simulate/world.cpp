#include "simulate/world.h"

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "simulate/process.h"

namespace atoll_core::simulate {

namespace output = engine::output;

namespace {
constexpr uint64_t kStepsAtOneTimeMax = 1'000'000;
}

World::World(WorldConfig config) : config_(std::move(config)), random_(config_.seed) {
  for (size_t address = 0; address < config_.coordinators; ++address) {
    coordinators_.push_back(std::make_unique<VirtualCoordinator>(
        place(), kCoordinatorNode + address, config_.coordinator));
    // The first of them knows that no run is there yet.
    coordinators_.back()->start_first(address == 0);
  }
}

World::~World() = default;

void World::on_note(Note note) {
  note_ = std::move(note);
  for (size_t address = 0; address < coordinators_.size(); ++address) {
    const std::string who = address == 0 ? "coordinator" : "coordinator " + std::to_string(address);
    coordinators_[address]->on_note([this, who](const std::string& what) { note_(who, what); });
  }
}

// ---- processes ---------------------------------------------------------------------------------

World::Process* World::find(ProcessId process) {
  const auto found = processes_.find(process);
  return found == processes_.end() ? nullptr : found->second.get();
}

ProcessId World::spawn(const Identity& identity, const wire::RunMemory& memory) {
  auto process = std::make_unique<Process>();
  process->id = ++last_process_;
  process->name = identity.name;
  engine::EngineConfig config = config_.engine;
  wire::PeerInfo& self = config.membership.self;
  self.name = identity.name;
  self.replica = identity.replica.empty() ? identity.name : identity.replica;
  self.shard = identity.shard;
  self.shard_count = identity.shard_count;
  self.session = SessionId{random_.bits(), random_.bits()};
  process->port = ++last_port_;
  ports_[process->port] = process->id;
  self.endpoints = {address_of(*process)};
  config.membership.coordinators = static_cast<uint32_t>(config_.coordinators);
  config.membership.memory = memory;
  process->last_first = identity.last_first;
  config.trace = [this, id = process->id, name = process->name](const char* point) {
    if (note_) note_(name, point);
    if (trace_) trace_(id, point);
  };
  process->engine = std::make_unique<engine::Engine>(std::move(config));
  const ProcessId id = process->id;
  processes_.emplace(id, std::move(process));
  return id;
}

void World::kill(ProcessId id) {
  Process* process = find(id);
  if (process == nullptr) return;
  if (note_) note_(process->name, "dies");
  if (process->control != nullptr) {
    process->control->abandon(Connection::kDialler, "connection reset by peer");
  }
  for (auto& [key, end] : process->ends) {
    end.connection->abandon(end.end, "connection reset by peer");
  }
  processes_.erase(id);
  network_.thaw(id);
}

void World::kill_soon(ProcessId id) {
  if (Process* process = find(id)) process->dying = true;
}

void World::freeze(ProcessId process, Duration time) {
  stood_still_[process] += time;
  network_.freeze(process, now() + time);
}

Duration World::stood_still(ProcessId process) const {
  const auto found = stood_still_.find(process);
  return found == stood_still_.end() ? Duration{0} : found->second;
}

std::vector<ProcessId> World::living() const {
  std::vector<ProcessId> ids;
  for (const auto& [id, process] : processes_) ids.push_back(id);
  return ids;
}

engine::Engine& World::engine(ProcessId process) { return *processes_.at(process)->engine; }

const engine::Engine& World::engine(ProcessId process) const {
  return *processes_.at(process)->engine;
}

std::optional<Error> World::left(ProcessId process) const {
  const auto found = processes_.find(process);
  return found == processes_.end() ? std::nullopt : found->second->left;
}

engine::CallId World::call(ProcessId id, const Start& start, Ended ended) {
  Process& process = *processes_.at(id);
  const engine::CallId call = process.next_call++;
  process.calls[call] = std::move(ended);
  start(*process.engine, now(), call);
  pump(id);
  run_ended();
  return call;
}

void World::cancel(ProcessId process, engine::CallId call) {
  engine(process).cancel(now(), call);
  pump(process);
  run_ended();
}

void World::leave(ProcessId process, const Error& reason) {
  engine(process).leave(now(), reason);
  pump(process);
  run_ended();
}

// ---- what engines want -------------------------------------------------------------------------

void World::pump(ProcessId id) {
  while (Process* process = find(id)) {
    std::vector<engine::EngineOutput> items;
    process->engine->take_outputs(items);
    process->due = process->engine->next_deadline();
    if (process->dying) items.resize(random_.below(items.size() + 1));
    for (engine::EngineOutput& item : items) carry_out(*process, item);
    if (process->dying) kill(id);
    if (items.empty()) break;
  }
}

void World::carry_out(Process& process, engine::EngineOutput& item) {
  if (const auto* wake = std::get_if<output::WakeWriter>(&item)) {
    schedule_write(process.id, wake->key, Duration{0});
  } else if (auto* ended = std::get_if<engine::CallEnded>(&item)) {
    end_call(process, *ended);
  } else if (auto* send = std::get_if<output::SendControl>(&item)) {
    if (process.control == nullptr) return;
    process.control->send(Connection::kDialler, std::move(send->bytes));
  } else if (auto* request = std::get_if<output::Dial>(&item)) {
    dial(process, *request);
  } else if (auto* begin = std::get_if<output::StartConnection>(&item)) {
    start(process, begin->key);
  } else if (auto* close = std::get_if<output::CloseConnection>(&item)) {
    close_end(process, close->key, close->reason);
  } else if (const auto* open = std::get_if<output::OpenControl>(&item)) {
    open_control(process, open->address);
  } else if (std::holds_alternative<output::CloseControl>(item)) {
    close_control(process);
  } else if (const auto* line = std::get_if<output::Log>(&item)) {
    if (note_) note_(process.name, line->text);
  } else if (const auto* moment = std::get_if<output::Trace>(&item)) {
    if (note_) note_(process.name, moment->point);
    if (trace_) trace_(process.id, moment->point);
  } else if (auto* gone = std::get_if<output::Left>(&item)) {
    if (note_) note_(process.name, "has left the run: " + gone->error.message);
    process.left = std::move(gone->error);
  }
}

void World::end_call(Process& process, engine::CallEnded& ended) {
  const auto found = process.calls.find(ended.call);
  if (found == process.calls.end()) {
    throw std::logic_error("call " + std::to_string(ended.call) + " ended twice");
  }
  ended_.push_back([this, id = process.id, tell = std::move(found->second),
                    result = std::move(ended.result)] {
    if (tell && alive(id)) tell(result);
  });
  process.calls.erase(found);
}

void World::run_ended() {
  if (running_ended_ || stepping_) return;
  running_ended_ = true;
  while (!ended_.empty()) {
    const std::function<void()> tell = std::move(ended_.front());
    ended_.pop_front();
    tell();
  }
  running_ended_ = false;
}

// ---- control connections -----------------------------------------------------------------------

void World::open_control(Process& process, size_t address) {
  const uint64_t dial = ++last_control_;
  process.control_dial = dial;
  if (process.last_first) address = coordinators_.size() - 1 - address;
  const Duration delay = random_.between(config_.control_delays.least, config_.control_delays.most);
  at(process.id, now() + 2 * delay, [this, id = process.id, dial, address] {
    control_arrived(id, dial, address, 0);
  });
}

// Where the way is blocked the kernel asks again after 1 and 3 s; after 5 s the dial has failed.
void World::control_arrived(ProcessId id, uint64_t dial, size_t address, size_t tries) {
  constexpr Duration kNextTry[] = {std::chrono::seconds(1), std::chrono::seconds(2),
                                   std::chrono::seconds(2)};
  Process& process = *find(id);
  if (process.control_dial != dial) return;
  if (tries == std::size(kNextTry)) {
    process.engine->on_control_failed(now(), "connection timed out");
    return pump(id);
  }
  VirtualCoordinator& there = *coordinators_.at(address);
  const TimePoint way = std::max(network_.open_at(id, there.node()),
                                 network_.open_at(there.node(), id));
  if (way > now()) {
    at(id, now() + kNextTry[tries], [this, id, dial, address, tries] {
      control_arrived(id, dial, address, tries + 1);
    });
    return;
  }
  if (!there.running()) {
    process.engine->on_control_failed(now(), "connection refused");
    return pump(id);
  }
  auto connection = std::make_shared<Connection>(place(), config_.control_delays, id, there.node());
  connection->attach(Connection::kDialler,
                     {[this, id](ByteSpan bytes) {
                        find(id)->engine->on_control_bytes(now(), bytes);
                        pump(id);
                      },
                      [this, id](const std::string& reason) {
                        find(id)->control.reset();
                        find(id)->engine->on_control_failed(now(), reason);
                        pump(id);
                      }});
  there.accept(connection, process.name);
  process.control = std::move(connection);
  if (std::exchange(process.moved, false)) {
    process.engine->set_endpoints(now(), {address_of(process)});
  }
  process.engine->on_control_connected(now());
  pump(id);
}

void World::close_control(Process& process) {
  process.control_dial = 0;
  if (process.control == nullptr) return;
  process.control->close(Connection::kDialler, "closed by the peer");
  process.control.reset();
}

bool World::drop_control(ProcessId id) {
  Process* process = find(id);
  if (process == nullptr || process->control == nullptr) return false;
  process->control->cut("connection timed out");
  return true;
}

bool World::half_open_control(ProcessId id) {
  Process* process = find(id);
  if (process == nullptr || process->control == nullptr) return false;
  process->control->forget(random_.one_in(2) ? Connection::kDialler : Connection::kListener,
                           config_.kernel_patience);
  return true;
}

void World::move(ProcessId id) {
  Process* process = find(id);
  if (process == nullptr) return;
  ports_.erase(process->port);
  process->port = ++last_port_;
  ports_[process->port] = id;
  process->moved = true;
  if (process->control != nullptr) process->control->strand(config_.kernel_patience);
  for (auto& [key, end] : process->ends) end.connection->strand(config_.kernel_patience);
}

void World::refuse_dials(ProcessId process) { find(process)->can_be_dialled = false; }

void World::heal() {
  network_.heal(now());
  for (auto& [id, process] : processes_) process->can_be_dialled = true;
}

void World::stop_coordinator(size_t address) {
  if (note_) note_("coordinator", "crashes");
  coordinators_.at(address)->crash();
}

void World::start_coordinator(bool with_snapshot, size_t address) {
  if (note_) note_("coordinator", with_snapshot ? "starts again" : "starts again, knowing nothing");
  coordinators_.at(address)->start(with_snapshot);
}

void World::begin_again(size_t address) {
  stop_coordinator(address);
  if (note_) note_("coordinator " + std::to_string(address), "is started for a new run");
  coordinators_.at(address)->start_for_new_run();
}

TimePoint World::reachable_since(ProcessId process, size_t address) const {
  const NodeId there = coordinators_.at(address)->node();
  return std::max({network_.passable_at(process, there), network_.passable_at(there, process),
                   coordinators_.at(address)->began(),
                   coordinators_.at(address)->overloaded_until()});
}

// ---- time --------------------------------------------------------------------------------------

void World::at(ProcessId process, TimePoint time, std::function<void()> event) {
  time_.at(time, [this, process, event = std::move(event)]() mutable {
    if (!alive(process)) return;
    const TimePoint awake = network_.awake_at(process);
    if (awake > now()) return at(process, awake, std::move(event));
    event();
  });
}

bool World::step() {
  TimePoint due = kNever;
  for (const auto& coordinator : coordinators_) due = std::min(due, coordinator->next_deadline());
  for (const auto& [id, process] : processes_) {
    if (process->due >= due) continue;
    due = std::min(due, std::max(process->due, network_.awake_at(id)));
  }
  const TimePoint next = time_.next();
  if (next == kNever && due == kNever) return false;
  ++steps_;
  stepping_ = true;
  if (next <= due) time_.run_next();
  else tick_due(due);
  stepping_ = false;
  run_ended();
  return true;
}

void World::tick_due(TimePoint time) {
  time_.advance(time);
  for (const auto& coordinator : coordinators_) {
    if (coordinator->next_deadline() <= now()) coordinator->tick();
  }
  for (const ProcessId id : living()) {
    Process* process = find(id);
    if (process == nullptr || process->due > now() || frozen(id)) continue;
    process->engine->tick(now());
    pump(id);
  }
}

bool World::run_until(const std::function<bool()>& done, Duration limit) {
  const TimePoint end = now() + limit;
  uint64_t steps = 0;
  TimePoint last = now();
  run_ended();
  while (!done()) {
    if (now() > end || !step()) return false;
    steps = now() == last ? steps + 1 : 0;
    last = now();
    if (steps > kStepsAtOneTimeMax) throw std::logic_error("time stands still");
  }
  return true;
}

void World::run_for(Duration time) {
  bool over = false;
  after(time, [&over] { over = true; });
  (void)run_until([&over] { return over; }, time);
}

}  // namespace atoll_core::simulate
