// One question and its answer on a control connection of their own, blocking on the calling thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/endpoint.h"
#include "base/error.h"
#include "base/time.h"
#include "names/name_lookups.h"

namespace atoll_core::transport {

// Connects, sends `question`, and hands what comes to `take` until that returns true. An error when
// this does not happen within `timeout`.
Result<void> control_exchange(const std::vector<Endpoint>& candidates, Duration timeout,
                              std::string question, const std::function<bool(ByteSpan)>& take,
                              names::NameLookups& names = names::NameLookups::of_system());

}  // namespace atoll_core::transport
