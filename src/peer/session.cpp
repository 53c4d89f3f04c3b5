#include "peer/session.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"
#include "base/text.h"
#include "crypto/random.h"
#include "device/computer.h"
#include "device/huge_pages.h"
#include "kernels/float_environment.h"
#include "peer/stream.h"
#include "process/cancellation.h"
#include "process/thread.h"
#include "transport/listening_place.h"

namespace atoll_core::peer {

namespace output = engine::output;
namespace {

// Its caller can be kept for so long. Then the call is handed to the I/O thread, which takes two
// times until a thread is woken: on a busy computer as long as a call of 64 MiB.
constexpr Duration kLoanOfWhoWaitsSoon = std::chrono::milliseconds(200);

}  // namespace

Session::Session(SessionConfig config)
    : config_(std::move(config)),
      descriptor_watch_([this](const std::string& sentence) {
        config_.logger->warn("{}: {}", config_.engine.membership.self.name, sentence);
      }),
      commits_(config_.commits) {}

Result<std::unique_ptr<Session>> Session::create(SessionConfig config) {
  std::unique_ptr<Session> session(new Session(std::move(config)));
  if (Result<void> opened = session->open(); !opened) {
    return tl::unexpected<Error>(opened.error());
  }
  return session;
}

Result<void> Session::open() {
  transport::NetworkConfig network;
  network.bind_host = config_.bind_host;
  network.port = config_.bind_port;
  if (config_.bind_host.empty()) {
    auto place = transport::listening_place(config_.coordinators, config_.advertise);
    network.bind_host = std::move(place.host);
    network.only_loopback = place.only_loopback;
  }
  Duration& connect_timeout = config_.engine.membership.connect_timeout;
  network.bind_timeout = connect_timeout;
  network.on_trouble = [this](const std::string& sentence) {
    config_.logger->warn("{}: {}", config_.engine.membership.self.name, sentence);
  };
  const TimePoint began = transport::Network::now();
  auto made = transport::Network::create(
      network,
      [this](const wire::Hello& hello) {
        const engine::LinkTable::Answer answer =
            engine_->on_hello(transport::Network::now(), hello);
        pump();
        return transport::HelloAnswer{answer.hello, answer.keep};
      },
      [this](transport::AcceptedHello accepted) {
        engine_->on_accepted(transport::Network::now(), adopt(accepted.connection),
                             accepted.hello, accepted.answer);
        pump();
      });
  if (!made) return tl::unexpected<Error>(made.error());
  network_ = std::move(*made);
  listening_port_ = network_->listening_port();
  // A name of its own may have taken some of the time.
  using std::chrono::milliseconds;
  const auto taken = std::chrono::floor<milliseconds>(transport::Network::now() - began);
  connect_timeout = std::max<Duration>(connect_timeout - taken, milliseconds(1));

  wire::PeerInfo& self = config_.engine.membership.self;
  self.session = SessionId{crypto::random_u64(), crypto::random_u64()};
  if (self.replica.empty()) {
    self.replica = fmt::format("{}-{:016x}", make_printable(self.name, 64), self.session.low);
  }
  self.computer = device::computer_id();
  self.cpus = device::usable_cpus();
  self.endpoints = config_.advertise;
  for (Endpoint& endpoint : self.endpoints) {
    if (endpoint.port == 0) endpoint.port = listening_port_;
  }
  const std::string& bound = config_.bind_host;
  const bool one_address = !bound.empty() && bound != "0.0.0.0" && bound != "::";
  if (self.endpoints.empty() && one_address) self.endpoints = {Endpoint{bound, listening_port_}};
  finds_own_addresses_ = self.endpoints.empty();
  config_.engine.membership.coordinators = static_cast<uint32_t>(config_.coordinators.size());
  config_.engine.input_backup.allocate = device::allocate_in_huge_pages;
  config_.engine.received.allocate = device::allocate_in_huge_pages;
  engine_ = std::make_unique<engine::Engine>(config_.engine);
  descriptor_watch_.look(1, 0);  // the least that is of use
  auto thread = process::start_thread("atoll-io", [this] { run(); });
  if (!thread) return tl::unexpected<Error>(thread.error());
  thread_ = std::move(*thread);
  return {};
}

Session::~Session() {
  if (thread_.joinable()) {
    leave(Error{ErrorCode::kNotConnected, "the communicator was destroyed"}, false);
    baton_.end();
    network_->stop();
    thread_.join();
  }
  network_.reset();
}

// ---- user threads ------------------------------------------------------------------------------

void Session::post(std::function<void()> task) const {
  network_->post([this, task = std::move(task)] {
    ++tasks_done_;
    task();
  });
  baton_.asked();
}

std::shared_ptr<AwaitedCall> Session::call(Start start, Caller caller) {
  std::shared_ptr<AwaitedCall> call = open_call(caller, false);
  if (!call->ended()) begin_call(call, std::move(start));
  return call;
}

std::shared_ptr<AwaitedCall> Session::call_in_flight(Start start, Caller caller) {
  std::shared_ptr<AwaitedCall> call = open_call(caller, true);
  if (call->ended()) return call;
  begin_call(call, [this, start = std::move(start)](engine::Engine& engine, TimePoint now,
                                                    engine::CallId id) {
    if (held_.empty() && engine.why_no_room().empty()) return start(engine, now, id);
    held_.push_back({id, start, now + config_.engine.arrival_timeout});
  });
  return call;
}

std::shared_ptr<AwaitedCall> Session::open_call(Caller caller, bool in_flight) {
  std::unique_lock<std::mutex> lock(mutex_);
  const auto has_room = [&] { return failure_ || in_flight_ < limits::kOpsInFlight; };
  const bool room =
      !in_flight || room_.wait_for(lock, config_.engine.arrival_timeout, has_room);
  auto call = std::make_shared<AwaitedCall>(next_call_++, caller, in_flight);
  std::optional<Error> refused = failure_;
  if (!room) {
    refused = Error{ErrorCode::kInvalidUsage,
                    fmt::format("{} has {} calls in flight, and none of them has ended for {} ms: "
                                "wait for some of them", config_.engine.membership.self.name,
                                in_flight_, to_ms(config_.engine.arrival_timeout))};
  }
  if (refused) {
    call->finish(tl::unexpected<Error>(*std::move(refused)), transport::Network::now());
    return call;
  }
  awaited_[call->id()] = call;
  if (in_flight) ++in_flight_;
  return call;
}

void Session::begin_call(const std::shared_ptr<AwaitedCall>& call, Start start) {
  auto begin = [this, id = call->id(), start = std::move(start)] {
    start(*engine_, transport::Network::now(), id);
    pump();
  };
  const auto asked = call->caller() != Caller::kGoesOn ? baton_.try_take() : std::nullopt;
  if (asked) lend_thread(*call, std::move(begin), *asked);
  else post(std::move(begin));
}

void Session::begin_held() {
  const TimePoint now = transport::Network::now();
  while (!held_.empty()) {
    const bool waits = !engine_->why_no_room().empty() && held_.front().until > now;
    if (waits) return;
    const Held held = std::move(held_.front());
    held_.pop_front();
    held.start(*engine_, now, held.call);  // without room it is refused
  }
}

void Session::lend_thread(const AwaitedCall& call, std::function<void()> begin, uint64_t asked) {
  // It goes behind what this caller has asked for before.
  if (asked > tasks_done_) network_->post(std::exchange(begin, nullptr));
  bool intact = false;
  try {
    intact = in_loop([&] {
      if (begin) network_->take_turn(begin);
      // Between two events everything is in order: here the thread may be cancelled.
      const auto ended = [&call] {
        const process::CancellationWindow window;
        window.test();
        return call.ended();
      };
      if (call.caller() == Caller::kWaits) network_->run_until(ended);
      else network_->run_until(ended, transport::Network::now() + kLoanOfWhoWaitsSoon);
    });
  } catch (...) {  // the unwinding of a cancelled thread
    rest_wanted_ = false;
    baton_.give_back(false, tasks_done_);
    cancel(call.id());
    call.wait_until_ended();
    throw;
  }
  rest_wanted_ = false;
  if (!intact) baton_.end();  // the I/O thread ends, and with it all calls
  baton_.give_back(at_rest(), tasks_done_);
}

void Session::cancel(engine::CallId call) {
  post([this, call] {
    const auto held = std::find_if(held_.begin(), held_.end(),
                                   [call](const Held& one) { return one.call == call; });
    if (held == held_.end()) {
      engine_->cancel(transport::Network::now(), call);
    } else {
      held_.erase(held);
      finish(call, fail(ErrorCode::kCancelled, "{} cancelled a call that had not begun",
                        config_.engine.membership.self.name));
    }
    pump();
  });
}

void Session::withdraw(std::shared_ptr<state::Publication> publication) {
  // An I/O thread that has ended reads nothing any more: then the call fails at once.
  const auto done = call([this, publication = std::move(publication)](
                             engine::Engine& engine, TimePoint now, engine::CallId id) {
    engine.withdraw(now, *publication);
    pump();
    finish(id, engine::CallInfo{engine::ConnectInfo{}});
  });
  (void)done->wait();
}

void Session::note_rate(std::optional<PeerId> peer, uint64_t bytes_per_second) {
  post([=, this] {
    if (peer) engine_->note_rate(*peer, bytes_per_second);
    else engine_->note_egress(bytes_per_second);
  });
}

void Session::note_synced(uint64_t tag, uint64_t layout,
                          const std::shared_ptr<const CommitRecord>& record) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::erase_if(commits_, [](const auto& entry) { return entry.second.expired(); });
  const std::pair name{tag, layout};
  const bool room = commits_.size() < limits::kHeldRevisions;
  if (room || commits_.count(name) != 0) commits_[name] = record;
}

