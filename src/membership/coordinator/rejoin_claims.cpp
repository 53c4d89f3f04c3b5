#include "membership/coordinator/rejoin_claims.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace atoll_core::membership {

std::optional<ConnectionId> RejoinClaims::add(RejoinClaim claim, TimePoint deadline) {
  if (claims_.empty()) deadline_ = deadline;
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
  if (claims_.empty()) deadline_ = kNever;
  return claims_.size() < before;
}

bool RejoinClaims::holds(ConnectionId connection) const {
  return std::any_of(claims_.begin(), claims_.end(), [&](const RejoinClaim& claim) {
    return claim.connection == connection;
  });
}

const RejoinClaim* RejoinClaims::find(SessionId session) const {
  for (const RejoinClaim& claim : claims_) {
    if (claim.message.peer.session == session) return &claim;
  }
  return nullptr;
}

const RejoinClaim& RejoinClaims::latest() const {
  ATOLL_ASSERT(!claims_.empty(), "{} claims", claims_.size());
  return *std::max_element(claims_.begin(), claims_.end(), [](const auto& one, const auto& other) {
    return one.message.rejoin->view.epoch < other.message.rejoin->view.epoch;
  });
}

uint32_t RejoinClaims::highest_incarnation() const {
  uint32_t highest = 0;
  for (const RejoinClaim& claim : claims_) {
    const wire::Rejoin& rejoin = *claim.message.rejoin;
    highest = std::max({highest, rejoin.incarnation.counter,
                        rejoin.view.epoch.incarnation.counter});
  }
  return highest;
}

bool RejoinClaims::several_coordinators() const {
  return std::any_of(claims_.begin(), claims_.end(),
                     [](const RejoinClaim& claim) { return claim.message.coordinators > 1; });
}

}  // namespace atoll_core::membership
