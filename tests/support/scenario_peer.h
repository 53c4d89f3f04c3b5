// A peer as the membership scenarios see it: a real PeerMachine, and around it a model of what an
// engine does with ops, links and syncs. Nothing here moves data.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "membership/peer/peer_machine.h"

namespace atoll_core::scenario {

struct ModelOp {
  wire::OpPhase phase = wire::OpPhase::kBegun;
  Epoch epoch;
  wire::CallDescription call;
};

class ScenarioPeer {
 public:
  explicit ScenarioPeer(membership::PeerConfig config) : machine_(std::move(config)) {}

  membership::PeerMachine& machine() { return machine_; }
  const membership::PeerMachine& machine() const { return machine_; }

  // What an engine does on its own: keep the books, report when frozen, begin again what was
  // aborted to be tried again.
  void absorb(const membership::PeerOutput& output);
  // Answer FreezeOps at once (default), or only by report().
  void report_by_hand(bool by_hand) { by_hand_ = by_hand; }
  void report();

  void begin(const OpId& op, const wire::CallDescription& call);
  void done(const OpId& op);

  // By op, in order of their names: what is open and how others ended.
  const std::map<OpId, ModelOp>& open() const { return open_; }
  const std::map<OpId, wire::Verdict>& ended() const { return ended_; }
  bool frozen(const OpId& op) const { return frozen_all_ || frozen_.count(op) != 0; }
  const std::optional<Error>& failure() const { return failure_; }
  // Set by UpdateFinished and UpdateFailed; taken by whoever plays the application.
  bool take_update_end() { return std::exchange(update_ended_, false); }

 private:
  void hear(const wire::Verdict& verdict);

  membership::PeerMachine machine_;
  std::map<OpId, ModelOp> open_;
  std::map<OpId, wire::Verdict> ended_;
  std::set<OpId> frozen_;
  std::vector<uint64_t> unanswered_;  // rounds
  bool frozen_all_ = false;
  bool by_hand_ = false;
  bool update_ended_ = false;
  std::optional<Error> failure_;
};

}  // namespace atoll_core::scenario
