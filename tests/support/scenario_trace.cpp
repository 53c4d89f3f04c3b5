#include "support/scenario_trace.h"

#include <fmt/format.h>

#include "membership/common/sentence.h"
#include "support/scenario_world.h"

namespace atoll_core::scenario {
namespace {

using membership::join;
namespace peer_output = membership::peer_output;

std::string names(const std::vector<PeerId>& peers, const ScenarioWorld& world) {
  std::vector<std::string> texts;
  for (const PeerId peer : peers) texts.push_back(world.name_of(peer));
  return "[" + join(texts, " ") + "]";
}

std::string names(const std::vector<wire::PeerInfo>& peers) {
  std::vector<std::string> texts;
  for (const wire::PeerInfo& peer : peers) texts.push_back(peer.name);
  return "[" + join(texts, " ") + "]";
}

std::string phase_name(wire::OpPhase phase) {
  switch (phase) {
    case wire::OpPhase::kBegun: return "begun";
    case wire::OpPhase::kDone: return "done";
    case wire::OpPhase::kCommitted: return "committed";
    case wire::OpPhase::kAborted: return "aborted";
  }
  return "?";
}

std::string epoch_name(const std::optional<Epoch>& epoch) {
  return epoch ? to_string(*epoch) : "none";
}

std::string text_of(const wire::Verdict& verdict, const ScenarioWorld& world) {
  const std::string what = fmt::format("{} @{}", describe(verdict.op), to_string(verdict.epoch));
  if (verdict.committed) return what + " committed by " + names(verdict.contributors, world);
  return fmt::format("{} {} {}: {}", what, verdict.final ? "aborted" : "to be tried again",
                     error_name(verdict.code), verdict.reason);
}

std::string text_of(const std::optional<wire::ViewDelta>& delta, const ScenarioWorld& world) {
  if (!delta) return "same view";
  return fmt::format("view {} on {} generation {} -{} +{}: {}", to_string(delta->epoch),
                     epoch_name(delta->base), to_string(delta->generation),
                     names(delta->removed, world), names(delta->added), delta->reason);
}

std::string about(const std::optional<OpId>& op) {
  return op ? " about " + describe(*op) : std::string();
}

std::string marks_text(const std::vector<wire::Watermark>& marks) {
  std::string text;
  for (const wire::Watermark& mark : marks) {
    text += fmt::format(" generation {} group {} tag {} below {}", to_string(mark.generation),
                        mark.group, mark.tag, mark.below);
  }
  return text;
}

struct ToCoordinatorText {
  const ScenarioWorld& world;

