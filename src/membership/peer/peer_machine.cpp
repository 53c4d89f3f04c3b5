#include "membership/peer/peer_machine.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/limits.h"
#include "membership/common/refusal.h"
#include "membership/common/view_delta.h"
#include "membership/peer/own_place.h"

namespace atoll_core::membership {
PeerMachine::PeerMachine(PeerConfig config)
    : config_(std::move(config)), memory_(config_.memory) {}

// ---- time

void PeerMachine::tick(TimePoint now) {
  if (timers_.take_expired(Timer::kConnect, now)) {
    const Error error = no_coordinator();
    return fail_run(error.code, error.message);
  }
  const TimePoint silence = timers_.deadline(Timer::kCoordinatorSilence);
  if (timers_.take_expired(Timer::kCoordinatorSilence, now)) {
    if (now - silence > control_.silence_timeout / 2) {
      hear(now);  // it was this process that slept: what has come meanwhile is still to be read
    } else {
      const std::string reason =
          fmt::format("the coordinator was silent for {} ms", to_ms(control_.silence_timeout));
      outputs_.push_back(peer_output::CloseControl{reason});
      lose_control(now, reason);
      dial(now);  // a way that was blocked may be open over another connection
    }
  }
  const TimePoint answer = timers_.deadline(Timer::kAnswer);
  if (timers_.take_expired(Timer::kAnswer, now)) {
    const bool slept = now - answer > answer_patience().value_or(Duration::zero()) / 2;
    if (slept) await_answer(now);  // the answer may wait to be read
    else try_next_address(now);
  }
  if (timers_.take_expired(Timer::kRedial, now)) dial(now);
  if (timers_.take_expired(Timer::kHeartbeat, now)) {
    // The echo tells the coordinator that everything it sent before that heartbeat has arrived.
    pass_on(wire::PeerHeartbeat{control_.heartbeat_heard, session_.received()});
    timers_.arm(Timer::kHeartbeat, now + control_.heartbeat_interval);
  }
}

// ---- commands

Result<void> PeerMachine::request_update(TimePoint, std::vector<wire::CallPosition> positions,
                                         std::vector<wire::AnyReceives> receives) {
  if (standing_ != Standing::kPending && standing_ != Standing::kMember) {
    return fail(ErrorCode::kNotConnected, "{} is not connected", config_.self.name);
  }
  if (update_.kept) {
    end_update(*std::exchange(update_.kept, std::nullopt));
    return {};
  }
  if (update_.positions) {
    if (update_.caller_waits) {
      return fail(ErrorCode::kInvalidUsage, "{} waits in atollUpdate already", config_.self.name);
    }
    if (*update_.positions != positions) {
      return fail(ErrorCode::kInvalidUsage,
                  "{} gave up waiting in atollUpdate, which is still open, and made other calls",
                  config_.self.name);
    }
    update_.caller_waits = true;
    return {};
  }
  update_.positions = std::move(positions);
  update_.receives = std::move(receives);
  update_.caller_waits = true;
  send_update();
  return {};
}

void PeerMachine::note_receives(std::vector<wire::AnyReceives> receives,
                                const std::optional<wire::CallPosition>& named) {
  if (!update_.positions) return;
  update_.receives = std::move(receives);
  if (named) {
    std::vector<wire::CallPosition>& positions = *update_.positions;
    const auto at = std::lower_bound(positions.begin(), positions.end(), *named);
    const bool known = at != positions.end() && at->group == named->group && at->tag == named->tag;
    if (known) ++at->next_sequence;
    else positions.insert(at, {named->group, named->tag, 1});
  }
  send_update(true);
}

void PeerMachine::cancel_update() { update_.caller_waits = false; }

void PeerMachine::leave(TimePoint, std::string reason, bool lost) {
  if (standing_ == Standing::kLeft || standing_ == Standing::kFailed) return;
  pass_on(wire::Leave{reason, lost});
  if (control_.status != Control::Status::kDown) {
    outputs_.push_back(peer_output::CloseControl{"left: " + reason});
  }
  control_.status = Control::Status::kDown;
  standing_ = Standing::kLeft;
  timers_ = {};
}

void PeerMachine::send(wire::ToCoordinator message) {
  if (auto* report = std::get_if<wire::LinkReport>(&message)) {
    sent_again_.links.insert_or_assign(report->peer, *report);
  } else if (auto* request = std::get_if<wire::AbortRequest>(&message)) {
    sent_again_.aborts.insert_or_assign(request->op, *request);
  } else if (auto* follow = std::get_if<wire::FollowState>(&message)) {
    sent_again_.follow = *follow;
  } else if (auto* measured = std::get_if<wire::Measured>(&message)) {
    sent_again_.measured = *measured;
  }
  pass_on(std::move(message));
}

std::vector<PeerOutput> PeerMachine::take_outputs() { return std::exchange(outputs_, {}); }

// ---- the update

void PeerMachine::send_update(bool again) {
  wire::UpdateRequest request;
  request.again = again;
  if (standing_ == Standing::kMember) {
    // Admitted, but not told yet: the view that is on its way is the answer.
    if (!view_) return;
    request.epoch = view_->epoch;
    request.number = update_.number;
    request.groups = wire::summary_of(*update_.positions);
    request.receives = update_.receives;
  }
  pass_on(std::move(request));
}

void PeerMachine::end_update(Result<Epoch> answer) {
  if (answer) {
    outputs_.push_back(peer_output::UpdateFinished{*answer});
  } else {
    outputs_.push_back(peer_output::UpdateFailed{answer.error()});
  }
}

// ---- messages

void PeerMachine::on_message(TimePoint now, wire::ToPeer message) {
  const bool registers = control_.status == Control::Status::kRegistering;
  if (!registers && control_.status != Control::Status::kUp) return;
  // A coordinator that waits for others before it answers says that it lives.
  if (registers && std::holds_alternative<wire::CoordinatorHeartbeat>(message)) {
    await_answer(now);
    return;
  }
  const bool answers = std::holds_alternative<wire::Registered>(message) ||
                       std::holds_alternative<wire::Resumed>(message);
  const bool expected = answers == registers || std::holds_alternative<wire::Refused>(message);
  if (!expected) {
    return fail_run(ErrorCode::kInternalError,
                    fmt::format("the coordinator sent {} {} registration", wire::name_of(message),
                                registers ? "before" : "after"));
  }
  if (!registers) hear(now);
  if (is_numbered(message)) session_.note_received();
  std::visit([&](auto& typed) { handle(now, std::move(typed)); }, message);
}

void PeerMachine::handle(TimePoint now, wire::Refused message) {
  if (message.undecided && control_.status != Control::Status::kUp) {
    look_elsewhere(now, message.reason);
    control_.undecided = Error{message.code, std::move(message.reason)};
    return;
  }
  if (!is_for_good(message.code)) return look_elsewhere(now, message.reason);
  fail_run(message.code, message.reason);
}

void PeerMachine::handle(TimePoint, wire::UpdateFailed message) {
  if (!update_.positions) {
    return fail_run(ErrorCode::kInternalError,
                    "the coordinator failed an update that nobody asked");
  }
  ++update_.number;
  answer_update(tl::unexpected<Error>(Error{message.code, message.reason}));
}

void PeerMachine::handle(TimePoint, wire::TellPositions) {
  if (update_.positions) pass_on(wire::Positions{*update_.positions});
}

void PeerMachine::handle(TimePoint, wire::UpdateWaits message) {
  if (!update_.positions) return;  // it has ended meanwhile
  outputs_.push_back(peer_output::UpdateWaitsFor{std::move(message.reasons)});
}

void PeerMachine::handle(TimePoint, wire::CoordinatorHeartbeat message) {
  control_.heartbeat_heard = message.number;
  session_.acknowledge(message.received);
}

void PeerMachine::handle(TimePoint, wire::Roster message) {
  std::set<PeerId> present;
  for (const wire::Roster::Entry& entry : message.peers) present.insert(entry.peer.id);
  auto& links = sent_again_.links;
  for (auto link = links.begin(); link != links.end();) {
    link = present.count(link->first) == 0 ? links.erase(link) : std::next(link);
  }
  outputs_.push_back(peer_output::RosterChanged{std::move(message)});
}

void PeerMachine::handle(TimePoint, wire::Updated message) {
  if (!message.delta && !view_) {
    return fail_run(ErrorCode::kInternalError,
                    "the coordinator ended the update of a peer without a view, and sent none");
  }
  if (message.delta) {
    if (!change_view(*message.delta)) return;
    standing_ = Standing::kMember;
    sent_again_.follow.reset();
  }
  if (!update_.positions) {
    return fail_run(ErrorCode::kInternalError, "the coordinator ended an update that nobody asked");
  }
  memory_.history.updates = std::max(memory_.history.updates, message.updates);
  if (!message.delta) ++update_.number;
  answer_update(message.epoch);
}

void PeerMachine::answer_update(Result<Epoch> answer) {
  update_.positions.reset();
  update_.last_error.reset();
  if (!answer) update_.last_error = answer.error();
  if (std::exchange(update_.caller_waits, false)) {
    end_update(std::move(answer));
  } else {
    update_.kept = std::move(answer);
  }
}

bool PeerMachine::change_view(const wire::ViewDelta& delta) {
  Result<wire::View> next = apply_delta(view_ ? &*view_ : nullptr, delta);
  if (!next) {
    fail_run(next.error().code, next.error().message);
    return false;
  }
  if (!has_place_for(config_.self, *next)) {
    fail_run(ErrorCode::kInternalError,
             fmt::format("the view of epoch {} does not name {} with its session",
                         to_string(next->epoch), config_.self.name));
    return false;
  }
  if (memory_.instance && memory_.instance != next->instance) {
    fail_run(ErrorCode::kOtherInstance,
             fmt::format("the view of epoch {} is of instance {}, and {} was in instance {}",
                         to_string(next->epoch), to_string(next->instance), config_.self.name,
                         to_string(memory_.instance)));
    return false;
  }
  memory_.instance = next->instance;
  memory_.life = next->epoch.incarnation;
  peer_output::ViewChanged change;
  change.admission = !view_ || view_->generation != next->generation;
  change.reason = delta.reason;
  if (view_) {
    for (const wire::PeerInfo& member : view_->members) {
      const bool stays = std::any_of(next->members.begin(), next->members.end(),
                                     [&](const auto& other) { return other.id == member.id; });
      if (!stays) change.lost.push_back(member);
    }
  }
  if (change.admission) {
    update_.number = 0;
    update_.last_error.reset();
    generations_.open(*next);
    while (const auto oldest = generations_.to_be_forgotten()) forget_generation(*oldest);
  }
  if (next->epoch != next->generation.first) {  // settled: all attempts begin anew
    std::set<PeerId> gone;
    for (const wire::PeerInfo& member : change.lost) gone.insert(member.id);
    generations_.restart(next->epoch, gone);
  }
  view_ = std::move(*next);
  change.view = *view_;
  outputs_.push_back(std::move(change));
  return true;
}

void PeerMachine::forget_generation(Generation generation) {
  const auto is_of = [&](const auto& entry) { return entry.first.generation == generation; };
  std::erase_if(syncs_, is_of);
  std::erase_if(sent_again_.aborts, is_of);
  generations_.forget(generation);
}

void PeerMachine::handle(TimePoint, wire::OpVerdict message) { emit(message.verdict); }

void PeerMachine::emit(const wire::Verdict& verdict) {
  if (verdict.final || verdict.kept_below > 0) sent_again_.aborts.erase(verdict.op);
  if (verdict.final) note_sync(verdict);
  outputs_.push_back(peer_output::VerdictHeard{verdict});
}

void PeerMachine::note_sync(const wire::Verdict& verdict) {
  const auto planned = syncs_.find(verdict.op);
  if (planned == syncs_.end()) return;
  const PlannedSync sync = planned->second;
  syncs_.erase(planned);
  if (!verdict.committed) return;
  gap_ = false;
  if (sync.number < memory_.history.syncs) return;
  memory_.history.syncs = sync.number;
  memory_.history.revision = sync.revision;
}

void PeerMachine::handle(TimePoint, wire::Freeze message) {
  if (!message.op) open_round_ = message.round;
  outputs_.push_back(
      peer_output::FreezeOps{message.round, message.op, std::move(message.reason),
                             std::chrono::milliseconds(message.longest_ms)});
}

void PeerMachine::handle(TimePoint, wire::Settled message) {
  const Generation before = view_ ? view_->generation : Generation{};
  if (message.delta && !change_view(*message.delta)) return;
  for (const wire::Verdict& verdict : message.verdicts) emit(verdict);
  // Without a verdict, too: then the op cannot be aborted.
  if (message.op) sent_again_.aborts.erase(*message.op);
  outputs_.push_back(peer_output::Thaw{message.op});
  if (message.op) return;
  open_round_.reset();
  // An admission whose message was lost with the connection has answered the open update.
  if (update_.positions && view_ && before != view_->generation) answer_update(view_->epoch);
}

void PeerMachine::handle(TimePoint, wire::Probe message) {
  outputs_.push_back(peer_output::ProbePeer{std::move(message.peer)});
}

void PeerMachine::handle(TimePoint, wire::SyncPlan message) {
  if (syncs_.count(message.op) == 0 && syncs_.size() >= limits::kOpsInFlight) {
    return fail_run(ErrorCode::kInternalError,
                    fmt::format("the coordinator has planned {} state syncs, and ended none of "
                                "them", syncs_.size()));
  }
  syncs_[message.op] = {message.number, message.revision};
  outputs_.push_back(peer_output::SyncPlanned{std::move(message)});
}

void PeerMachine::handle(TimePoint, wire::StateOffer message) {
  if (standing_ == Standing::kPending) {
    outputs_.push_back(peer_output::StateOffered{std::move(message)});
  }
}

void PeerMachine::handle(TimePoint, wire::Stable message) {
  outputs_.push_back(peer_output::StableHeard{std::move(message.marks)});
}

void PeerMachine::handle(TimePoint, wire::Evicted message) {
  fail_run(message.code, std::move(message.reason));
}

void PeerMachine::fail_run(ErrorCode code, std::string reason) {
  if (control_.status != Control::Status::kDown) {
    outputs_.push_back(peer_output::CloseControl{reason});
  }
  control_.status = Control::Status::kDown;
  standing_ = Standing::kFailed;
  timers_ = {};
  outputs_.push_back(peer_output::Failed{{code, std::move(reason)}});
}

}  // namespace atoll_core::membership
