// Sessions that hold a view of a run which this coordinator does not know: it was started again, or
// takes over. They wait here until there are enough of them to go on from.
//
// Invariants: one claim for each session and for each connection.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "membership/coordinator/coordinator_machine.h"
#include "wire/control.h"

namespace atoll_core::membership {

struct RejoinClaim {
  ConnectionId connection;
  std::string remote;
  wire::Register message;  // with `rejoin`
};

class RejoinClaims {
 public:
  // Returns the connection that this one replaces, if any.
  std::optional<ConnectionId> add(RejoinClaim claim, TimePoint deadline);
  bool erase(ConnectionId connection);
  bool holds(ConnectionId connection) const;
  void clear() { *this = RejoinClaims(); }

  bool empty() const { return claims_.empty(); }
  const std::vector<RejoinClaim>& claims() const { return claims_; }
  const RejoinClaim* find(SessionId session) const;
  // The one with the latest view, from which the run goes on.
  const RejoinClaim& latest() const;
  uint32_t highest_incarnation() const;
  bool several_coordinators() const;
  // When the first of them has waited long enough.
  TimePoint deadline() const { return deadline_; }

 private:
  std::vector<RejoinClaim> claims_;
  TimePoint deadline_ = kNever;
};

}  // namespace atoll_core::membership
