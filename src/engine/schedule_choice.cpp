#include "engine/schedule_choice.h"

#include <vector>

namespace atoll_core::engine {

using topology::Algorithm;

Algorithm choose_algorithm(const ScheduleNeeds& needs, const topology::Plan& plan,
                           uint64_t bytes) {
  if (needs.kind != wire::OpKind::kAllReduce || needs.keeps_segments) return Algorithm::kRing;
  if (needs.asked != Algorithm::kAuto) return needs.asked;
  return topology::choose(plan, bytes);
}

std::unique_ptr<collective::Schedule> make_schedule(const ScheduleNeeds& needs,
                                                    Algorithm algorithm,
                                                    const topology::Plan& plan,
                                                    const collective::ScheduleRequest& request) {
  if (needs.kind == wire::OpKind::kBroadcast) {
    return collective::make_ring_broadcast(request, plan.ring, needs.root);
  }
  switch (algorithm) {
    case Algorithm::kStar: return collective::make_star_all_reduce(request, plan.hub);
    case Algorithm::kMesh: return collective::make_mesh_all_reduce(request, plan.shares);
    case Algorithm::kDirect: return collective::make_direct_all_reduce(request);
    case Algorithm::kRing:
    case Algorithm::kAuto: break;
  }
  return collective::make_ring_all_reduce(request, plan.ring);
}

}  // namespace atoll_core::engine
