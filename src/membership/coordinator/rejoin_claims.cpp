#include "membership/coordinator/rejoin_claims.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/canary.h"

namespace atoll_core::membership {
namespace {

Incarnation life_of(const RejoinClaim& claim) { return claim.rejoin().view.epoch.incarnation; }

// What is known of one life of the coordinator.
struct Life {
  wire::RunHistory history;
  size_t claims = 0;
};

// The latest life that the claims tell of. Of several that have counted alike the one that has
// committed more, then the one of which more members have come.
Incarnation choose_life(const std::vector<const RejoinClaim*>& claims) {
  std::map<Incarnation, Life> lives;
  for (const RejoinClaim* claim : claims) {
    Life& life = lives[life_of(*claim)];
    life.history = std::max(life.history, claim->message.memory.history);
    ++life.claims;
  }
  Incarnation chosen = life_of(*claims.front());
  for (const auto& [incarnation, life] : lives) {
    const Life& best = lives.at(chosen);
    const bool alike = incarnation.counter == chosen.counter;
    const bool has_more = broken(Canary::kNonceDecides)
                              ? incarnation.nonce > chosen.nonce
                              : std::pair(life.history, life.claims) >
                                    std::pair(best.history, best.claims);
    const bool better = alike && has_more;
    if (is_later(incarnation, chosen) || better) chosen = incarnation;
  }
  return chosen;
}

ClaimGroup group_of(const std::vector<const RejoinClaim*>& claims, TimePoint deadline) {
  ClaimGroup group;
  group.instance = claims.front()->instance();
  group.deadline = deadline;
  const Incarnation life = choose_life(claims);
  for (const RejoinClaim* claim : claims) {
    const wire::Rejoin& rejoin = claim->rejoin();
    group.highest_incarnation = std::max({group.highest_incarnation, rejoin.incarnation.counter,
                                          life_of(*claim).counter});
    group.several_coordinators = group.several_coordinators || claim->message.coordinators > 1;
    const bool stray = life_of(*claim) != life && life_of(*claim).counter == life.counter;
    if (stray) {
      group.strays.push_back(claim);
      continue;
    }
    group.claims.emplace(claim->message.peer.session, claim);
    group.history = std::max(group.history, claim->message.memory.history);
    if (life_of(*claim) != life) continue;
    const bool first = group.view == nullptr || life_of(*claim) != group.view->epoch.incarnation;
    if (first || is_later(rejoin.view.epoch, group.view->epoch)) group.view = &rejoin.view;
  }
  return group;
}

}  // namespace

const RejoinClaim* ClaimGroup::find(SessionId session) const {
  const auto found = claims.find(session);
  return found == claims.end() ? nullptr : found->second;
}

std::optional<ConnectionId> RejoinClaims::add(RejoinClaim claim, TimePoint deadline) {
  deadlines_.emplace(claim.instance(), deadline);
  for (RejoinClaim& other : claims_) {
    if (other.message.peer.session != claim.message.peer.session) continue;
    return std::exchange(other, std::move(claim)).connection;
  }
  claims_.push_back(std::move(claim));
  return std::nullopt;
}

bool RejoinClaims::erase(ConnectionId connection) {
  const size_t before = claims_.size();
  std::erase_if(claims_, [&](const RejoinClaim& claim) { return claim.connection == connection; });
  std::erase_if(deadlines_, [&](const auto& deadline) {
    return std::none_of(claims_.begin(), claims_.end(), [&](const RejoinClaim& claim) {
      return claim.instance() == deadline.first;
    });
  });
  return claims_.size() < before;
}

bool RejoinClaims::holds(ConnectionId connection) const {
  return std::any_of(claims_.begin(), claims_.end(), [&](const RejoinClaim& claim) {
    return claim.connection == connection;
  });
}

std::vector<ClaimGroup> RejoinClaims::groups() const {
  std::map<InstanceId, std::vector<const RejoinClaim*>> by_instance;
  for (const RejoinClaim& claim : claims_) by_instance[claim.instance()].push_back(&claim);
  std::vector<ClaimGroup> groups;
  for (const auto& [instance, claims] : by_instance) {
    groups.push_back(group_of(claims, deadlines_.at(instance)));
  }
  return groups;
}

}  // namespace atoll_core::membership
