// What a coordinator tells of its run, asked from outside of the run.
#pragma once

#include <string>

#include "base/endpoint.h"
#include "base/error.h"
#include "base/time.h"

namespace atoll_core::peer {

// Blocking. JSON; docs/HACKING.md says what is in it.
Result<std::string> coordinator_status_json(const Endpoint& coordinator, Duration timeout);

}  // namespace atoll_core::peer
