#include "fuzz/played_coordinator.h"

#include "base/limits.h"
#include "fuzz/fuzz_check.h"
#include "membership/common/control_session.h"
#include "membership/common/view_delta.h"

namespace atoll_core::fuzz {

// ---- the connection

void PlayedCoordinator::connect() {
  if (!dialling_) return;
  dialling_ = false;
  connected_ = true;
  greeted_ = false;
  framer_ = wire::ControlFramer();
  one_.engine.on_control_connected(one_.now);
}

void PlayedCoordinator::fail() {
  if (!connected_ && !dialling_) return;
  connected_ = dialling_ = false;
  one_.engine.on_control_failed(one_.now, "connection reset");
}

void PlayedCoordinator::closed() {
  connected_ = dialling_ = false;
  to_tell_.clear();
}

void PlayedCoordinator::tell(const wire::ToPeer& message) {
  if (!connected_) return;
  std::string framed = greeted_ ? "" : std::string(wire::kControlPreamble);
  greeted_ = true;
  wire::append_framed(wire::encode(message), framed);
  one_.engine.on_control_bytes(one_.now, as_bytes(framed));
}

// ---- what it hears

void PlayedCoordinator::hear(std::string_view bytes) {
  std::vector<std::string> messages;
  FUZZ_CHECK(framer_.feed(as_bytes(bytes), messages).has_value());
  for (const std::string& one : messages) {
    const Result<wire::ToCoordinator> message = wire::decode_to_coordinator(one);
    if (!message) throw Finding("the coordinator cannot read: " + message.error().message);
    hear(*message);
  }
}

void PlayedCoordinator::hear(const wire::ToCoordinator& message) {
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
    to_tell_.push_back(wire::Resumed{!one_.choices.rarely(), received_});
  } else if (const auto* asked = std::get_if<wire::SyncRequest>(&message)) {
    to_tell_.push_back(plan_of(*asked));
  }
}

void PlayedCoordinator::note_told(const OpId& op, const Epoch& epoch) {
  told_.push_front({op, epoch});
  if (told_.size() > 4) told_.pop_back();
}

bool PlayedCoordinator::answer() {
  const bool any = !to_tell_.empty();
  while (!to_tell_.empty()) {
    const wire::ToPeer message = to_tell_.front();
    to_tell_.pop_front();
    tell(message);
  }
  return any;
}

// ---- what it says

void PlayedCoordinator::roster() { tell(some_roster()); }

void PlayedCoordinator::admit() {
  tell(wire::Updated{one_.truth.epoch, next_view(true), one_.choices.number()});
}

void PlayedCoordinator::freeze() { tell(wire::Freeze{++one_.truth.round, {}, "because"}); }

void PlayedCoordinator::settle() {
  if (one_.choices.rarely()) return;
  wire::Settled settled;
  settled.round = one_.truth.round;
  if (one_.choices.coin() && one_.engine.view()) settled.delta = next_view(false);
  settled.verdicts = one_.words.some<wire::Verdict>(2, [this] {
    return one_.words.verdict();
  });
  tell(settled);
}

void PlayedCoordinator::verdict() {
  wire::Verdict verdict = one_.words.verdict();
  if (!told_.empty()) {
    const auto& [op, epoch] = told_[one_.choices.below(told_.size())];
    if (!one_.choices.rarely()) verdict = good_verdict(op, epoch);
    verdict.op = op;
  }
  tell(wire::OpVerdict{verdict});
}

void PlayedCoordinator::anything() { tell(any_message()); }

