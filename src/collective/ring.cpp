#include "collective/ring.h"

#include "base/assert.h"

namespace atoll_core::collective {

topology::RingPosition checked_position(const ScheduleRequest& request,
                                        const std::vector<uint32_t>& ring, uint32_t member) {
  ATOLL_ASSERT(request.world > 0 && ring.size() == request.world && request.segments_in_flight > 0,
               "world={} ring of {} segments_in_flight={}", request.world, ring.size(),
               request.segments_in_flight);
  std::vector<bool> named(request.world, false);
  for (const uint32_t participant : ring) {
    ATOLL_ASSERT(participant < request.world && !named[participant],
                 "participant {} is twice in the ring or not one of {}", participant,
                 request.world);
    named[participant] = true;
  }
  topology::Plan plan;
  plan.ring = ring;
  return topology::ring_position(plan, member);
}

Result<void> check_sender(const Arrival& arrival, uint32_t previous) {
  if (arrival.from == previous) return {};
  return fail(ErrorCode::kInvalidArgument,
              "participant {} sent segment {} step {}, but only participant {} sends here",
              arrival.from, arrival.segment, arrival.step, previous);
}

}  // namespace atoll_core::collective
