// Engines, what callers ask of them, and their talk with the coordinator.
#include "fuzz/engine_stage.h"

#include <algorithm>
#include <span>
#include <utility>

#include "engine/call_blocks.h"
#include "fuzz/fuzz_check.h"
#include "membership/common/view_delta.h"
#include "state/digest.h"

namespace atoll_core::fuzz {

namespace output = engine::output;
using membership::ConnectionId;
using membership::CoordinatorMachine;
using membership::CoordinatorOutput;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr int kTicksMax = 32;        // without a deadline moving on
constexpr int kExchangesMax = 4000;  // until all are at rest
constexpr size_t kItemsMax = 4096;   // of one input

membership::CoordinatorConfig coordinator_config() {
  membership::CoordinatorConfig config;
  config.run = "run";
  config.min_replicas = 2;
  return config;
}

}  // namespace

EngineStage::EngineStage(uint32_t connections)
    : connections_(connections),
      coordinator_(std::make_unique<CoordinatorMachine>(coordinator_config(), Incarnation{1, 42})) {
  for (size_t i = 0; i < kPeers; ++i) make(i);
}

EngineStage::~EngineStage() = default;

void EngineStage::make(size_t i) {
  Peer& peer = peers_[i];
  engine::EngineConfig config;
  config.membership.run = "run";
  wire::PeerInfo& self = config.membership.self;
  self.session = {7, i + 1};
  self.name = std::string(1, static_cast<char>('a' + i));
  self.replica = "replica-" + self.name;
  self.endpoints = {{"10.0.0.1", static_cast<uint16_t>(1 + i)}};
  peer.info = self;
  config.connections_per_link = connections_;
  config.chunk_bytes = topology::kPlannedChunkBytesMin;
  peer.engine = std::make_unique<engine::Engine>(std::move(config));
  peer.table = std::make_unique<state::StateTable>();
  for (const uint64_t count : {uint64_t{5}, uint64_t{3000}}) {
    ByteBuffer& memory = peer.state_memory.emplace_back(count * 4);
    const auto added = peer.table->add_tensor("tensor-" + std::to_string(count), memory.data(),
                                              DataType::kFloat32, count);
    FUZZ_CHECK(added.has_value());
  }
  peer.publication = std::make_shared<state::Publication>(*peer.table);
}

// ---- calls -------------------------------------------------------------------------------------

engine::CallId EngineStage::new_call(size_t peer) {
  const engine::CallId call = peers_[peer].next_call++;
  peers_[peer].calls[call] = {};
  return call;
}

bool EngineStage::in_run(size_t peer) const {
  const auto& engine = peers_[peer].engine;
  return engine != nullptr && engine->view().has_value() && !engine->left();
}

void EngineStage::connect(size_t peer) {
  if (peers_[peer].engine == nullptr || peers_[peer].next_call > 1) return;
  const engine::CallId call = new_call(peer);
  peers_[peer].engine->connect(now_, call);
  carry_out(peer);
}

void EngineStage::update(size_t i, bool follow) {
  Peer& peer = peers_[i];
  if (peer.engine == nullptr) return;
  std::optional<engine::FollowCall> following;
  if (follow && !peer.table->writing()) {
    following = engine::FollowCall{peer.table.get(), state::compute_digests(*peer.table), 1,
                                   seconds(2)};
  }
  const engine::CallId call = new_call(i);
  peer.engine->update(now_, call, std::move(following));
  carry_out(i);
}

void EngineStage::collective(size_t i, engine::CollectiveCall call, const Tensors& tensors) {
  Peer& peer = peers_[i];
  const engine::CallId id = new_call(i);
  std::vector<ByteBuffer>& memory = peer.calls[id].memory;
  const size_t count = wire::has_blocks(call.kind) ? call.owners.size() : tensors.how_many;
  const uint64_t total = tensors.count * count;
  const PeerId self = peer.engine->self().id;
  const ElementRange brought = engine::brought_by(call, self, total);
  const ElementRange given = engine::given_to(call, self, total);
  for (size_t tensor = 0; tensor < count; ++tensor) {
    const uint64_t at = tensor * tensors.count;
    codec::TensorView view;
    view.count = tensors.count;
    const size_t bytes = tensors.count * size_of(call.type);
    const bool brings = brought.begin <= at && at < brought.end;
    const bool gets = given.begin <= at && at < given.end;
    if (brings) view.source = memory.emplace_back(bytes, std::byte{1}).data();
    if (gets) view.sink = memory.emplace_back(bytes).data();
    if (brings && gets && tensors.in_place) view.source = view.sink;
    call.tensors.push_back(view);
  }
  peer.engine->collective(now_, id, std::move(call));
  carry_out(i);
}

