// Views travel as deltas with a digest of the whole.
#pragma once

#include <optional>

#include "base/error.h"
#include "wire/control.h"

namespace atoll_core::membership {

// Each has its place for its slot: in the first view of a generation.
void number_slots(wire::View& view);

// The delta that leads from `base` (none: from nothing) to `next`.
wire::ViewDelta make_delta(const wire::View* base, const wire::View& next, std::string reason);

// Refuses a delta whose base is not `base` or whose digest does not match the outcome.
Result<wire::View> apply_delta(const wire::View* base, const wire::ViewDelta& delta);

}  // namespace atoll_core::membership
