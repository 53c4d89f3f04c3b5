#include "topology/plan.h"

#include <algorithm>
#include <numeric>

#include "base/assert.h"
#include "base/limits.h"

namespace atoll_core::topology {
namespace {

std::vector<Choice> unmeasured_choices(uint32_t world) {
  if (world < 2) return {Choice{}};
  const uint64_t direct =
      std::min(kUnmeasuredDirectBytes, kUnmeasuredDirectTraffic / (world - 1));
  return {{direct + 1, Algorithm::kDirect},
          {world * kUnmeasuredMeshBytesPerMember + 1, Algorithm::kMesh},
          {Choice::kUnbounded, Algorithm::kRing}};
}

bool is_algorithm(Algorithm algorithm) {
  return algorithm >= Algorithm::kRing && algorithm <= Algorithm::kDirect;
}

Result<void> validate_ring(const std::vector<uint32_t>& ring, uint32_t world) {
  if (ring.size() != world) {
    return fail(ErrorCode::kInvalidArgument, "a plan for {} members has a ring of {}", world,
                ring.size());
  }
  std::vector<bool> named(world, false);
  for (const uint32_t member : ring) {
    if (member >= world || named[member]) {
      return fail(ErrorCode::kInvalidArgument,
                  "member {} is twice in the plan's ring or not one of {}", member, world);
    }
    named[member] = true;
  }
  return {};
}

Result<void> validate_shares(const std::vector<uint32_t>& shares, uint32_t world) {
  if (shares.size() != world) {
    return fail(ErrorCode::kInvalidArgument, "a plan for {} members has {} shares", world,
                shares.size());
  }
  const uint64_t sum = std::accumulate(shares.begin(), shares.end(), uint64_t{0});
  if (world > 0 && (sum == 0 || sum > limits::kPlanShares)) {
    return fail(ErrorCode::kInvalidArgument, "the plan's shares add up to {}, not to 1 to {}", sum,
                limits::kPlanShares);
  }
  return {};
}

Result<void> validate_choices(const std::vector<Choice>& choices) {
  if (choices.empty() || choices.size() > limits::kPlanChoices) {
    return fail(ErrorCode::kInvalidArgument, "a plan has {} choices, not 1 to {}", choices.size(),
                limits::kPlanChoices);
  }
  uint64_t below = 0;
  for (const Choice& choice : choices) {
    if (!is_algorithm(choice.algorithm)) {
      return fail(ErrorCode::kInvalidArgument, "a plan chooses the unknown algorithm {}",
                  static_cast<int>(choice.algorithm));
    }
    if (choice.bytes_below <= below) {
      return fail(ErrorCode::kInvalidArgument,
                  "the plan's choice below {} bytes comes after that below {}", choice.bytes_below,
                  below);
    }
    below = choice.bytes_below;
  }
  if (below == Choice::kUnbounded) return {};
  return fail(ErrorCode::kInvalidArgument, "the plan has no choice from {} bytes on", below);
}

Result<void> validate_pipelining(const Pipelining& pipelining) {
  const auto [chunk, segments] = pipelining;
  if (chunk != 0 && (chunk < kPlannedChunkBytesMin || chunk > limits::kChunkBytes)) {
    return fail(ErrorCode::kInvalidArgument, "a plan has chunks of {} bytes, not {} to {}", chunk,
                kPlannedChunkBytesMin, limits::kChunkBytes);
  }
  if (segments > limits::kSegmentsInFlight) {
    return fail(ErrorCode::kInvalidArgument, "a plan has {} segments in flight, more than {}",
                segments, limits::kSegmentsInFlight);
  }
  return {};
}

}  // namespace

Plan make_plan(uint32_t world) {
  Plan plan;
  plan.ring.resize(world);
  std::iota(plan.ring.begin(), plan.ring.end(), 0u);
  plan.shares.assign(world, 1);
  plan.choices = unmeasured_choices(world);
  return plan;
}

Algorithm choose(const Plan& plan, uint64_t bytes) {
  ATOLL_ASSERT(!plan.choices.empty(), "a plan of {} without choices", plan.ring.size());
  const auto found = std::upper_bound(
      plan.choices.begin(), plan.choices.end(), bytes,
      [](uint64_t size, const Choice& choice) { return size < choice.bytes_below; });
  // Nothing is below the last bound when `bytes` is the bound itself.
  return found == plan.choices.end() ? plan.choices.back().algorithm : found->algorithm;
}

Plan restrict(const Plan& plan, const std::vector<uint32_t>& kept) {
  const auto world = static_cast<uint32_t>(plan.ring.size());
  ATOLL_ASSERT(plan.shares.size() == world, "{} shares ring of {}", plan.shares.size(), world);
  std::vector<uint32_t> places(world, world);
  Plan rest;
  for (uint32_t place = 0; place < kept.size(); ++place) {
    ATOLL_ASSERT(kept[place] < world && places[kept[place]] == world,
                 "member {} is kept twice or not one of {}", kept[place], world);
    places[kept[place]] = place;
    rest.shares.push_back(plan.shares[kept[place]]);
  }
  for (const uint32_t member : plan.ring) {
    if (places[member] < world) rest.ring.push_back(places[member]);
  }
  if (std::all_of(rest.shares.begin(), rest.shares.end(), [](uint32_t s) { return s == 0; })) {
    rest.shares.assign(kept.size(), 1);
  }
  if (plan.hub < world && places[plan.hub] < world) {
    rest.hub = places[plan.hub];
  } else if (!rest.ring.empty()) {
    rest.hub = *std::max_element(rest.ring.begin(), rest.ring.end(), [&](uint32_t a, uint32_t b) {
      return rest.shares[a] < rest.shares[b];
    });
  }
  rest.choices = plan.choices;
  rest.pipelining = plan.pipelining;
  return rest;
}

Result<void> validate(const Plan& plan, uint32_t world) {
  if (auto ring = validate_ring(plan.ring, world); !ring) return ring;
  if (auto shares = validate_shares(plan.shares, world); !shares) return shares;
  if (plan.hub >= std::max(world, 1u)) {
    return fail(ErrorCode::kInvalidArgument, "the plan's hub is member {} of {}", plan.hub, world);
  }
  if (auto pipelining = validate_pipelining(plan.pipelining); !pipelining) return pipelining;
  return validate_choices(plan.choices);
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
