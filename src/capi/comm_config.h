#pragma once

#include "atoll/atoll.h"
#include "base/error.h"
#include "peer/session.h"

namespace atoll_core::capi {

// Checks the caller's configuration and turns it into a session's.
Result<peer::SessionConfig> session_config(const atollCommConfig_t& config);

}  // namespace atoll_core::capi
