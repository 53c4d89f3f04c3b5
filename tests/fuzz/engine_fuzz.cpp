// What a coordinator and other peers may say, in any order, to the real engine of one peer: control
// messages, connections, and frames, right ones and lies; between them calls of the application,
// and time. Looked for are crashes, broken invariants, hangs, calls that end twice or never, use of
// memory whose call has ended, and messages that no coordinator could read.
//
// An input is a series of choices (choices.h). Frames of other peers would hardly ever fit what the
// engine is about to do, so most are what it sends itself, mirrored, with now and then a lie.
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "base/limits.h"
#include "engine/engine.h"
#include "fuzz/application.h"
#include "fuzz/choices.h"
#include "fuzz/fuzz_check.h"
#include "fuzz/other_ends.h"
#include "fuzz/vocabulary.h"
#include "membership/common/control_session.h"
#include "membership/common/view_delta.h"
#include "wire/control_framing.h"
#include "wire/hello.h"

namespace atoll_core::fuzz {
namespace {

using engine::Engine;
using std::chrono::milliseconds;
namespace output = engine::output;

constexpr size_t kPeers = 3;  // the engine's is the first

std::vector<wire::PeerInfo> make_peers() {
  std::vector<wire::PeerInfo> peers(kPeers);
  for (size_t i = 0; i < kPeers; ++i) {
    wire::PeerInfo& info = peers[i];
    info.id = {(uint64_t{1} << 32) + i + 1};
    info.session = {7, i + 1};
    info.name = info.replica = std::string(1, static_cast<char>('a' + i));
    info.endpoints = {{"10.0.0.1", static_cast<uint16_t>(1 + i)}};
  }
  return peers;
}

engine::EngineConfig configuration(Choices& choices) {
  engine::EngineConfig config;
  config.membership.run = "run";
  config.membership.self = make_peers().front();
  config.membership.self.id = {};
  config.membership.coordinators = static_cast<uint32_t>(1 + choices.below(2));
  config.connections_per_link = static_cast<uint32_t>(choices.below(3));
  config.chunk_bytes = 4u << 10;
  return config;
}

class Stage {
 public:
  Stage(const uint8_t* data, size_t size)
      : choices_(data, size), words_(choices_, truth_), engine_(configuration(choices_)) {
    truth_.peers = truth_.members = make_peers();
    answers_ = !choices_.rarely();
    (void)begin_call();
    engine_.connect(now_, last_call_);
    drain();
  }

  void play() {
    if (!choices_.rarely()) come_in();
    constexpr size_t kEventsMax = 300;
    for (size_t i = 0; i < kEventsMax && !choices_.over(); ++i) {
      happen();
      drain();
      (void)engine_.report(now_);
    }
    engine_.abort(now_, {ErrorCode::kNotConnected, "the input is over"});
    drain();
    FUZZ_CHECK(engine_.left());
    FUZZ_CHECK(calls_.empty());
  }

 private:
  void happen() {
    switch (choices_.below(20)) {
      case 0: return control_up();
      case 1: return tell(roster());
      case 2: return admit();
      case 3: return accept(choices_.coin());
      case 4: return answer_dial();
      case 5: return lie();
      case 6: case 7: case 8: return collective();
      case 9: return sync();
      case 10: return update();
      case 11: return interfere();
      case 12: return settle();
      case 13: return pass();
      case 14: case 15: return mirror();
      case 16: case 17: return verdict();
      default: return tell(anything());
    }
  }

  // A member with links to all others: where most of what matters begins.
  void come_in() {
    control_up();
    drain();
    tell(roster());
    for (size_t i = 1; i < kPeers; ++i) {
      truth_peer_ = i;
      accept(true);
      drain();
    }
    update();
    drain();
    admit();
    drain();
  }

  // ---- the coordinator

  void control_up() {
    if (!dialling_) return;
    dialling_ = false;
    control_ = true;
    greeted_ = false;
    framer_ = wire::ControlFramer();
    engine_.on_control_connected(now_);
  }

  void tell(const wire::ToPeer& message) {
    if (!control_) return;
    std::string framed = greeted_ ? "" : std::string(wire::kControlPreamble);
    greeted_ = true;
    wire::append_framed(wire::encode(message), framed);
    engine_.on_control_bytes(now_, as_bytes(framed));
  }

