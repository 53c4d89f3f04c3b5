#pragma once

#include <string>

#include "atoll/atoll.h"
#include "base/error.h"
#include "peer/session.h"

namespace atoll_core::capi {

// Beginning of the names of the files that are written on an error; empty: none are.
std::string dump_prefix(const atollCommConfig_t& config);

// Checks the caller's configuration and turns it into a session's.
Result<peer::SessionConfig> session_config(const atollCommConfig_t& config);

}  // namespace atoll_core::capi