wire::ToPeer PlayedCoordinator::any_message() {
  Choices& choices = one_.choices;
  Vocabulary& words = one_.words;
  switch (choices.below(17)) {
    case 0: return wire::CoordinatorHeartbeat{choices.number(), choices.number()};
    case 1: return wire::Refused{words.error_code(), words.sentence()};
    case 2: return wire::Updated{one_.truth.epoch, {}, choices.number()};
    case 3: return wire::UpdateFailed{words.error_code(), words.sentence()};
    case 4: return wire::OpVerdict{words.verdict()};
    case 5: return wire::Freeze{choices.number(), words.op(), words.sentence()};
    case 6: return wire::Freeze{choices.number(), {}, words.sentence()};
    case 7: {
      wire::Settled settled{choices.number(), {}, {}, {words.verdict()}};
      settled.op = words.op();
      return settled;
    }
    case 8: return wire::Probe{words.changed(words.somebody())};
    case 9: return wire::SyncPlan{words.op(), words.epoch(), choices.number(), words.digest(),
                                  words.tensors(), words.some_peers(), choices.number()};
    case 10: return wire::Stable{words.some<wire::Watermark>(3, [&words] {
               return words.mark();
             })};
    case 11: return wire::StateOffer{words.instance(), words.tag(), choices.number(),
                                     words.digest(), words.tensors(), words.some_peers()};
    case 12: return wire::Resumed{choices.coin(), choices.number()};
    case 13: return registered(choices.coin());
    case 14: return wire::Evicted{words.error_code(), words.sentence()};
    case 15: return wire::TellPositions{};
    default: return some_roster();
  }
}

wire::Registered PlayedCoordinator::registered(bool member) {
  wire::Registered message;
  message.peer = one_.truth.peers[0].id;
  message.incarnation = one_.truth.incarnation;
  message.run = "run";
  message.heartbeat_interval_ms = 500;
  message.peer_timeout_ms = 5000;
  message.member = member;
  return message;
}

wire::Roster PlayedCoordinator::some_roster() {
  wire::Roster roster;
  const bool lies = one_.choices.rarely();
  for (size_t i = 1; i < OneEngine::kPeers; ++i) {
    if (lies && one_.choices.coin()) continue;
    const wire::PeerInfo& info = one_.truth.peers[i];
    roster.peers.push_back({lies ? one_.words.changed(info) : info, one_.choices.coin()});
  }
  if (lies && one_.choices.coin()) {
    roster.peers.push_back({one_.truth.peers[0], one_.choices.coin()});
  }
  return roster;
}

// The next view: of all peers, or of some.
wire::ViewDelta PlayedCoordinator::next_view(bool opens_generation) {
  const std::optional<wire::View>& base = one_.engine.view();
  wire::View next = base ? *base : wire::View{};
  next.instance = one_.truth.instance;
  next.epoch = {one_.truth.incarnation, one_.truth.epoch.number + 1};
  if (opens_generation || !base) {
    next.generation.first = next.epoch;
    next.members = one_.truth.peers;
    if (one_.choices.rarely()) next.members.resize(1 + one_.choices.below(OneEngine::kPeers));
    membership::number_slots(next);
    next.plan = one_.words.plan(next.members.size());
  } else {
    const size_t gone = 1 + one_.choices.below(OneEngine::kPeers - 1);
    next = membership::without(next, {one_.truth.peers[gone].id});
    next.epoch = {one_.truth.incarnation, one_.truth.epoch.number + 1};
  }
  if (one_.choices.rarely()) next = one_.words.view();
  one_.truth.epoch = next.epoch;
  one_.truth.generation = next.generation;
  one_.truth.members = next.members;
  return membership::make_delta(base ? &*base : nullptr, next, "because");
}

wire::Verdict PlayedCoordinator::good_verdict(const OpId& op, const Epoch& epoch) {
  wire::Verdict verdict;
  verdict.op = op;
  verdict.epoch = epoch;
  verdict.committed = true;
  for (const wire::PeerInfo& member : one_.truth.members) {
    verdict.contributors.push_back(member.id);
    verdict.holders.push_back(member.id);
  }
  return verdict;
}

wire::SyncPlan PlayedCoordinator::plan_of(const wire::SyncRequest& asked) {
  wire::SyncPlan plan;
  plan.op = asked.op;
  plan.epoch = asked.epoch;
  plan.revision = asked.state.revision + 1;
  plan.digest = one_.words.digest();
  plan.tensors = asked.state.tensors;
  for (wire::TensorSummary& tensor : plan.tensors) {
    if (one_.choices.coin()) tensor.digest = one_.words.digest();
    if (one_.choices.rarely()) tensor.count = one_.choices.number() >> 8;
  }
  plan.holders = {one_.truth.peers[1].id};
  if (one_.choices.rarely()) plan.holders = one_.words.some_peers();
  plan.number = 1;
  return plan;
}

}  // namespace atoll_core::fuzz
