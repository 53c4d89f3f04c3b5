// What the schedules around a ring have in common.
#pragma once

#include <cstdint>
#include <vector>

#include "base/element.h"
#include "base/error.h"
#include "collective/make_schedule.h"
#include "topology/plan.h"

namespace atoll_core::collective {

// Where `member` stands. Asserts that the request is sound and that the ring names each participant
// once.
topology::RingPosition checked_position(const ScheduleRequest& request,
                                        const std::vector<uint32_t>& ring, uint32_t member);

// In a ring only one participant sends to another.
Result<void> check_sender(const Arrival& arrival, uint32_t previous);

}  // namespace atoll_core::collective
