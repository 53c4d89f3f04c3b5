// Which refusals are for good.
#pragma once

#include "base/canary.h"
#include "base/error.h"

namespace atoll_core::membership {

// Whoever is refused for what can change tries again, here or at another address, for as long as it
// has patience with coordinators at all: a coordinator that is full, or is not the one that drives,
// is so for a while. What can never change ends the session: another protocol version, another
// run, a replica's place that is taken, an eviction.
inline bool is_for_good(ErrorCode code) {
  switch (code) {
    case ErrorCode::kCoordinatorUnreachable:
    case ErrorCode::kTimeout:
    case ErrorCode::kSystemError:
    case ErrorCode::kOutOfMemory: return broken(Canary::kRefusalIsFatal);
    default: return true;
  }
}

}  // namespace atoll_core::membership
