#include "engine/engine.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/field_rules.h"
#include "base/limits.h"
#include "engine/make_collective.h"
#include "engine/sync_body.h"
#include "membership/common/update_tag.h"

namespace atoll_core::engine {

namespace {
static_assert(kTagMax + 1 == membership::kUpdateTag);
// How long one who leaves serves those who are late.
}  // namespace

Engine::Engine(EngineConfig config)
    : context_{std::move(config), {}, {}},
      membership_(context_.config.membership),
      ledger_(context_, membership_),
      server_(context_, links_),
      follower_(context_, membership_, links_),
      router_(ledger_, server_, follower_),
      links_(context_, router_) {
  ledger_.set_links(links_);
}

Engine::~Engine() = default;

// ---- calls -------------------------------------------------------------------------------------

void Engine::end(CallId call, Result<CallInfo> result) {
  context_.emit(CallEnded{call, std::move(result)});
}

void Engine::end_update(Result<CallInfo> result) {
  follower_.end();
  end(std::exchange(updating_, std::nullopt)->call(), std::move(result));
}

// The request stays open. Its answer is kept for the next call of atollUpdate.
void Engine::give_up_update(Error error) {
  membership_.cancel_update();
  end_update(tl::unexpected<Error>(std::move(error)));
}

// Whoever waits is told for whom, in the log and when its time is over.
void Engine::look_after_update() {
  if (updating_->take_question(context_.now)) membership_.send(wire::UpdateWaiting{});
  const std::string& self = membership_.self().name;
  if (updating_->expired(context_.now)) {
    return give_up_update(
        {ErrorCode::kTimeout,
         fmt::format("atollUpdate on {} has waited {} ms{}; it goes on in the background: call it "
                     "again", self, to_ms(context_.config.update_timeout),
                     updating_->reason(hindrance()))});
  }
  if (!updating_->take_notice(context_.now)) return;
  constexpr int kWarning = 3;
  context_.log(kWarning, fmt::format("{} has waited {:.1f} s in atollUpdate{}", self,
                                     updating_->waited_seconds(context_.now),
                                     updating_->reason(hindrance())));
}

std::string Engine::hindrance() const {
  if (control_.phase() == ControlWatch::Phase::kUp) return {};
  return "there is no connection to the coordinator" +
         (control_.last_loss().empty() ? "" : ": " + control_.last_loss());
}

bool Engine::refuse(CallId call, const CallOptions& options) {
  if (options.tag == membership::kUpdateTag) {
    end(call, atoll_core::fail(ErrorCode::kInvalidArgument,
                               "tag {} is atollUpdate's own: choose another", options.tag));
    return true;
  }
  if (!left_ && !leaving_ && membership_.view()) {  // perhaps reconnecting, but the view stands
    const std::string why = why_no_room();
    if (why.empty()) return false;
    end(call, atoll_core::fail(ErrorCode::kInvalidUsage, "{}", why));
    return true;
  }
  if (left_ || leaving_) {
    end(call, tl::unexpected<Error>(departed()));
    return true;
  }
  end(call, atoll_core::fail(ErrorCode::kNotConnected,
                             "{} is not a member of the run: call atollUpdate first",
                             membership_.self().name));
  return true;
}

std::string Engine::why_no_room() const {
  if (left_ || leaving_) return "";  // there is another reason
  if (ledger_.open_calls() < limits::kOpsInFlight) return ledger_.why_full();
  return fmt::format("{} has {} calls in flight: wait for some of them", membership_.self().name,
                     ledger_.open_calls());
}

Error Engine::departed() const {
  if (!left_) return leaving_->reason;
  const bool says_it_all = left_->code == ErrorCode::kEvicted ||
                           left_->code == ErrorCode::kCoordinatorUnreachable;
  if (says_it_all) return *left_;
  return {ErrorCode::kNotConnected,
          fmt::format("{} has left the run: {}", membership_.self().name, left_->message)};
}

void Engine::connect(TimePoint now, CallId call) {
  context_.now = now;
  if (left_ || leaving_) {
    end(call, tl::unexpected<Error>(departed()));
    return;
  }
  connecting_ = call;
  membership_.start(now);
  absorb();
}

void Engine::update(TimePoint now, CallId call, std::optional<FollowCall> follow) {
  context_.now = now;
  if (left_ || leaving_) {
    end(call, tl::unexpected<Error>(departed()));
    return;
  }
  if (updating_) {
    end(call, atoll_core::fail(ErrorCode::kInvalidUsage, "{} is in atollUpdate already",
                               membership_.self().name));
    return;
  }
  context_.trace("update.request");
  context_.note({FlightKind::kUpdateRequested});
  updating_.emplace(call, now, context_.config.update_timeout);
  // Told of first, so that the peer is not admitted before it is level.
  if (follow && !membership_.view()) follower_.begin(std::move(*follow));
  if (!membership_.update_open()) {
    if (auto measured = links_.take_measured()) membership_.send(std::move(*measured));
  }
  const bool joins = membership_.update_open();
  Result<void> asked = membership_.request_update(
      now, ledger_.positions(), joins ? std::vector<wire::AnyReceives>() : ledger_.begin_update());
  if (!asked) end_update(tl::unexpected<Error>(asked.error()));
  absorb();
}

void Engine::note_rate(PeerId peer, uint64_t bytes_per_second) {
  links_.note_rate(peer, bytes_per_second);
}

void Engine::note_egress(uint64_t bytes_per_second) { links_.note_egress(bytes_per_second); }

void Engine::collective(TimePoint now, CallId call, CollectiveCall arguments) {
  context_.now = now;
  if (refuse(call, arguments.options)) return;
  if (wire::reduces(arguments.kind) && !takes(arguments.reduce, arguments.type)) {
    end(call, atoll_core::fail(ErrorCode::kInvalidArgument, "{} takes integers, no {}",
                               to_string(arguments.reduce), to_string(arguments.type)));
    return;
  }
  const bool receives = arguments.kind == wire::OpKind::kSend &&
                        arguments.receiver == membership_.self().id;
  if (receives) {
    if (auto may = ledger_.check_receive(arguments); !may) {
      end(call, tl::unexpected<Error>(may.error()));
      return;
    }
  }
  if (receives && !arguments.root) {
    ledger_.begin_any(call, std::move(arguments));
    absorb();
    return;
  }
  Result<CallNames::Place> place = place_of(arguments);
  if (place) {
    if (auto named = ledger_.check_name(*place, arguments.options.tag); !named) {
      place = tl::unexpected<Error>(named.error());
    }
  }
  if (!place) {
    end(call, tl::unexpected<Error>(place.error()));
    return;
  }
  Result<NewCall> made =
      make_collective(call, std::move(arguments), std::move(*place), membership_.self().id,
                      context_, links_);
  if (!made) {
    end(call, tl::unexpected<Error>(made.error()));
    return;
  }
  ledger_.begin(std::move(*made));
  absorb();
}

Result<CallNames::Place> Engine::place_of(const CollectiveCall& call) const {
  const wire::View& view = *membership_.view();
  if (call.kind != wire::OpKind::kSend) {
    return CallNames::place_of(view, membership_.self(), call.options.group);
  }
  if (call.root == call.receiver) {
    return atoll_core::fail(ErrorCode::kInvalidArgument, "{} cannot send to itself",
                            membership_.self().name);
  }
  CallNames::Place place = CallNames::place_of_pair(view, call.root, call.receiver);
  if (!place.members.empty()) return place;
  const PeerId other = call.root == membership_.self().id ? call.receiver : call.root;
  return atoll_core::fail(ErrorCode::kPeerLost, "peer {} is not in the view of {}",
                          to_string(other), membership_.self().name);
}

void Engine::sync(TimePoint now, CallId call, SyncCall arguments) {
  context_.now = now;
  if (refuse(call, arguments.options)) return;
  CallNames::Place place =
      CallNames::place_of(*membership_.view(), membership_.self(), arguments.options.group);
  if (auto named = ledger_.check_name(place, arguments.options.tag); !named) {
    end(call, tl::unexpected<Error>(named.error()));
    return;
  }
  context_.trace("sync.request");
  NewCall made =
      make_sync(call, std::move(arguments), {context_, membership_, links_, server_});
  made.place = std::move(place);
  ledger_.begin(std::move(made));
  absorb();
}

void Engine::withdraw(TimePoint now, const state::Publication& publication) {
  context_.now = now;
  server_.withdraw(publication);
}

void Engine::cancel(TimePoint now, CallId call) {
  context_.now = now;
  if (left_) return;
  const bool updates = updating_ && updating_->call() == call;
  if (updates) give_up_update({ErrorCode::kCancelled, "the update was cancelled"});
  else ledger_.cancel(call);
  absorb();
}

void Engine::leave(TimePoint now, const Error& reason) {
  context_.now = now;
  if (left_ || leaving_) return;
  ledger_.fail_calls(reason);
  if (updating_) give_up_update(reason);
  leaving_ = Leaving{reason, now + kLeaveGrace};
  ledger_.tell_ended();
  if (ledger_.keeps_results()) ledger_.want_ends();
  depart();
}

void Engine::abort(TimePoint now, const Error& reason) {
  context_.now = now;
  if (left_) return;
  leaving_ = Leaving{reason, now};
  depart();
}

void Engine::depart() {
  if (leaving_->deadline <= context_.now || !ledger_.keeps_results()) {
    membership_.leave(context_.now, leaving_->reason.message);
    absorb();
    fail(leaving_->reason);
  } else {
    absorb();
  }
}

// ---- what happens outside ----------------------------------------------------------------------

// With the address that faces the others, the connections from there are gone, too. That another
// one has come or gone (of a container's bridge, say) is no reason to break what stands.
void Engine::set_endpoints(TimePoint now, std::vector<Endpoint> endpoints) {
  context_.now = now;
  const std::vector<Endpoint> before = membership_.self().endpoints;
  if (left_ || endpoints.empty() || endpoints == before) return;
  const bool moved = !before.empty() && std::find(endpoints.begin(), endpoints.end(),
                                                  before.front()) == endpoints.end();
  membership_.set_endpoints(std::move(endpoints));
  if (moved) links_.move();
}

void Engine::on_control_waiting(const std::string& what) { membership_.on_control_waiting(what); }

void Engine::on_control_connected(TimePoint now) {
  context_.now = now;
  framer_ = wire::ControlFramer();
  control_.up(now);
  context_.note({FlightKind::kControlUp, nullptr, {}, control_.connects()});
  context_.emit(output::SendControl{std::string(wire::kControlPreamble)});
  membership_.on_control_connected(now);
  absorb();
}

void Engine::on_control_bytes(TimePoint now, ByteSpan bytes) {
  context_.now = now;
  control_.heard(now);
  std::vector<std::string> messages;
  Result<void> fed = framer_.feed(bytes, messages);
  for (const std::string& message : messages) {
    if (left_) return;
    Result<wire::ToPeer> decoded = wire::decode_to_peer(message);
    if (!decoded) {
      fed = tl::unexpected<Error>(decoded.error());
      break;
    }
    membership_.on_message(now, std::move(*decoded));
    absorb();
  }
  if (fed && messages.empty() && !left_) membership_.on_bytes(now);
  if (!fed && !left_) {
    context_.emit(output::CloseControl{});
    control_lost(fed.error().message);
    membership_.on_control_failed(now, fed.error().message);
    absorb();
  }
}

void Engine::on_control_failed(TimePoint now, const std::string& reason) {
  context_.now = now;
  control_lost(reason);
  if (left_) return;
  membership_.on_control_failed(now, reason);
  absorb();
}

LinkTable::Answer Engine::on_hello(TimePoint now, const wire::Hello& hello) {
  context_.now = now;
  const LinkTable::Answer answer = links_.on_hello(hello);
  absorb();
  return answer;
}

void Engine::on_accepted(TimePoint now, link::ConnectionKey key, const wire::Hello& hello,
                         const wire::Hello& answer) {
  context_.now = now;
  if (left_) {
    context_.emit(output::CloseConnection{key, "the communicator has left the run"});
    return;
  }
  links_.on_accepted(key, hello, answer);
  absorb();
}

void Engine::on_dialed(TimePoint now, DialId dial, const DialResult& result) {
  context_.now = now;
  links_.on_dialed(dial, result);
  absorb();
}

void Engine::on_closed(TimePoint now, link::ConnectionKey key, const std::string& reason) {
  context_.now = now;
  links_.on_closed(key, reason);
  absorb();
}

void Engine::tick(TimePoint now) {
  context_.now = now;
  if (left_) return;
  membership_.tick(now);
  absorb();
  links_.tick();
  if (std::optional<Error> lost = ledger_.tick()) {
    membership_.leave(now, lost->message, true);
    absorb();
    fail(*lost);
  }
  follower_.tick();
  if (updating_) look_after_update();
  absorb();
  if (leaving_ && !left_) depart();
}

TimePoint Engine::next_deadline() const {
  if (left_) return kNever;
  TimePoint next = std::min({membership_.next_deadline(), links_.next_deadline(),
                             ledger_.next_deadline()});
  next = std::min(next, follower_.next_deadline());
  if (updating_) next = std::min(next, updating_->next_deadline());
  if (leaving_) next = std::min(next, leaving_->deadline);
  return next;
}

bool Engine::at_rest() const {
  return ledger_.open_calls() == 0 && !connecting_ && !updating_ && !leaving_ &&
         !follower_.active() && context_.outputs.empty() && links_.at_rest();
}

void Engine::take_outputs(std::vector<EngineOutput>& into) {
  absorb();  // what frames have led to since the last input
  if (leaving_ && !left_) depart();
  into.clear();
  std::swap(into, context_.outputs);
}

void Engine::fail(const Error& error) {
  if (left_) return;
  left_ = error;
  context_.note({FlightKind::kLeft, nullptr, {}, static_cast<uint64_t>(error.code), error.message});
  ledger_.fail_all(error);
  if (connecting_) end(*std::exchange(connecting_, std::nullopt), tl::unexpected<Error>(error));
  if (updating_) give_up_update(error);
  links_.close_all();
  control_lost(error.message);
  context_.emit(output::CloseControl{});
  context_.emit(output::Left{error});
}

}  // namespace atoll_core::engine
