#include "support/scenario_peer.h"

namespace atoll_core::scenario {

namespace peer_output = membership::peer_output;

void ScenarioPeer::absorb(const membership::PeerOutput& output) {
  if (const auto* freeze = std::get_if<peer_output::FreezeOps>(&output)) {
    if (freeze->op) {
      frozen_.insert(*freeze->op);
    } else {
      frozen_all_ = true;
    }
    unanswered_.push_back(freeze->round);
    if (!by_hand_) report();
  } else if (const auto* thaw = std::get_if<peer_output::Thaw>(&output)) {
    if (thaw->op) {
      frozen_.erase(*thaw->op);
    } else {
      frozen_all_ = false;
      frozen_.clear();
      // What was called after the report is unknown to the round, and of an epoch that is over.
      for (auto& [op, model] : open_) model.epoch = machine_.view()->epoch;
    }
  } else if (const auto* heard = std::get_if<peer_output::VerdictHeard>(&output)) {
    hear(heard->verdict);
  } else if (const auto* failed = std::get_if<peer_output::Failed>(&output)) {
    failure_ = failed->error;
  } else if (std::holds_alternative<peer_output::UpdateFinished>(output) ||
             std::holds_alternative<peer_output::UpdateFailed>(output)) {
    update_ended_ = true;
  }
}

void ScenarioPeer::hear(const wire::Verdict& verdict) {
  if (ended_.count(verdict.op) != 0 && verdict.final) return;  // told again
  if (verdict.final) {
    open_.erase(verdict.op);
    ended_[verdict.op] = verdict;
    return;
  }
  const auto found = open_.find(verdict.op);
  if (found == open_.end()) return;
  found->second.phase = wire::OpPhase::kBegun;
  found->second.epoch = machine_.view()->epoch;
}

void ScenarioPeer::report() {
  for (const uint64_t round : std::exchange(unanswered_, {})) {
    wire::SettleReport report;
    report.round = round;
    for (const auto& [op, model] : open_) {
      wire::OpReport item;
      item.op = op;
      item.epoch = model.epoch;
      item.phase = model.phase;
      item.call = model.call;
      report.ops.push_back(std::move(item));
    }
    machine_.send(std::move(report));
  }
}

void ScenarioPeer::begin(const OpId& op, const wire::CallDescription& call) {
  open_[op] = {wire::OpPhase::kBegun, machine_.view()->epoch, call};
}

void ScenarioPeer::done(const OpId& op) {
  ModelOp& model = open_.at(op);
  model.phase = wire::OpPhase::kDone;
  if (!frozen(op)) machine_.send(wire::OpDone{op, model.epoch, model.call});
}

}  // namespace atoll_core::scenario