void EngineStage::sync(size_t i, uint64_t revision, wire::SyncStrategy strategy) {
  Peer& peer = peers_[i];
  if (!peer.calls.empty()) return;  // its state may be in use
  if (peer.publication->close()) peer.engine->withdraw(now_, *peer.publication);
  if (revision > peer.table->revision() && peer.table->begin_write()) {
    std::fill(peer.state_memory.front().begin(), peer.state_memory.front().end(),
              static_cast<std::byte>(revision));
    (void)peer.table->publish(revision);
  }
  engine::SyncCall call;
  call.table = peer.table.get();
  call.digests = state::compute_digests(*peer.table);
  call.strategy = strategy;
  call.options.tag = 1;
  call.publication = peer.publication;
  const engine::CallId id = new_call(i);
  peer.engine->sync(now_, id, std::move(call));
  carry_out(i);
}

void EngineStage::cancel(size_t i) {
  Peer& peer = peers_[i];
  if (peer.engine == nullptr || peer.calls.empty()) return;
  peer.engine->cancel(now_, peer.calls.begin()->first);
  carry_out(i);
}

void EngineStage::leave(size_t peer, bool at_once) {
  if (peers_[peer].engine == nullptr) return;
  const Error reason{ErrorCode::kAborted, "its caller wants it"};
  if (at_once) peers_[peer].engine->abort(now_, reason);
  else peers_[peer].engine->leave(now_, reason);
  carry_out(peer);
}

// ---- what engines want -------------------------------------------------------------------------

void EngineStage::carry_out(size_t peer) {
  std::vector<engine::EngineOutput> items;
  for (int turn = 0; peers_[peer].engine != nullptr; ++turn) {
    FUZZ_CHECK(turn < kTicksMax);
    peers_[peer].engine->take_outputs(items);
    if (items.empty()) return;
    FUZZ_CHECK(items.size() < kItemsMax);
    for (engine::EngineOutput& item : items) carry_out(peer, item);
  }
}

void EngineStage::carry_out(size_t i, engine::EngineOutput& item) {
  Peer& peer = peers_[i];
  if (auto* ended = std::get_if<engine::CallEnded>(&item)) {
    FUZZ_CHECK(peer.calls.erase(ended->call) == 1);
  } else if (auto* send = std::get_if<output::SendControl>(&item)) {
    heard_from(i, send->bytes);
  } else if (auto* dial = std::get_if<output::Dial>(&item)) {
    dials_.push_back({i, *dial});
  } else if (auto* begin = std::get_if<output::StartConnection>(&item)) {
    const auto end = peer.ends.find(begin->key);
    if (end != peer.ends.end()) pipes_.at(end->second.pipe)[end->second.side].started = true;
  } else if (auto* shut = std::get_if<output::CloseConnection>(&item)) {
    close(i, shut->key, shut->reason);
  } else if (std::holds_alternative<output::OpenControl>(item)) {
    opening_.push_back(i);
  } else if (std::holds_alternative<output::CloseControl>(item)) {
    close_control(i);
  }
}

// ---- the coordinator ---------------------------------------------------------------------------

void EngineStage::open_control(size_t i) {
  Peer& peer = peers_[i];
  if (peer.engine == nullptr) return;
  close_control(i);
  if (peer.dials_fail || finishing_) {
    peer.engine->on_control_failed(now_, "connection refused");
    return carry_out(i);
  }
  peer.control = ++last_connection_;
  peer.up = wire::ControlFramer();
  coordinator_->on_connected(now_, ConnectionId{peer.control}, peer.info.name);
  drain_coordinator();
  peer.engine->on_control_connected(now_);
  peer.engine->on_control_bytes(now_, std::as_bytes(std::span(wire::kControlPreamble)));
  carry_out(i);
}