  std::string operator()(const wire::Register& message) const {
    const auto held = message.rejoin ? std::optional(message.rejoin->view.epoch) : std::nullopt;
    return fmt::format("register {} shard {} of {}, holds epoch {}", message.peer.replica,
                       message.peer.shard, message.peer.shard_count, epoch_name(held));
  }
  std::string operator()(const wire::PeerHeartbeat& message) const {
    return fmt::format("heartbeat {}", message.number);
  }
  std::string operator()(const wire::Resume& message) const {
    return fmt::format("resume, has heard {}, repeats from {}", message.received,
                       message.repeats_from);
  }
  std::string operator()(const wire::Leave& message) const { return "leave: " + message.reason; }
  std::string operator()(const wire::UpdateWaiting&) const { return "update-waiting"; }
  std::string operator()(const wire::UpdateRequest& message) const {
    std::string text = "update-request " + epoch_name(message.epoch);
    if (message.epoch) text += fmt::format(" number {}", message.number);
    for (const wire::GroupPositions& group : message.groups) {
      text += fmt::format(" group {} of {} names", group_name(group.group), group.names);
    }
    return text;
  }
  std::string operator()(const wire::Positions& message) const {
    std::string text = "positions";
    for (const wire::CallPosition& position : message.positions) {
      text += fmt::format(" tag {} before #{}", position.tag, position.next_sequence);
    }
    return text;
  }
  std::string operator()(const wire::LinkReport& message) const {
    constexpr const char* kStates[] = {"up", "refused", "unreachable"};
    return fmt::format("link-report {} {}", world.name_of(message.peer),
                       kStates[static_cast<int>(message.state)]);
  }
  std::string operator()(const wire::ProbeResult& message) const {
    constexpr const char* kOutcomes[] = {"alive", "dead", "silent"};
    return fmt::format("probe-result {} {}", world.name_of(message.peer),
                       kOutcomes[static_cast<int>(message.outcome)]);
  }
  std::string operator()(const wire::OpDone& message) const {
    return fmt::format("op-done {} @{}", describe(message.op), to_string(message.epoch));
  }
  std::string operator()(const wire::OpWaiting& message) const {
    return fmt::format("op-waiting {} for {}", describe(message.op),
                       names(message.missing, world));
  }
  std::string operator()(const wire::AbortRequest& message) const {
    return fmt::format("abort-request {} {}: {}", describe(message.op), error_name(message.code),
                       message.reason);
  }
  std::string operator()(const wire::SettleReport& message) const {
    std::string text = fmt::format("settle-report round {}", message.round);
    for (const wire::OpReport& report : message.ops) {
      text += fmt::format(", {} @{} {}", describe(report.op), to_string(report.epoch),
                          phase_name(report.phase));
    }
    return text;
  }
  std::string operator()(const wire::SyncRequest& message) const {
    return fmt::format("sync-request {} revision {} digest {} {}", describe(message.op),
                       message.state.revision, message.state.digest.low,
                       wire::to_string(message.state.strategy));
  }
  std::string operator()(const wire::SyncDone& message) const {
    return "sync-done " + describe(message.op);
  }
  std::string operator()(const wire::Ended& message) const {
    return "ended" + marks_text(message.marks);
  }
  std::string operator()(const wire::FollowState& message) const {
    return fmt::format("follow-state tag {} revision {} digest {}{}", message.tag,
                       message.revision, message.digest.low, message.waits ? ", waits" : "");
  }
  std::string operator()(const wire::Measured& message) const {
    return fmt::format("measured {} paths, {} bytes/s in all", message.paths.size(),
                       message.egress_bytes_per_second);
  }
  std::string operator()(const wire::StatusRequest&) const { return "status-request"; }
};

struct ToPeerText {
  const ScenarioWorld& world;

  std::string operator()(const wire::Registered& message) const {
    return fmt::format("registered {}{}", to_string(message.peer),
                       message.member ? " still a member" : "");
  }
  std::string operator()(const wire::Refused& message) const {
    return fmt::format("refused {}{}: {}", error_name(message.code),
                       message.undecided ? ", undecided" : "", message.reason);
  }
  std::string operator()(const wire::CoordinatorHeartbeat& message) const {
    return fmt::format("heartbeat {}", message.number);
  }
  std::string operator()(const wire::Resumed& message) const {
    return message.resumed ? fmt::format("resumed, has heard {}", message.received)
                           : std::string("not resumed");
  }
  std::string operator()(const wire::UpdateFailed& message) const {
    return fmt::format("update failed {}: {}", error_name(message.code), message.reason);
  }
  std::string operator()(const wire::TellPositions&) const { return "tell-positions"; }
  std::string operator()(const wire::UpdateWaits& message) const {
    return "update-waits: " + join(message.reasons, "; ");
  }
  std::string operator()(const wire::Roster& message) const {
    std::string text = "roster";
    for (const wire::Roster::Entry& entry : message.peers) {
      text += fmt::format(" {}{}", entry.dial ? "dial:" : "", entry.peer.name);
    }
    return text;
  }
  std::string operator()(const wire::Updated& message) const {
    return fmt::format("updated {}, {}", to_string(message.epoch),
                       text_of(message.delta, world));
  }
  std::string operator()(const wire::OpVerdict& message) const {
    return "verdict " + text_of(message.verdict, world);
  }
  std::string operator()(const wire::Freeze& message) const {
    return fmt::format("freeze round {}{}: {}", message.round, about(message.op), message.reason);
  }
  std::string operator()(const wire::Settled& message) const {
    std::string text = fmt::format("settled round {}{}, {}", message.round, about(message.op),
                                   text_of(message.delta, world));
    for (const wire::Verdict& verdict : message.verdicts) {
      text += "\n      " + text_of(verdict, world);
    }
    return text;
  }
  std::string operator()(const wire::Probe& message) const { return "probe " + message.peer.name; }
  std::string operator()(const wire::SyncPlan& message) const {
    return fmt::format("sync-plan {} revision {} digest {} from {}", describe(message.op),
                       message.revision, message.digest.low, names(message.holders, world));
  }
  std::string operator()(const wire::StateOffer& message) const {
    return fmt::format("state-offer tag {} revision {} digest {} from {}", message.tag,
                       message.revision, message.digest.low, names(message.holders, world));
  }
  std::string operator()(const wire::Stable& message) const {
    return "stable" + marks_text(message.marks);
  }
  std::string operator()(const wire::Evicted& message) const {
    return "evicted: " + message.reason;
  }
  std::string operator()(const wire::Status& message) const {
    return fmt::format("status of epoch {}, {} peers, {} ops", to_string(message.epoch),
                       message.peers.size(), message.ops_open);
  }
};

struct OutputText {
  const ScenarioWorld& world;

