#include "topology/plan.h"

#include <algorithm>
#include <numeric>

#include "base/assert.h"

namespace atoll_core::topology {

Plan make_plan(uint32_t world) {
  Plan plan;
  plan.ring.resize(world);
  std::iota(plan.ring.begin(), plan.ring.end(), 0u);
  return plan;
}

RingPosition ring_position(const Plan& plan, uint32_t member) {
  const auto found = std::find(plan.ring.begin(), plan.ring.end(), member);
  ATOLL_ASSERT(found != plan.ring.end(), "member={} ring of {}", member, plan.ring.size());
  const size_t world = plan.ring.size();
  const auto index = static_cast<size_t>(found - plan.ring.begin());
  return {static_cast<uint32_t>(index), plan.ring[(index + world - 1) % world],
          plan.ring[(index + 1) % world]};
}

}  // namespace atoll_core::topology