void Session::pass_on_memory(SessionConfig& next) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  wire::RunMemory& memory = next.engine.membership.memory;
  memory = snapshot_.memory;
  memory.held.clear();
  next.commits = commits_;
  for (const auto& [name, weak] : commits_) {
    const auto record = weak.lock();
    const wire::CommittedRevision committed = record ? record->get() : wire::CommittedRevision{};
    if (committed.instance != memory.instance || committed.revision == 0) continue;
    memory.held.push_back({name.first, name.second, committed.revision});
  }
}

void Session::leave(Error reason, bool at_once) {
  std::shared_ptr<AwaitedCall> done = call([=, this](engine::Engine& engine, TimePoint now,
                                                     engine::CallId id) {
    if (at_once) engine.abort(now, reason);
    else engine.leave(now, reason);
    leaving_.push_back(id);
    pump();
    finish_leaving();
  });
  (void)done->wait();
}

void Session::finish_leaving() {
  if (!engine_->left()) return;
  for (const engine::CallId call : std::exchange(leaving_, {})) {
    finish(call, engine::CallInfo{engine::ConnectInfo{}});
  }
}

Result<void> Session::reset_connections() {
  const auto done = call([this](engine::Engine&, TimePoint, engine::CallId id) {
    std::vector<link::ConnectionKey> keys;
    for (const auto& [key, stream] : streams_) keys.push_back(key);
    for (const link::ConnectionKey key : keys) {
      const auto found = streams_.find(key);
      if (found != streams_.end()) found->second->reset();
    }
    config_.logger->info("reset {} data connections on request", keys.size());
    publish_snapshot();
    finish(id, engine::CallInfo{engine::ConnectInfo{}});
  });
  Result<engine::CallInfo> result = done->wait();
  if (!result) return tl::unexpected<Error>(result.error());
  return {};
}