void EngineStage::close_control(size_t peer) {
  const uint64_t connection = std::exchange(peers_[peer].control, 0);
  if (connection == 0) return;
  coordinator_->on_disconnected(now_, ConnectionId{connection}, "closed");
  drain_coordinator();
}

void EngineStage::lose_control(size_t i, bool dials_fail) {
  Peer& peer = peers_[i];
  peer.dials_fail = dials_fail;
  if (peer.control == 0 || peer.engine == nullptr) return;
  close_control(i);
  peer.engine->on_control_failed(now_, "connection reset");
  carry_out(i);
}

void EngineStage::restart_coordinator(uint32_t counter) {
  for (Peer& peer : peers_) peer.control = 0;
  coordinator_ = std::make_unique<CoordinatorMachine>(coordinator_config(),
                                                      Incarnation{counter, 43});
  for (size_t i = 0; i < kPeers; ++i) {
    if (peers_[i].engine == nullptr) continue;
    peers_[i].engine->on_control_failed(now_, "connection reset");
    carry_out(i);
  }
}

void EngineStage::heard_from(size_t i, const std::string& bytes) {
  Peer& peer = peers_[i];
  if (peer.control == 0) return;
  std::vector<std::string> messages;
  FUZZ_CHECK(peer.up.feed(std::as_bytes(std::span(bytes)), messages).has_value());
  for (const std::string& message : messages) {
    known_.learn(message);
    Result<wire::ToCoordinator> decoded = wire::decode_to_coordinator(message);
    if (!decoded) throw Finding("a peer said: " + decoded.error().message);
    coordinator_->on_message(now_, ConnectionId{peer.control}, std::move(*decoded));
    drain_coordinator();
  }
}

void EngineStage::drain_coordinator() {
  for (CoordinatorOutput::Item& item : coordinator_->take_output().items) {
    const auto* send = std::get_if<CoordinatorOutput::Send>(&item);
    const auto* shut = std::get_if<CoordinatorOutput::Close>(&item);
    const uint64_t connection = send   ? send->connection.value
                                : shut ? shut->connection.value
                                       : 0;
    for (size_t i = 0; i < kPeers && connection != 0; ++i) {
      if (peers_[i].control != connection) continue;
      downs_.push_back({i, connection, send ? wire::encode(send->message) : std::string()});
    }
  }
}

// An empty message stands for the end of the connection.
void EngineStage::deliver_down(const Down& down) {
  Peer& peer = peers_[down.peer];
  if (peer.control != down.connection || peer.engine == nullptr) return;
  if (down.message.empty()) {
    peer.control = 0;
    peer.engine->on_control_failed(now_, "closed by the coordinator");
    return carry_out(down.peer);
  }
  known_.learn(down.message);
  peer.last_down = down.message;
  const auto lies = std::exchange(peer.lies, {});
  const std::string message =
      lies.empty() ? down.message : lied(down.peer, down.message, lies, peer.true_digest);
  std::string framed;
  wire::append_framed(message, framed);
  peer.engine->on_control_bytes(now_, std::as_bytes(std::span(framed)));
  carry_out(down.peer);
}

void EngineStage::lie_down(size_t peer, std::vector<Distortion> lies, bool true_digest) {
  peers_[peer].lies = std::move(lies);
  peers_[peer].true_digest = true_digest;
}

void EngineStage::say_again(size_t i, const std::vector<Distortion>& lies, bool true_digest) {
  Peer& peer = peers_[i];
  if (peer.control == 0 || peer.last_down.empty()) return;
  downs_.push_back({i, peer.control, lied(i, peer.last_down, lies, true_digest)});
}

std::string EngineStage::lied(size_t peer, const std::string& message,
                              const std::vector<Distortion>& lies, bool true_digest) {
  std::string result = distort(message, lies, known_);
  if (true_digest) make_digest_true(peer, result);
  return result.empty() ? message : result;
}

