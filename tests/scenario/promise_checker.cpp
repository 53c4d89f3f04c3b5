#include "scenario/promise_checker.h"

#include <algorithm>

#include <fmt/format.h>

namespace atoll_core::scenario {
void PromiseChecker::saw_view(const wire::View& view) {
  const auto [place, fresh] = views_.emplace(view.epoch, view);
  for (const wire::PeerInfo& info : view.members) members_[view.generation].insert(info.id);
  if (!fresh && !(place->second == view)) {
    broken(fmt::format("two views of epoch {}", to_string(view.epoch)));
  }
}

std::vector<PeerId> PromiseChecker::participants(const OpId& op, const Epoch& epoch) const {
  std::vector<PeerId> result;
  const auto members = members_.find(op.generation);
  const auto present = views_.find(epoch);
  if (members == members_.end() || present == views_.end()) return result;
  for (const wire::PeerInfo& info : present->second.members) {
    const bool same_group = op.group == kGroupAll || op.group == info.shard;
    if (same_group && members->second.count(info.id) != 0) result.push_back(info.id);
  }
  return result;
}

bool PromiseChecker::all_began(const OpId& op, const Epoch& epoch) const {
  return !participants(op, epoch).empty() && not_begun(op, epoch).empty();
}

std::vector<PeerId> PromiseChecker::not_begun(const OpId& op, const Epoch& epoch) const {
  std::vector<PeerId> peers = participants(op, epoch);
  peers.erase(std::remove_if(peers.begin(), peers.end(),
                             [&](PeerId peer) { return begun_.count({peer, op, epoch}) != 0; }),
              peers.end());
  return peers;
}

void PromiseChecker::saw_verdict(PeerId peer, const wire::Verdict& verdict, bool sync) {
  if (!verdict.final) return;
  const std::string what = fmt::format("{} at {}", to_string(verdict.op), to_string(peer));
  const auto [place, fresh] = final_.emplace(verdict.op, verdict);
  const wire::Verdict& first = place->second;
  if (first.committed != verdict.committed || first.epoch != verdict.epoch ||
      first.contributors != verdict.contributors) {
    broken(what + " ends in two ways");
  }
  OpId together = verdict.op;
  if (together.group < kGroupReplica) together.group = 0;
  if (ended_together_.emplace(together, verdict.committed).first->second != verdict.committed) {
    broken(what + " ends otherwise than in another group");
  }
  if (!verdict.committed) {
    if (verdict.code == ErrorCode::kMismatch) broken(what + ": " + verdict.reason);
    return;
  }
  if (fresh) ++commits_;
  if (sync) return;
  if (verdict.contributors != participants(verdict.op, verdict.epoch)) {
    broken(what + " has other contributors than the members of its epoch");
  }
  if (done_.count({peer, verdict.op, verdict.epoch}) == 0) {
    broken(what + " is committed without its result");
  }
}

}  // namespace atoll_core::scenario
