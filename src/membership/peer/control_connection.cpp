// The connection of a peer to its coordinator, and the session that goes over it.
#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "membership/common/reconnect_times.h"
#include "membership/peer/own_place.h"
#include "membership/peer/peer_machine.h"

namespace atoll_core::membership {
namespace {

// Between a half and all of it; differs from peer to peer and from time to time, so that they do
// not come all at once.
Duration jittered(Duration delay, const SessionId& session, uint64_t count) {
  uint64_t bits = (session.low + count) * 0x9E3779B97F4A7C15u;
  bits ^= bits >> 32;
  return delay / 2 + delay / 2 * static_cast<int64_t>(bits % 1024) / 1024;
}

}  // namespace

void PeerMachine::start(TimePoint now) {
  if (standing_ != Standing::kIdle) return;
  standing_ = Standing::kConnecting;
  timers_.arm(Timer::kConnect, now + config_.connect_timeout);
  dial(now);
}

std::optional<Duration> PeerMachine::answer_patience() const {
  const bool was_registered = control_.silence_timeout > Duration::zero();
  const auto coordinators = static_cast<int64_t>(config_.coordinators);
  if (!was_registered) {
    if (coordinators == 1) return std::nullopt;
    return config_.connect_timeout / coordinators;
  }
  return std::min(control_.silence_timeout, config_.coordinator_timeout / coordinators);
}

// A coordinator that hangs does not refuse: its kernel accepts the connection, and nobody answers.
void PeerMachine::await_answer(TimePoint now) {
  if (const auto patience = answer_patience()) timers_.arm(Timer::kAnswer, now + *patience);
}

void PeerMachine::try_next_address(TimePoint now) {
  const Duration patience = answer_patience().value_or(Duration::zero());
  const std::string reason = fmt::format("coordinator {} of {} has not answered for {} ms{}{}",
                                         control_.address + 1, config_.coordinators,
                                         to_ms(patience), control_.waiting.empty() ? "" : ": ",
                                         control_.waiting);
  outputs_.push_back(peer_output::CloseControl{reason});
  lose_control(now, reason);
  control_.address = (control_.address + 1) % config_.coordinators;
  dial(now);
}

// What a caller is told when the time has passed.
Error PeerMachine::no_coordinator() const {
  const bool connects = standing_ == Standing::kConnecting || standing_ == Standing::kRegistering;
  const int64_t waited = to_ms(connects ? config_.connect_timeout : config_.coordinator_timeout);
  if (connects && control_.undecided) {
    return {control_.undecided->code,
            fmt::format("not registered within {} ms: {}", waited, control_.undecided->message)};
  }
  std::string why = control_.last_reason;
  if (!control_.waiting.empty()) why += (why.empty() ? "" : "; ") + control_.waiting;
  return {ErrorCode::kCoordinatorUnreachable,
          fmt::format("no coordinator for {} ms: {}", waited, why.empty() ? "no answer" : why)};
}

void PeerMachine::on_control_waiting(std::string what) {
  if (control_.status == Control::Status::kDialling) control_.waiting = std::move(what);
}

void PeerMachine::dial(TimePoint now) {
  control_.status = Control::Status::kDialling;
  ++control_.dials;
  if (config_.coordinators > 1) await_answer(now);  // else there is nothing better to do
  outputs_.push_back(peer_output::DialCoordinator{control_.address});
}

wire::Rejoin PeerMachine::rejoin() const {
  wire::Rejoin rejoin;
  rejoin.incarnation = control_.incarnation;
  rejoin.view = *view_;
  rejoin.generations = generations_.states(limits::kRejoinMembers);
  rejoin.updates = update_.number;
  if (update_.last_error) {
    rejoin.update_code = update_.last_error->code;
    rejoin.update_reason = update_.last_error->message;
  }
  rejoin.gap = gap_;
  return rejoin;
}

void PeerMachine::on_control_connected(TimePoint now) {
  if (control_.status != Control::Status::kDialling) return;
  control_.status = Control::Status::kRegistering;
  control_.waiting.clear();
  if (standing_ == Standing::kConnecting) standing_ = Standing::kRegistering;
  await_answer(now);
  if (may_resume() && control_.may_resume) {
    control_.resumes = true;
    return outputs_.push_back(peer_output::Send{
        wire::Resume{config_.self.session, control_.incarnation, session_.received(),
                     session_.first_kept(), config_.self.endpoints}});
  }
  register_here();
}

// A round that is open ends in new attempts anyway, and so does the one that follows a Register.
void PeerMachine::begin_session_anew(TimePoint now, const std::string& reason) {
  if (!may_resume() || open_round_) return;
  const bool registers = control_.status == Control::Status::kRegistering && !control_.resumes;
  if (registers || !std::exchange(control_.may_resume, false)) return;
  const bool connected = control_.status == Control::Status::kUp || control_.resumes;
  if (!connected) return;
  outputs_.push_back(peer_output::CloseControl{reason});
  lose_control(now, reason);
  dial(now);
}

// A pending peer is forgotten when its connection breaks.
bool PeerMachine::may_resume() const { return standing_ == Standing::kMember && view_.has_value(); }

void PeerMachine::register_here() {
  control_.resumes = false;
  wire::Register hello;
  hello.run = config_.run;
  hello.peer = config_.self;
  hello.coordinators = config_.coordinators;
  hello.address = control_.address;
  hello.memory = memory_;
  if (view_) hello.rejoin = rejoin();
  outputs_.push_back(peer_output::Send{std::move(hello)});
}

void PeerMachine::on_control_failed(TimePoint now, const std::string& reason) {
  if (control_.status == Control::Status::kDown) return;
  // One that was fine a moment ago may be back there at once.
  const bool was_up = control_.status == Control::Status::kUp;
  lose_control(now, reason);
  if (!was_up) control_.address = (control_.address + 1) % config_.coordinators;
  redial_later(now);
}

void PeerMachine::look_elsewhere(TimePoint now, const std::string& reason) {
  outputs_.push_back(peer_output::CloseControl{reason});
  lose_control(now, reason);
  control_.address = (control_.address + 1) % config_.coordinators;
  redial_later(now);
}

void PeerMachine::lose_control(TimePoint now, const std::string& reason) {
  control_.status = Control::Status::kDown;
  control_.last_reason = reason;
  control_.waiting.clear();
  control_.undecided.reset();
  control_.resumes = false;
  timers_.disarm(Timer::kAnswer);
  timers_.disarm(Timer::kHeartbeat);
  timers_.disarm(Timer::kCoordinatorSilence);
  if (standing_ == Standing::kRegistering) standing_ = Standing::kConnecting;
  // Armed already while the first registration, or an earlier loss, is still to be mended.
  timers_.arm_earlier(Timer::kConnect, now + config_.coordinator_timeout);
}

void PeerMachine::redial_later(TimePoint now) {
  control_.backoff = control_.backoff == Duration::zero()
                         ? kFirstBackoff
                         : std::min(2 * control_.backoff, kLongestBackoff);
  timers_.arm(Timer::kRedial,
              now + jittered(control_.backoff, config_.self.session, control_.dials));
}

// For a while: a coordinator that only trickles is as good as silent.
void PeerMachine::on_bytes(TimePoint now) {
  if (control_.status != Control::Status::kUp) return;
  if (now - control_.last_message > 3 * control_.silence_timeout) return;
  timers_.arm(Timer::kCoordinatorSilence, now + control_.silence_timeout);
}

void PeerMachine::hear(TimePoint now) {
  control_.last_message = now;
  timers_.arm(Timer::kCoordinatorSilence, now + control_.silence_timeout);
}

void PeerMachine::handle(TimePoint now, wire::Registered message) {
  if (message.version != wire::kProtocolVersion) {
    return fail_run(ErrorCode::kVersionMismatch,
                    fmt::format("the coordinator chose protocol version {}, only {} is spoken here",
                                message.version, wire::kProtocolVersion));
  }
  if (view_ && is_later(control_.incarnation, message.incarnation)) {
    return look_elsewhere(now, fmt::format("the coordinator is an old one: incarnation {}, {} is "
                                           "known",
                                           to_string(message.incarnation),
                                           to_string(control_.incarnation)));
  }
  if (standing_ == Standing::kMember && !message.member) {
    return fail_run(ErrorCode::kEvicted, "the coordinator does not know this member any more");
  }
  wire::PeerInfo named = config_.self;
  named.id = message.peer;
  if (view_ && !has_place_for(named, *view_)) {
    return fail_run(ErrorCode::kInternalError,
                    fmt::format("the coordinator calls {} peer {}, but the view of epoch {} does "
                                "not", config_.self.name, to_string(message.peer),
                                to_string(view_->epoch)));
  }
  control_.incarnation = message.incarnation;
  control_.heartbeat_interval = std::chrono::milliseconds(
      std::clamp<uint64_t>(message.heartbeat_interval_ms, 1, 3600 * 1000));
  // Sooner than the coordinator takes this peer for dead: when their connection is broken and
  // neither end has been told, this peer must be back on a new one in time.
  const uint64_t peer_timeout_ms = std::clamp<uint64_t>(message.peer_timeout_ms, 2, 3600 * 1000);
  control_.silence_timeout = std::chrono::milliseconds(peer_timeout_ms * 3 / 4);
  if (config_.self.id != message.peer) {
    sent_again_.links.clear();
    sent_again_.measured.reset();
  }
  config_.self.id = message.peer;
  standing_ = message.member ? Standing::kMember : Standing::kPending;
  session_.begin();
  control_.heartbeat_heard = 0;  // another life of the coordinator counts its own
  control_.may_resume = true;
  go_up(now);
  outputs_.push_back(peer_output::Connected{message.peer, std::move(message.run)});
  send_again();
}

void PeerMachine::go_up(TimePoint now) {
  control_.status = Control::Status::kUp;
  control_.backoff = Duration::zero();
  timers_.disarm(Timer::kConnect);
  timers_.disarm(Timer::kAnswer);
  timers_.arm(Timer::kHeartbeat, now + control_.heartbeat_interval);
  hear(now);
}

// Nothing else has to happen: neither end has missed anything.
void PeerMachine::handle(TimePoint now, wire::Resumed message) {
  if (!message.resumed) {
    await_answer(now);
    return register_here();
  }
  if (!session_.can_repeat_after(message.received)) {
    return fail_run(ErrorCode::kInternalError,
                    fmt::format("the coordinator has received {} messages of {}, of {} that were "
                                "sent", message.received, config_.self.name, session_.sent()));
  }
  control_.resumes = false;
  go_up(now);
  session_.repeat_after(message.received, [this](const wire::ToCoordinator& kept) {
    outputs_.push_back(peer_output::Send{kept});
  });
}

void PeerMachine::send_again() {
  for (const auto& [peer, report] : sent_again_.links) pass_on(report);
  if (sent_again_.measured) pass_on(*sent_again_.measured);
  // Before the update: who is not level is not to be admitted by it.
  if (standing_ == Standing::kPending && sent_again_.follow) pass_on(*sent_again_.follow);
  if (update_.positions) send_update();
  for (const auto& [op, request] : sent_again_.aborts) pass_on(request);
}

// To the coordinator, now or when the session is resumed. What a pending peer says is about its own
// admission, for which it registers again.
void PeerMachine::pass_on(wire::ToCoordinator message) {
  const bool up = control_.status == Control::Status::kUp;
  if (is_numbered(message)) {
    if (may_resume()) session_.note_sent(message);
    else if (up) session_.note_sent_for_good();
  }
  if (up) outputs_.push_back(peer_output::Send{std::move(message)});
}

}  // namespace atoll_core::membership
