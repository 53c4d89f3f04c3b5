#include "membership/coordinator/rejoin_claims.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

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
    const bool better = alike && std::pair(life.history, life.claims) >
                                     std::pair(best.history, best.claims);
    if (is_later(incarnation, chosen) || better) chosen = incarnation;
  }
  return chosen;
}

void complete(ClaimGroup& group) {
  const Incarnation life = choose_life(group.claims);
  std::vector<const RejoinClaim*> claims;
  for (const RejoinClaim* claim : group.claims) {
    const wire::Rejoin& rejoin = claim->rejoin();
    group.highest_incarnation = std::max({group.highest_incarnation, rejoin.incarnation.counter,
                                          life_of(*claim).counter});
    group.several_coordinators = group.several_coordinators || claim->message.coordinators > 1;
    const bool stray = life_of(*claim) != life && life_of(*claim).counter == life.counter;
    (stray ? group.strays : claims).push_back(claim);
    if (stray) continue;
    group.history = std::max(group.history, claim->message.memory.history);
    if (life_of(*claim) != life) continue;
    const bool first = group.view == nullptr || life_of(*claim) != group.view->epoch.incarnation;
    if (first || is_later(rejoin.view.epoch, group.view->epoch)) group.view = &rejoin.view;
  }
  group.claims = std::move(claims);
}

}  // namespace

const RejoinClaim* ClaimGroup::find(SessionId session) const {
  const auto found = std::find_if(claims.begin(), claims.end(), [session](const auto* claim) {
    return claim->message.peer.session == session;
  });
  return found == claims.end() ? nullptr : *found;
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
  std::map<InstanceId, ClaimGroup> groups;
  for (const RejoinClaim& claim : claims_) groups[claim.instance()].claims.push_back(&claim);
  std::vector<ClaimGroup> result;
  for (auto& [instance, group] : groups) {
    group.instance = instance;
    group.deadline = deadlines_.at(instance);
    complete(group);
    result.push_back(std::move(group));
  }
  return result;
}

}  // namespace atoll_core::membership
