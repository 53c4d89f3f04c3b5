// What the parts of an engine want of each other: membership's outputs, in their order, and reports
// of the links.
#include <string>
#include <utility>

#include <fmt/format.h>

#include "engine/engine.h"
#include "engine/pulse.h"
#include "wire/sendable.h"

namespace atoll_core::engine {

namespace peer_output = membership::peer_output;

void Engine::absorb() {
  for (;;) {
    if (!left_ && membership_.view()) ledger_.match_sends();
    if (follower_.failure()) give_up_update(*follower_.failure());
    for (const PeerId peer : links_.take_begun_anew()) {
      // An attempt may miss what was lost, or get it twice if it were sent again.
      if (ledger_.takes_part(peer)) {
        membership_.begin_session_anew(context_.now,
                                       "a link has begun anew in the middle of calls");
      }
    }
    for (LinkTable::Report& report : links_.take_reports()) {
      if (const auto* link = std::get_if<wire::LinkReport>(&report)) {
        if (link->state == wire::LinkState::kUp) context_.trace("connect.linked");
      }
      std::visit([this](auto& message) { membership_.send(std::move(message)); }, report);
    }
    std::vector<membership::PeerOutput> items = membership_.take_outputs();
    if (items.empty()) return;
    for (membership::PeerOutput& item : items) absorb_membership(item);
    if (unsendable_) leave_unheard();
  }
}

// The coordinator would not read what this peer has to say: without that it cannot go on.
void Engine::leave_unheard() {
  const Error why = *std::exchange(unsendable_, std::nullopt);
  if (left_) return;
  const Error error{why.code, fmt::format("{} leaves the run: {}", membership_.self().name,
                                          why.message)};
  membership_.leave(context_.now, error.message, true);
  absorb();
  fail(error);
}

void Engine::absorb_membership(membership::PeerOutput& item) {
  if (auto* send = std::get_if<peer_output::Send>(&item)) {
    Result<std::string> framed = wire::frame(send->message);
    if (!framed) {
      if (!unsendable_) unsendable_ = framed.error();
      return;
    }
    set_pulse(context_, send->message, membership_.heartbeat_interval());
    context_.emit(output::SendControl{std::move(*framed)});
    const bool done = std::holds_alternative<wire::OpDone>(send->message) ||
                      std::holds_alternative<wire::SyncDone>(send->message);
    if (done) context_.trace_after("done.sent");
  } else if (const auto* dial = std::get_if<peer_output::DialCoordinator>(&item)) {
    control_.dialling(context_.now);
    context_.emit(output::OpenControl{dial->address});
  } else if (auto* close = std::get_if<peer_output::CloseControl>(&item)) {
    control_lost(close->reason);
    context_.emit(output::CloseControl{});
  } else if (auto* connected = std::get_if<peer_output::Connected>(&item)) {
    context_.trace("connect.registered");
    context_.note({FlightKind::kRegistered, nullptr, connected->self, 0, connected->run});
    run_ = connected->run;
    links_.set_identity(connected->self, connected->run, membership_.coordinator_patience());
    set_pulse(context_, wire::PeerHeartbeat{}, membership_.heartbeat_interval());
    if (connecting_) end(*std::exchange(connecting_, std::nullopt), CallInfo{ConnectInfo{}});
    follower_.on_registered();
    ledger_.on_control();
    if (updating_) updating_->ask_again();
  } else if (auto* roster = std::get_if<peer_output::RosterChanged>(&item)) {
    context_.note({FlightKind::kRoster, nullptr, {}, roster->roster.peers.size()});
    links_.apply_roster(roster->roster);
    follower_.on_links();
  } else if (auto* change = std::get_if<peer_output::ViewChanged>(&item)) {
    view_changed(*change);
  } else if (auto* waits = std::get_if<peer_output::UpdateWaitsFor>(&item)) {
    if (updating_) updating_->hear(std::move(waits->reasons));
  } else if (std::holds_alternative<peer_output::UpdateFinished>(item)) {
    update_finished();
  } else if (auto* failed = std::get_if<peer_output::UpdateFailed>(&item)) {
    context_.note({FlightKind::kUpdateFailed, nullptr, {}, 0, failed->error.message});
    end_update(tl::unexpected<Error>(failed->error));
  } else if (auto* freeze = std::get_if<peer_output::FreezeOps>(&item)) {
    context_.note({FlightKind::kFreeze, freeze->op ? &*freeze->op : nullptr, {}, freeze->round,
                   freeze->reason});
    ledger_.on_freeze(freeze->round, freeze->op, freeze->longest);
  } else if (auto* thaw = std::get_if<peer_output::Thaw>(&item)) {
    context_.note({FlightKind::kThaw, thaw->op ? &*thaw->op : nullptr});
    ledger_.on_thaw(thaw->op);
  } else if (auto* verdict = std::get_if<peer_output::VerdictHeard>(&item)) {
    ledger_.on_verdict(verdict->verdict);
  } else if (auto* probe = std::get_if<peer_output::ProbePeer>(&item)) {
    links_.probe(probe->peer);
  } else if (auto* plan = std::get_if<peer_output::SyncPlanned>(&item)) {
    ledger_.on_plan(plan->plan);
  } else if (auto* offered = std::get_if<peer_output::StateOffered>(&item)) {
    follower_.on_offer(std::move(offered->offer));
  } else if (auto* stable = std::get_if<peer_output::StableHeard>(&item)) {
    ledger_.on_stable(stable->marks);
  } else if (auto* lost = std::get_if<peer_output::Failed>(&item)) {
    fail(lost->error);
  }
}

void Engine::view_changed(const peer_output::ViewChanged& change) {
  context_.log(2, fmt::format("view {} of {} peers: {}", to_string(change.view.epoch),
                              change.view.members.size(), change.reason));
  context_.note({FlightKind::kView, nullptr, {}, change.view.epoch.number, change.reason});
  links_.set_view(change.view);
  ledger_.on_view(change.view, change.lost);
}

void Engine::update_finished() {
  context_.trace("update.done");
  context_.note({FlightKind::kUpdateDone, nullptr, {}, membership_.view()->epoch.number});
  end_update(CallInfo{UpdateInfo{*membership_.view()}});
}

}  // namespace atoll_core::engine
