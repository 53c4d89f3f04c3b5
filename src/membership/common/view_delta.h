// Views travel as deltas with a digest of the whole.
#pragma once

#include <optional>
#include <set>

#include "base/error.h"
#include "wire/control.h"

namespace atoll_core::membership {

// Each has its place for its slot: in the first view of a generation.
void number_slots(wire::View& view);
// `view` without `gone`: the same generation, its plan restricted. The epoch stays.
wire::View without(const wire::View& view, const std::set<PeerId>& gone);

// The delta that leads from `base` (none: from nothing) to `next`.
wire::ViewDelta make_delta(const wire::View* base, const wire::View& next, std::string reason);

// What the delta, which builds on `base` or on nothing, leads to; it need not be a view.
wire::View next_view(const wire::View* base, const wire::ViewDelta& delta);
// Refuses a delta whose base is not `base`, whose plan does not fit the members, whose outcome is
// no view (wire/view_check.h), or whose digest does not match it.
Result<wire::View> apply_delta(const wire::View* base, const wire::ViewDelta& delta);

}  // namespace atoll_core::membership