// A liar may well send the digest of what it says.
void EngineStage::make_digest_true(size_t peer, std::string& message) const {
  Result<wire::ToPeer> decoded = wire::decode_to_peer(message);
  if (!decoded) return;
  std::optional<wire::ViewDelta>* delta = nullptr;
  if (auto* updated = std::get_if<wire::Updated>(&*decoded)) delta = &updated->delta;
  if (auto* settled = std::get_if<wire::Settled>(&*decoded)) delta = &settled->delta;
  if (delta == nullptr || !*delta) return;
  const auto& base = peers_[peer].engine->view();
  if ((*delta)->base && (!base || base->epoch != (*delta)->base)) return;
  (*delta)->digest = wire::view_digest(membership::next_view(base ? &*base : nullptr, **delta));
  message = wire::encode(*decoded);
}

void EngineStage::bad_bytes(size_t i, const std::string& bytes) {
  Peer& peer = peers_[i];
  if (peer.control == 0 || peer.engine == nullptr || bytes.empty()) return;
  peer.engine->on_control_bytes(now_, std::as_bytes(std::span(bytes)));
  carry_out(i);
}

void EngineStage::kill(size_t i) {
  Peer& peer = peers_[i];
  if (peer.engine == nullptr) return;
  while (!peer.ends.empty()) break_off(peer.ends.begin()->second.pipe, "reset by peer");
  close_control(i);
  peer.engine.reset();
  peer.calls.clear();
}

// ---- time --------------------------------------------------------------------------------------

void EngineStage::run() {
  for (int exchange = 0;; ++exchange) {
    FUZZ_CHECK(exchange < kExchangesMax);
    if (!opening_.empty()) {
      const size_t peer = opening_.front();
      opening_.pop_front();
      open_control(peer);
    } else if (!downs_.empty()) {
      const Down down = std::move(downs_.front());
      downs_.pop_front();
      deliver_down(down);
    } else if (!dials_.empty()) {
      const Dial dial = std::move(dials_.front());
      dials_.pop_front();
      answer(dial);
    } else if (!move_frames()) {
      return;
    }
  }
}

TimePoint EngineStage::next_deadline() const {
  TimePoint next = coordinator_->next_deadline();
  for (const Peer& peer : peers_) {
    if (peer.engine != nullptr) next = std::min(next, peer.engine->next_deadline());
  }
  return next;
}

void EngineStage::tick() {
  for (int ticks = 0; next_deadline() <= now_; ++ticks) {
    FUZZ_CHECK(ticks < kTicksMax);
    if (coordinator_->next_deadline() <= now_) {
      coordinator_->tick(now_);
      drain_coordinator();
    }
    for (size_t i = 0; i < kPeers; ++i) {
      if (peers_[i].engine == nullptr || peers_[i].engine->next_deadline() > now_) continue;
      peers_[i].engine->tick(now_);
      carry_out(i);
    }
    run();
  }
}

void EngineStage::pass(Duration time) {
  const TimePoint end = now_ + time;
  constexpr int kStepsMax = 200;
  for (int step = 0; step < kStepsMax && next_deadline() <= end; ++step) {
    now_ = std::max(now_, next_deadline());
    tick();
  }
  jump(end - now_);
}

void EngineStage::jump(Duration time) {
  now_ += std::max(time, Duration{0});
  tick();
  run();
}

void EngineStage::finish() {
  finishing_ = true;
  for (size_t i = 0; i < kPeers; ++i) lose_control(i, true);
  run();
  // Each finds that there is no coordinator any more; what it is asked to do then fails at once.
  for (int i = 0; i < 3; ++i) jump(seconds(31));
  for (const Peer& peer : peers_) {
    if (peer.calls.empty()) continue;
    throw Finding("call " + std::to_string(peer.calls.begin()->first) + " of " + peer.info.name +
                  (peer.engine->left() ? ", which has left the run," : "") + " has not ended");
  }
}

}  // namespace atoll_core::fuzz