  std::string operator()(const peer_output::Send&) const { return "send"; }
  std::string operator()(const peer_output::DialCoordinator&) const { return "dial"; }
  std::string operator()(const peer_output::CloseControl& output) const {
    return "close: " + output.reason;
  }
  std::string operator()(const peer_output::Connected& output) const {
    return "connected as " + to_string(output.self);
  }
  std::string operator()(const peer_output::RosterChanged&) const { return "roster changed"; }
  std::string operator()(const peer_output::ViewChanged& output) const {
    return fmt::format("view {} {}{}, lost {}", to_string(output.view.epoch),
                       names(output.view.members), output.admission ? " by admission" : "",
                       names(output.lost));
  }
  std::string operator()(const peer_output::UpdateFinished& output) const {
    return "update finished in " + to_string(output.epoch);
  }
  std::string operator()(const peer_output::UpdateFailed& output) const {
    return fmt::format("update failed {}: {}", error_name(output.error.code),
                       output.error.message);
  }
  std::string operator()(const peer_output::UpdateWaitsFor& output) const {
    return "update waits: " + join(output.reasons, "; ");
  }
  std::string operator()(const peer_output::FreezeOps& output) const {
    return fmt::format("freeze round {}{}", output.round, about(output.op));
  }
  std::string operator()(const peer_output::Thaw& output) const {
    return "thaw" + about(output.op);
  }
  std::string operator()(const peer_output::VerdictHeard& output) const {
    return "verdict " + text_of(output.verdict, world);
  }
  std::string operator()(const peer_output::ProbePeer& output) const {
    return "probe " + output.peer.name;
  }
  std::string operator()(const peer_output::SyncPlanned& output) const {
    return "sync planned " + describe(output.plan.op);
  }
  std::string operator()(const peer_output::StateOffered& output) const {
    return fmt::format("state offered: tag {} revision {}", output.offer.tag,
                       output.offer.revision);
  }
  std::string operator()(const peer_output::StableHeard& output) const {
    return "stable" + marks_text(output.marks);
  }
  std::string operator()(const peer_output::Failed& output) const {
    return fmt::format("failed {}: {}", error_name(output.error.code), output.error.message);
  }
};

}  // namespace

std::string describe(const OpId& op) {
  std::string group = std::to_string(op.group) + "/";
  if (op.group == kGroupAll) group = "all/";
  if (op.group == kGroupReplica) group = "replica/";
  return fmt::format("{}{}#{} of {}", group, op.tag, op.sequence, to_string(op.generation));
}

std::string describe(const wire::ToCoordinator& message, const ScenarioWorld& world) {
  return std::visit(ToCoordinatorText{world}, message);
}

std::string describe(const wire::ToPeer& message, const ScenarioWorld& world) {
  return std::visit(ToPeerText{world}, message);
}

std::string describe(const membership::PeerOutput& output, const ScenarioWorld& world) {
  return std::visit(OutputText{world}, output);
}

}  // namespace atoll_core::scenario