  wire::Registered registered(bool member) {
    wire::Registered message;
    message.peer = truth_.peers[0].id;
    message.incarnation = truth_.incarnation;
    message.run = "run";
    message.heartbeat_interval_ms = 500;
    message.peer_timeout_ms = 5000;
    message.member = member;
    return message;
  }

  wire::Roster roster() {
    wire::Roster roster;
    const bool lies = choices_.rarely();
    for (size_t i = 1; i < kPeers; ++i) {
      if (lies && choices_.coin()) continue;
      const wire::PeerInfo& info = truth_.peers[i];
      roster.peers.push_back({lies ? words_.changed(info) : info, choices_.coin()});
    }
    if (lies && choices_.coin()) roster.peers.push_back({truth_.peers[0], choices_.coin()});
    return roster;
  }

  // The next view: of all peers, or of some.
  wire::ViewDelta next_view(bool opens_generation) {
    const std::optional<wire::View>& base = engine_.view();
    wire::View next = base ? *base : wire::View{};
    next.instance = truth_.instance;
    next.epoch = {truth_.incarnation, truth_.epoch.number + 1};
    if (opens_generation || !base) {
      next.generation.first = next.epoch;
      next.members = truth_.peers;
      if (choices_.rarely()) next.members.resize(1 + choices_.below(kPeers));
      membership::number_slots(next);
      next.plan = words_.plan(next.members.size());
    } else {
      next = membership::without(next, {truth_.peers[1 + choices_.below(kPeers - 1)].id});
      next.epoch = {truth_.incarnation, truth_.epoch.number + 1};
    }
    if (choices_.rarely()) next = words_.view();
    truth_.epoch = next.epoch;
    truth_.generation = next.generation;
    truth_.members = next.members;
    return membership::make_delta(base ? &*base : nullptr, next, "because");
  }

  void admit() { tell(wire::Updated{truth_.epoch, next_view(true), choices_.number()}); }

  void settle() {
    tell(wire::Freeze{++truth_.round, {}, "because"});
    drain();
    if (choices_.rarely()) return;
    wire::Settled settled;
    settled.round = truth_.round;
    if (choices_.coin() && engine_.view()) settled.delta = next_view(false);
    settled.verdicts = words_.some<wire::Verdict>(2, [this] { return words_.verdict(); });
    tell(settled);
  }

  wire::Verdict good_verdict(const OpId& op, const Epoch& epoch) {
    wire::Verdict verdict;
    verdict.op = op;
    verdict.epoch = epoch;
    verdict.committed = true;
    for (const wire::PeerInfo& member : truth_.members) {
      verdict.contributors.push_back(member.id);
      verdict.holders.push_back(member.id);
    }
    return verdict;
  }

  // About a call that the engine has told of.
  void verdict() {
    wire::Verdict verdict = words_.verdict();
    if (!told_.empty()) {
      const auto& [op, epoch] = told_[choices_.below(told_.size())];
      if (!choices_.rarely()) verdict = good_verdict(op, epoch);
      verdict.op = op;
    }
    tell(wire::OpVerdict{verdict});
  }

  wire::SyncPlan plan_of(const wire::SyncRequest& asked) {
    wire::SyncPlan plan;
    plan.op = asked.op;
    plan.epoch = asked.epoch;
    plan.revision = asked.state.revision + 1;
    plan.digest = words_.digest();
    plan.tensors = asked.state.tensors;
    for (wire::TensorSummary& tensor : plan.tensors) {
      if (choices_.coin()) tensor.digest = words_.digest();
      if (choices_.rarely()) tensor.count = choices_.number() >> 8;
    }
    plan.holders = {truth_.peers[1].id};
    if (choices_.rarely()) plan.holders = words_.some_peers();
    plan.number = 1;
    return plan;
  }

