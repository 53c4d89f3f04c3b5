// Checks what membership promises against all that the peers of a run are told.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "membership/peer/peer_machine.h"

namespace atoll_core::scenario {

class PromiseChecker {
 public:
  void saw_view(const wire::View& view);
  void began(PeerId peer, const OpId& op, const Epoch& epoch) { begun_.insert({peer, op, epoch}); }
  void finished(PeerId peer, const OpId& op, const Epoch& epoch) {
    done_.insert({peer, op, epoch});
  }
  // `sync`: its results are not tracked by began() and finished().
  void saw_verdict(PeerId peer, const wire::Verdict& verdict, bool sync);
  void broken(std::string what) { violations_.push_back(std::move(what)); }

  // The members that exchange data in this attempt with each other, `op` being one peer's name of
  // it.
  std::vector<PeerId> participants(const OpId& op, const Epoch& epoch) const;
  bool all_began(const OpId& op, const Epoch& epoch) const;
  std::vector<PeerId> not_begun(const OpId& op, const Epoch& epoch) const;

  const std::vector<std::string>& violations() const { return violations_; }
  size_t commits() const { return commits_; }
  size_t views() const { return views_.size(); }

 private:
  using Fact = std::tuple<PeerId, OpId, Epoch>;

  std::map<Epoch, wire::View> views_;
  std::map<Generation, std::set<PeerId>> members_;
  std::set<Fact> begun_;
  std::set<Fact> done_;
  std::map<OpId, wire::Verdict> final_;
  std::map<OpId, bool> ended_together_;  // by the name without the group: committed?
  std::vector<std::string> violations_;
  size_t commits_ = 0;
};

}  // namespace atoll_core::scenario
