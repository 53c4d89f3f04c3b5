// A call as it is handed to the ledger.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "engine/call.h"
#include "engine/call_body.h"
#include "engine/call_names.h"
#include "wire/control.h"

namespace atoll_core::engine {

struct NewCall {
  CallId call = 0;
  CallNames::Place place;
  std::optional<TimePoint> called_at;  // of one that has waited for its name
  CallOptions options;
  wire::CallDescription description;
  std::vector<uint64_t> block_counts;  // told where they may be what differs
  std::unique_ptr<CallBody> body;
  // Set when the call can only end in this error, which is agreed like any other outcome.
  std::optional<Error> doomed;
};

}  // namespace atoll_core::engine