  wire::ToPeer anything() {
    switch (choices_.below(17)) {
      case 0: return wire::CoordinatorHeartbeat{choices_.number(), choices_.number()};
      case 1: return wire::Refused{words_.error_code(), words_.sentence()};
      case 2: return wire::Updated{truth_.epoch, {}, choices_.number()};
      case 3: return wire::UpdateFailed{words_.error_code(), words_.sentence()};
      case 4: return wire::OpVerdict{words_.verdict()};
      case 5: return wire::Freeze{choices_.number(), words_.op(), words_.sentence()};
      case 6: return wire::Freeze{choices_.number(), {}, words_.sentence()};
      case 7: {
        wire::Settled settled{choices_.number(), {}, {}, {words_.verdict()}};
        settled.op = words_.op();
        return settled;
      }
      case 8: return wire::Probe{words_.changed(words_.somebody())};
      case 9: return wire::SyncPlan{words_.op(), words_.epoch(), choices_.number(),
                                    words_.digest(), words_.tensors(), words_.some_peers(),
                                    choices_.number()};
      case 10: return wire::Stable{words_.some<wire::Watermark>(3, [this] {
                 return words_.mark();
               })};
      case 11: return wire::StateOffer{words_.instance(), words_.tag(), choices_.number(),
                                       words_.digest(), words_.tensors(), words_.some_peers()};
      case 12: return wire::Resumed{choices_.coin(), choices_.number()};
      case 13: return registered(choices_.coin());
      case 14: return wire::Evicted{words_.error_code(), words_.sentence()};
      default: return roster();
    }
  }

  void hear(const wire::ToCoordinator& message) {
    if (membership::is_numbered(message)) ++received_;
    if (const auto* done = std::get_if<wire::OpDone>(&message)) {
      note_told(done->op, done->epoch);
    } else if (const auto* request = std::get_if<wire::AbortRequest>(&message)) {
      note_told(request->op, request->epoch);
    } else if (const auto* done_sync = std::get_if<wire::SyncDone>(&message)) {
      note_told(done_sync->op, done_sync->epoch);
    }
    if (!answers_) return;
    if (const auto* hello = std::get_if<wire::Register>(&message)) {
      received_ = 0;
      to_tell_.push_back(registered(hello->rejoin.has_value()));
    } else if (std::holds_alternative<wire::Resume>(message)) {
      to_tell_.push_back(wire::Resumed{!choices_.rarely(), received_});
    } else if (const auto* asked = std::get_if<wire::SyncRequest>(&message)) {
      to_tell_.push_back(plan_of(*asked));
    }
  }

  void note_told(const OpId& op, const Epoch& epoch) {
    told_.push_front({op, epoch});
    if (told_.size() > 4) told_.pop_back();
  }

  // ---- other peers

  wire::Hello hello_of(size_t peer) {
    wire::Hello hello;
    hello.session = truth_.peers[peer].session;
    hello.peer = truth_.peers[peer].id;
    hello.target_session = truth_.peers[0].session;
    hello.target_peer = truth_.peers[0].id;
    hello.run = wire::hash_run_id("run");
    if (!choices_.rarely()) return hello;
    hello.session = words_.session();
    hello.peer = words_.peer();
    hello.connection_index = static_cast<uint8_t>(choices_.below(limits::kConnectionsPerLink));
    return hello;
  }

  void accept(bool right) {
    const size_t peer = right ? truth_peer_ : 1 + choices_.below(kPeers - 1);
    truth_peer_ = 1 + truth_peer_ % (kPeers - 1);
    const wire::Hello hello = hello_of(peer);
    const engine::LinkTable::Answer answer = engine_.on_hello(hello);
    if (!answer.keep) return;
    const link::ConnectionKey key = ++last_key_;
    connections_[key].peer = peer;
    engine_.on_accepted(now_, key, hello);
  }

  void answer_dial() {
    if (dials_.empty()) return;
    const output::Dial dial = dials_.front();
    dials_.pop_front();
    engine::DialResult result;
    result.reason = "no answer";
    result.answered = !choices_.rarely();
    result.refused = !result.answered;
    result.address = to_string(Endpoint{"10.0.0.1", 1});
    if (result.refused) result.refused_at = {result.address};
    size_t peer = 1;
    for (size_t i = 1; i < kPeers; ++i) {
      if (truth_.peers[i].session == dial.hello.target_session) peer = i;
    }
    result.answer = hello_of(peer);
    result.rtt_us = choices_.number() >> 40;
    if (result.answered && dial.hello.role == wire::HelloRole::kLink) {
      result.key = ++last_key_;
      connections_[result.key].peer = peer;
    }
    engine_.on_dialed(now_, dial.dial, result);
  }

  std::map<link::ConnectionKey, Connection>::iterator some_connection() {
    if (connections_.empty()) return connections_.end();
    return std::next(connections_.begin(),
                     static_cast<std::ptrdiff_t>(choices_.below(connections_.size())));
  }

