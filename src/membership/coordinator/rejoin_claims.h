// Sessions that hold a view of a run which this coordinator does not know: it was started again, or
// takes over. They wait here until there are enough of them to go on from. Those of several
// instances are never mixed, and of each instance one life of the coordinator goes on.
//
// Invariants: one claim for each session and for each connection.
#pragma once

#include <map>
#include <optional>
#include <set>
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

  const wire::Rejoin& rejoin() const { return *message.rejoin; }
  InstanceId instance() const { return message.rejoin->view.instance; }
};

// The claims of one instance.
struct ClaimGroup {
  InstanceId instance;
  TimePoint deadline;          // when the first of them has waited long enough
  const wire::View* view = nullptr;  // from which the run goes on
  // Of the life that goes on, or of one before it.
  std::map<SessionId, const RejoinClaim*> claims;
  std::vector<const RejoinClaim*> strays;  // of one that has counted alike, and has less
  wire::RunHistory history;    // of the life that goes on
  uint32_t highest_incarnation = 0;
  bool several_coordinators = false;

  const RejoinClaim* find(SessionId session) const;
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
  // Of use until claims come or go.
  std::vector<ClaimGroup> groups() const;

 private:
  std::vector<RejoinClaim> claims_;
  std::map<InstanceId, TimePoint> deadlines_;
};

}  // namespace atoll_core::membership