Snapshot Session::snapshot() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return snapshot_;
}

void Session::finish(engine::CallId call, Result<engine::CallInfo> result) {
  std::shared_ptr<AwaitedCall> ended;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = awaited_.find(call);
    if (found == awaited_.end()) return;
    ended = std::move(found->second);
    awaited_.erase(found);
    if (ended->in_flight() && in_flight_-- == limits::kOpsInFlight) room_.notify_all();
  }
  if (ended->caller() != Caller::kGoesOn) rest_wanted_ = true;
  ended->finish(std::move(result), transport::Network::now());
}

void Session::finish_all(const Error& error) {
  std::map<engine::CallId, std::shared_ptr<AwaitedCall>> ended;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!failure_) failure_ = error;
    ended.swap(awaited_);
    in_flight_ = 0;
    room_.notify_all();
  }
  const TimePoint now = transport::Network::now();
  for (auto& [id, call] : ended) call->finish(tl::unexpected<Error>(error), now);
}

// ---- the thread that runs the loop -------------------------------------------------------------

void Session::run() {
  for (;;) {
    const LoopBaton::Turn turn = baton_.take([this] { network_->beat(); });
    if (turn == LoopBaton::Turn::kEnd) break;
    std::optional<bool> came;
    const bool intact = in_loop([&] {
      if (turn == LoopBaton::Turn::kRun) {
        network_->run_until([this] { return rest_wanted_ && at_rest(); });
      } else {
        came = network_->run_ready(LoopBaton::kRest);
        network_->run_until([this] { return at_rest(); });
      }
    });
    if (!intact) break;
    if (std::exchange(rest_wanted_, false)) came.reset();
    baton_.rest(tasks_done_, came);
  }
  baton_.end();
  left_ = true;
  // From here on no byte moves: memory of open calls is the callers' again.
  finish_all(loop_failure_);
  io_ended_ = true;
}