  // What this peer has heard of the engine, as if it did the same.
  void mirror() {
    const auto at = some_connection();
    if (at == connections_.end() || !at->second.started) return;
    const link::ConnectionKey key = at->first;
    OtherEnd& end = ends_[at->second.peer];
    const bool all = !choices_.rarely();
    for (size_t i = 0; i < OtherEnd::kFramesKept && !end.heard.empty(); ++i) {
      Frame frame = std::move(end.heard.front());
      end.heard.pop_front();
      if (choices_.rarely()) lies_.distort(frame);
      send(key, end, std::move(frame));
      drain();
      const auto still = connections_.find(key);
      if (!all || still == connections_.end() || !still->second.started) return;
    }
  }

  void lie() {
    const auto at = some_connection();
    if (at == connections_.end() || !at->second.started) return;
    send(at->first, ends_[at->second.peer], lies_.frame());
  }

  void send(link::ConnectionKey key, OtherEnd& end, Frame frame) {
    wire::FrameHeader& header = frame.header;
    const bool sequenced = header.kind != wire::FrameKind::kAck &&
                           header.kind != wire::FrameKind::kHeartbeat;
    header.link_sequence = sequenced ? end.next_sequence++ : 0;
    header.acknowledged = end.received;
    if (choices_.byte() >= 0xF8) header.link_sequence = choices_.number();
    if (choices_.byte() >= 0xF8) header.acknowledged = choices_.number();
    header.payload_bytes = static_cast<uint32_t>(frame.payload.size());
    header.payload_checksum = frame.payload.empty()
                                  ? 0
                                  : wire::payload_checksum(as_bytes(frame.payload));
    wire::FrameHeaderBytes bytes;
    wire::encode_frame_header(header, bytes);
    feed(key, std::string(as_text(bytes)) + frame.payload);
  }

  // As the simulator's world does.
  void feed(link::ConnectionKey key, const std::string& bytes) {
    size_t moved = 0;
    while (moved < bytes.size()) {
      link::FrameStream* stream = engine_.stream(key);
      if (stream == nullptr) return;
      std::array<MutableByteSpan, 4> spans;
      const size_t used = stream->read_spans(spans);
      size_t now_read = 0;
      for (size_t i = 0; i < used && moved + now_read < bytes.size(); ++i) {
        const size_t part = std::min(spans[i].size(), bytes.size() - moved - now_read);
        std::copy_n(as_bytes(bytes).begin() + static_cast<std::ptrdiff_t>(moved + now_read), part,
                    spans[i].begin());
        now_read += part;
      }
      FUZZ_CHECK(now_read > 0);
      moved += now_read;
      engine_.set_now(now_);
      if (stream->on_read(now_, now_read)) continue;
      const std::string why = stream->broken_reason();
      connections_.erase(key);
      engine_.on_closed(now_, key, why);
      return;
    }
  }

  // ---- the application

  CallMemory& begin_call() { return calls_[++last_call_]; }

  void collective() {
    constexpr size_t kCallsMax = 16;
    if (calls_.size() >= kCallsMax) return;
    CallMemory& memory = begin_call();
    engine_.collective(now_, last_call_, application_.collective(memory));
  }

  void sync() {
    CallMemory& memory = begin_call();
    engine_.sync(now_, last_call_, application_.sync(memory));
  }

  void update() {
    CallMemory& memory = begin_call();
    engine_.update(now_, last_call_, application_.follow(memory));
  }

  void interfere() {
    const auto at = some_connection();
    switch (choices_.below(8)) {
      case 0: case 1: return engine_.cancel(now_, last_call_ - choices_.below(4));
      case 2: case 3: {
        if (!control_ && !dialling_) return;
        control_ = dialling_ = false;
        return engine_.on_control_failed(now_, "connection reset");
      }
      case 4: {
        if (at == connections_.end()) return;
        const link::ConnectionKey key = at->first;
        connections_.erase(at);
        return engine_.on_closed(now_, key, "connection reset");
      }
      case 5: return engine_.set_endpoints(now_, {{"10.0.0.7",
                                                   static_cast<uint16_t>(1 + choices_.below(3))}});
      case 6: return engine_.note_rate(words_.peer(), choices_.number());
      default:
        if (choices_.coin()) return;
        return engine_.leave(now_, {ErrorCode::kNotConnected, "it leaves"});
    }
  }

