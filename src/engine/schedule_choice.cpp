#include "engine/schedule_choice.h"

#include <vector>

#include "base/assert.h"

namespace atoll_core::engine {

using topology::Algorithm;
using wire::OpKind;

namespace {

std::unique_ptr<collective::Schedule> make_all_reduce(
    Algorithm algorithm, const topology::Plan& plan, const collective::ScheduleRequest& request) {
  switch (algorithm) {
    case Algorithm::kStar: return collective::make_star_all_reduce(request, plan.hub);
    case Algorithm::kMesh: return collective::make_mesh_all_reduce(request, plan.shares);
    case Algorithm::kDirect: return collective::make_direct_all_reduce(request);
    case Algorithm::kRing:
    case Algorithm::kAuto: break;
  }
  return collective::make_ring_all_reduce(request, plan.ring);
}

std::vector<uint32_t> shares_of_reduce(const ScheduleNeeds& needs, const topology::Plan& plan,
                                       uint32_t world) {
  // Who owns nothing hears of no weights.
  return needs.weighted ? std::vector<uint32_t>(world, 1) : plan.shares;
}

// From whom each block comes, and to whom it goes.
std::vector<collective::Block> blocks_of(const ScheduleNeeds& needs, uint32_t world) {
  std::vector<collective::Block> blocks;
  for (uint32_t member = 0; member < world; ++member) {
    collective::Block block{needs.blocks[member], member, collective::kAllMembers};
    if (needs.kind == OpKind::kGather) block.to = needs.root;
    if (needs.kind == OpKind::kScatter) block = {block.range, needs.root, member};
    if (needs.kind == OpKind::kSend) block.to = (member + 1) % world;
    blocks.push_back(block);
  }
  return blocks;
}

}  // namespace

Algorithm choose_algorithm(const ScheduleNeeds& needs, const topology::Plan& plan,
                           uint64_t bytes) {
  if (needs.kind == OpKind::kBroadcast || needs.keeps_segments) return Algorithm::kRing;
  if (needs.kind != OpKind::kAllReduce) return Algorithm::kAuto;
  if (needs.asked != Algorithm::kAuto) return needs.asked;
  return topology::choose(plan, bytes);
}

std::unique_ptr<collective::Schedule> make_schedule(const ScheduleNeeds& needs,
                                                    Algorithm algorithm,
                                                    const topology::Plan& plan,
                                                    const collective::ScheduleRequest& request) {
  switch (needs.kind) {
    case OpKind::kAllReduce: return make_all_reduce(algorithm, plan, request);
    case OpKind::kBroadcast:
      return collective::make_ring_broadcast(request, plan.ring, needs.root);
    case OpKind::kReduce:
      return collective::make_reduce(request, shares_of_reduce(needs, plan, request.world),
                                     needs.root);
    case OpKind::kReduceScatter: return collective::make_reduce_scatter(request, needs.blocks);
    case OpKind::kAllGather:
    case OpKind::kGather:
    case OpKind::kScatter:
    case OpKind::kSend:
      return collective::make_exchange(request, blocks_of(needs, request.world));
    case OpKind::kAllToAll: return collective::make_all_to_all(request, needs.pairs);
    case OpKind::kBarrier:
    case OpKind::kSync: break;
  }
  ATOLL_ASSERT(false, "{} has no schedule", wire::to_string(needs.kind));
  return nullptr;
}

}  // namespace atoll_core::engine