bool Session::in_loop(const std::function<void()>& work) {
  // Reductions happen on this thread: their bits must not depend on what the process has set.
  const kernels::FloatEnvironment environment;
  try {
    work();
    return true;
  } catch (const std::bad_alloc&) {
    loop_failure_ = Error{ErrorCode::kOutOfMemory, "the I/O thread ran out of memory"};
  } catch (const std::exception& exception) {
    loop_failure_ = Error{ErrorCode::kInternalError, exception.what()};
    config_.logger->critical("the communicator has failed: {}", loop_failure_.message);
  }
  return false;
}

// What only comes from outside does not count: it can wait for a moment.
bool Session::at_rest() const { return engine_->at_rest() && network_->at_rest(); }

void Session::pump() {
  if (pumping_) return;  // the outer call goes on with what was added
  pumping_ = true;
  for (;;) {
    if (!held_.empty()) begin_held();
    engine_->take_outputs(outputs_);
    if (outputs_.empty()) break;
    publish_snapshot();
    // Before any call ends by it: its caller may connect again at once.
    for (const engine::EngineOutput& item : outputs_) {
      if (std::holds_alternative<output::Left>(item)) left_ = true;
    }
    for (engine::EngineOutput& item : outputs_) carry_out(item);
  }
  pumping_ = false;
  TimePoint next = engine_->next_deadline();
  if (!held_.empty()) next = std::min(next, held_.front().until);
  if (next == timer_) return;
  timer_ = next;
  if (next == kNever) return;
  network_->set_timer(next, [this] {
    timer_ = kNever;
    engine_->tick(transport::Network::now());
    pump();
  });
}

void Session::publish_snapshot() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (snapshot_.view.has_value() != engine_->view().has_value() ||
      (snapshot_.view && snapshot_.view->epoch != engine_->view()->epoch)) {
    snapshot_.view = engine_->view();
  }
  descriptor_watch_.look(engine_->connections_wanted(), engine_->open_connections());
  snapshot_.self = engine_->self().id;
  const link::LinkCounters counters = engine_->counters();
  snapshot_.bytes_sent = counters.payload_sent;
  snapshot_.bytes_received = counters.payload_received;
  snapshot_.connections = engine_->open_connections();
  snapshot_.input_backup = engine_->backup_counters();
  if (snapshot_.memory != engine_->memory()) snapshot_.memory = engine_->memory();
}

}  // namespace atoll_core::peer