  // ---- time

  void pass() {
    constexpr std::array<int64_t, 7> kSteps = {30, 1, 500, 1500, 4000, 35000, 700000};
    now_ += milliseconds(kSteps[choices_.below(kSteps.size())]);
    constexpr int kTicksMax = 16;
    for (int ticks = 0; engine_.next_deadline() <= now_; ++ticks) {
      FUZZ_CHECK(ticks < kTicksMax);
      engine_.tick(now_);
      drain();
    }
  }

  // ---- what the engine does

  void drain() {
    constexpr int kTurnsMax = 64;
    for (int turn = 0; turn < kTurnsMax; ++turn) {
      std::vector<engine::EngineOutput> outputs;
      engine_.take_outputs(outputs);
      constexpr size_t kItemsMax = 8192;
      FUZZ_CHECK(outputs.size() < kItemsMax);
      for (engine::EngineOutput& item : outputs) {
        std::visit([this](auto& typed) { carry_out(typed); }, item);
      }
      const bool wrote = write_all();
      if (outputs.empty() && to_tell_.empty() && !wrote) return;
      while (!to_tell_.empty()) {
        const wire::ToPeer message = to_tell_.front();
        to_tell_.pop_front();
        tell(message);
      }
    }
  }

  template <class Other>
  void carry_out(Other&) {}
  void carry_out(output::OpenControl&) { dialling_ = true; }
  void carry_out(output::CloseControl&) { control_ = dialling_ = false; to_tell_.clear(); }
  void carry_out(output::SendControl& send) {
    std::vector<std::string> messages;
    FUZZ_CHECK(framer_.feed(as_bytes(send.bytes), messages).has_value());
    for (const std::string& bytes : messages) {
      const Result<wire::ToCoordinator> message = wire::decode_to_coordinator(bytes);
      if (!message) throw Finding("the coordinator cannot read: " + message.error().message);
      hear(*message);
    }
  }
  void carry_out(output::Dial& dial) {
    constexpr size_t kDialsMax = 1000;
    FUZZ_CHECK(dials_.size() < kDialsMax);
    dials_.push_back(dial);
  }
  void carry_out(output::StartConnection& start) {
    const auto found = connections_.find(start.key);
    if (found != connections_.end()) found->second.started = true;
  }
  void carry_out(output::CloseConnection& close) { connections_.erase(close.key); }
  void carry_out(engine::CallEnded& ended) { FUZZ_CHECK(calls_.erase(ended.call) == 1); }

  // Takes what there is to write, and the frames in it.
  bool write_all() {
    bool wrote = false;
    for (auto& [key, connection] : connections_) {
      link::FrameStream* stream = engine_.stream(key);
      if (stream == nullptr || !connection.started) continue;
      std::array<ByteSpan, 16> spans;
      const size_t used = stream->write_spans(spans);
      size_t bytes = 0;
      for (size_t i = 0; i < used; ++i) {
        connection.sent += as_text(spans[i]);
        bytes += spans[i].size();
      }
      if (bytes == 0) continue;
      wrote = true;
      stream->on_written(bytes);
      ends_[connection.peer].take_apart(connection.sent);
    }
    return wrote;
  }

  Choices choices_;
  Truth truth_;
  Vocabulary words_;
  Application application_{choices_, truth_};
  FrameLies lies_{choices_, words_};
  std::map<engine::CallId, CallMemory> calls_;  // outlives the engine
  Engine engine_;
  bool answers_ = true;  // to what the engine asks of the coordinator
  TimePoint now_{std::chrono::hours(1)};
  engine::CallId last_call_ = 0;
  bool dialling_ = false;
  bool control_ = false;
  bool greeted_ = false;
  uint64_t received_ = 0;  // numbered messages, since it was registered
  wire::ControlFramer framer_;
  std::deque<wire::ToPeer> to_tell_;
  std::deque<std::pair<OpId, Epoch>> told_;  // by the engine; the last first
  size_t truth_peer_ = 1;
  link::ConnectionKey last_key_ = 0;
  std::map<link::ConnectionKey, Connection> connections_;
  std::map<size_t, OtherEnd> ends_;  // by place
  std::deque<output::Dial> dials_;
};

}  // namespace
}  // namespace atoll_core::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  atoll_core::fuzz::Stage(data, size).play();
  return 0;
}
