#include "simulate/world.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "simulate/process.h"

namespace atoll_core::simulate {

namespace output = engine::output;
using membership::ConnectionId;
using membership::CoordinatorOutput;

namespace {
constexpr uint64_t kStepsAtOneTimeMax = 1'000'000;
}

World::World(WorldConfig config)
    : config_(std::move(config)),
      random_(config_.seed),
      coordinator_(std::make_unique<membership::CoordinatorMachine>(
          config_.coordinator,
          Incarnation{1, static_cast<uint32_t>(random_.between(1, 0xFFFFFFFFu))})) {}

World::~World() = default;

// ---- processes ---------------------------------------------------------------------------------

World::Process* World::find(ProcessId process) {
  const auto found = processes_.find(process);
  return found == processes_.end() ? nullptr : found->second.get();
}

ProcessId World::spawn(const Identity& identity) {
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
  self.endpoints = {Endpoint{"virtual", static_cast<uint16_t>(process->id)}};
  config.trace = [this, id = process->id](const char* point) {
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
  if (process->control != nullptr) {
    process->control->abandon(Connection::kDialler, "connection reset by peer");
  }
  for (auto& [key, end] : process->ends) {
    end.connection->abandon(end.end, "connection reset by peer");
  }
  processes_.erase(id);
}

void World::kill_soon(ProcessId id) {
  if (Process* process = find(id)) process->dying = true;
}

std::vector<ProcessId> World::living() const {
  std::vector<ProcessId> ids;
  for (const auto& [id, process] : processes_) ids.push_back(id);
  return ids;
}

engine::Engine& World::engine(ProcessId process) { return *processes_.at(process)->engine; }

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
    std::vector<engine::EngineOutput> items = process->engine->take_outputs();
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
    const auto found = process.calls.find(ended->call);
    if (found == process.calls.end()) {
      throw std::logic_error("call " + std::to_string(ended->call) + " ended twice");
    }
    ended_.push_back([this, id = process.id, tell = std::move(found->second),
                      result = std::move(ended->result)] {
      if (tell && alive(id)) tell(result);
    });
    process.calls.erase(found);
  } else if (auto* send = std::get_if<output::SendControl>(&item)) {
    if (process.control == nullptr) return;
    process.control->send(Connection::kDialler, std::move(send->bytes));
  } else if (auto* request = std::get_if<output::Dial>(&item)) {
    dial(process, *request);
  } else if (auto* begin = std::get_if<output::StartConnection>(&item)) {
    start(process, begin->key);
  } else if (auto* close = std::get_if<output::CloseConnection>(&item)) {
    close_end(process, close->key, close->reason);
  } else if (std::holds_alternative<output::OpenControl>(item)) {
    open_control(process);
  } else if (std::holds_alternative<output::CloseControl>(item)) {
    close_control(process);
  } else if (auto* gone = std::get_if<output::Left>(&item)) {
    process.left = std::move(gone->error);
  }
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

void World::open_control(Process& process) {
  const uint64_t dial = ++last_control_;
  process.control_dial = dial;
  const Duration delay = random_.between(config_.control_delays.least, config_.control_delays.most);
  time_.after(2 * delay, [this, id = process.id, dial] {
    const Process* dialler = find(id);
    if (dialler != nullptr && dialler->control_dial == dial) control_arrived(id);
  });
}

void World::control_arrived(ProcessId id) {
  Process& process = *find(id);
  if (coordinator_ == nullptr) {
    process.engine->on_control_failed(now(), "connection refused");
    pump(id);
    return;
  }
  auto connection = std::make_shared<Connection>(time_, random_, config_.control_delays);
  const ConnectionId name{process.control_dial};
  connection->attach(Connection::kListener,
                     {[this, name](ByteSpan bytes) { coordinator_received(name, bytes); },
                      [this, name](const std::string& reason) {
                        coordinator_ends_.erase(name);
                        coordinator_->on_disconnected(now(), name, reason);
                        pump_coordinator();
                      }});
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
  coordinator_ends_.emplace(name, CoordinatorEnd{connection, wire::ControlFramer()});
  connection->send(Connection::kListener, std::string(wire::kControlPreamble));
  coordinator_->on_connected(now(), name, "virtual-" + process.name);
  pump_coordinator();
  process.control = std::move(connection);
  process.engine->on_control_connected(now());
  pump(id);
}

void World::close_control(Process& process) {
  process.control_dial = 0;
  if (process.control == nullptr) return;
  process.control->close(Connection::kDialler, "closed by the peer");
  process.control.reset();
}

void World::coordinator_received(ConnectionId connection, ByteSpan bytes) {
  std::vector<std::string> messages;
  Result<void> fed = coordinator_ends_.at(connection).framer.feed(bytes, messages);
  for (const std::string& message : messages) {
    if (coordinator_ends_.count(connection) == 0) return;
    Result<wire::ToCoordinator> decoded = wire::decode_to_coordinator(message);
    if (!decoded) {
      fed = tl::unexpected<Error>(decoded.error());
      break;
    }
    coordinator_->on_message(now(), connection, std::move(*decoded));
    pump_coordinator();
  }
  if (fed || coordinator_ends_.count(connection) == 0) return;
  coordinator_->on_garbage(now(), connection, fed.error());
  pump_coordinator();
}

void World::pump_coordinator() {
  for (CoordinatorOutput::Item& item : coordinator_->take_output().items) {
    if (auto* send = std::get_if<CoordinatorOutput::Send>(&item)) {
      const auto found = coordinator_ends_.find(send->connection);
      if (found == coordinator_ends_.end()) continue;
      std::string framed;
      wire::append_framed(wire::encode(send->message), framed);
      found->second.connection->send(Connection::kListener, std::move(framed));
    } else if (auto* close = std::get_if<CoordinatorOutput::Close>(&item)) {
      const auto found = coordinator_ends_.find(close->connection);
      if (found == coordinator_ends_.end()) continue;
      found->second.connection->close(Connection::kListener, close->reason);
      coordinator_ends_.erase(found);
    } else {
      events_.push_back(std::get<CoordinatorOutput::Event>(item).text);
    }
  }
}

membership::CoordinatorStatus World::coordinator_status() const {
  return coordinator_->status();
}

bool World::drop_control(ProcessId id) {
  Process* process = find(id);
  if (process == nullptr || process->control == nullptr) return false;
  process->control->cut("connection timed out");
  return true;
}

void World::stop_coordinator() {
  for (auto& [name, end] : coordinator_ends_) {
    end.connection->abandon(Connection::kListener, "connection reset by peer");
  }
  coordinator_ends_.clear();
  coordinator_.reset();
}

// ---- time --------------------------------------------------------------------------------------

bool World::step() {
  TimePoint due = coordinator_ == nullptr ? kNever : coordinator_->next_deadline();
  for (const auto& [id, process] : processes_) {
    due = std::min(due, process->engine->next_deadline());
  }
  const TimePoint next = time_.next();
  if (next == kNever && due == kNever) return false;
  stepping_ = true;
  if (next <= due) time_.run_next();
  else tick_due(due);
  stepping_ = false;
  run_ended();
  return true;
}

void World::tick_due(TimePoint time) {
  time_.advance(time);
  if (coordinator_ != nullptr && coordinator_->next_deadline() <= now()) {
    coordinator_->tick(now());
    pump_coordinator();
  }
  for (const ProcessId id : living()) {
    Process* process = find(id);
    if (process == nullptr || process->engine->next_deadline() > now()) continue;
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
