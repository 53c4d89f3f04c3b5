// Reductions whose owners collect, carried out in a fabric and compared with the oracle.
#pragma once

#include <string>
#include <vector>

#include "collective/make_schedule.h"
#include "collective/regions.h"
#include "unit/collective/fabric.h"

namespace atoll_core::collective {

enum class Kind { kStar, kMesh, kReduce, kReduceScatter, kDirect };

struct Reduction {
  Kind kind = Kind::kMesh;
  uint32_t world = 1;
  uint64_t count = 0;
  uint32_t chunk_bytes_max = 1;
  uint32_t segments_in_flight = 2;
  std::vector<uint32_t> shares{};       // of mesh and reduce; by default all alike
  std::vector<ElementRange> regions{};  // of reduce-scatter; by default those of the shares
  uint32_t hub = 0;                   // or root
  uint64_t seed = 1;
  Delivery delivery = Delivery::kAnyOrder;

  bool gives_results_to(uint32_t member) const {
    if (kind == Kind::kReduce) return member == hub;
    return kind != Kind::kReduceScatter;
  }
  // Participants may differ in how far they run ahead.
  uint32_t window(uint32_t member) const { return segments_in_flight + member % 2; }
  std::string name() const {
    std::string text = fmt::format("kind {} world {} count {} chunk {} window {} hub {} seed {} "
                                   "shares",
                                   static_cast<int>(kind), world, count, chunk_bytes_max,
                                   segments_in_flight, hub, seed);
    for (const uint32_t share : shares) text += fmt::format(" {}", share);
    return text;
  }
};

inline std::vector<uint32_t> shares_of(const Reduction& test) {
  return test.shares.empty() ? std::vector<uint32_t>(test.world, 1) : test.shares;
}

// By owner. A direct all-reduce has none.
inline std::vector<ElementRange> regions_of(const Reduction& test) {
  if (test.kind == Kind::kReduceScatter && !test.regions.empty()) return test.regions;
  if (test.kind != Kind::kStar) return regions_of_shares(test.count, shares_of(test));
  std::vector<ElementRange> regions(test.world);
  regions[test.hub] = {0, test.count};
  return regions;
}

inline ScheduleRequest request_of(const Reduction& test, uint32_t self, uint32_t element_bytes) {
  ScheduleRequest request;
  request.world = test.world;
  request.self = self;
  request.count = test.count;
  request.element_bytes = element_bytes;
  request.chunk_bytes_max = test.chunk_bytes_max;
  request.segments_in_flight = test.window(self);
  return request;
}

inline std::unique_ptr<Schedule> schedule_of(const Reduction& test, uint32_t self,
                                             uint32_t element_bytes) {
  const ScheduleRequest request = request_of(test, self, element_bytes);
  switch (test.kind) {
    case Kind::kStar: return make_star_all_reduce(request, test.hub);
    case Kind::kMesh: return make_mesh_all_reduce(request, shares_of(test));
    case Kind::kReduce: return make_reduce(request, shares_of(test), test.hub);
    case Kind::kReduceScatter: return make_reduce_scatter(request, regions_of(test));
    case Kind::kDirect: return make_direct_all_reduce(request);
  }
  return nullptr;
}

// Sources depend on the seed alone, the order of events also on `order`.
template <class T>
Fabric<T> fabric_of(const Reduction& test, uint64_t order) {
  std::mt19937_64 random(test.seed);
  Fabric<T> fabric(test.seed + order);
  for (uint32_t self = 0; self < test.world; ++self) {
    const bool in_place = random() % 2 == 0 && test.kind != Kind::kDirect;
    fabric.add(schedule_of(test, self, sizeof(T)), random_elements<T>(test.count, random),
               in_place);
  }
  return fabric;
}

// Of one sender at one owner, at a time: what the headers promise.
inline uint64_t held_at_most(const Reduction& test, uint32_t element_bytes, uint32_t sender,
                             uint32_t owner) {
  const uint64_t both = uint64_t{test.window(sender)} + test.window(owner);
  if (test.kind == Kind::kDirect) return both;
  if (test.gives_results_to(sender)) return test.window(sender);
  const RegionLayout layout(regions_of(test), test.count, element_bytes, test.chunk_bytes_max);
  const bool always_owns = layout.part_count(sender) == layout.segment_count();
  return always_owns ? both : layout.part_count(owner);
}

template <class T>
void check_sinks(Fabric<T>& fabric, const Reduction& test) {
  const std::vector<T> sum = sum_in_member_order(fabric);
  const std::vector<ElementRange> regions = regions_of(test);
  for (uint32_t i = 0; i < test.world; ++i) {
    auto& participant = fabric.at(i);
    std::vector<T> expected(test.count, T(7));
    if (participant.in_place) expected = participant.source;
    if (test.gives_results_to(i)) {
      expected = sum;
    } else {
      std::copy(sum.begin() + static_cast<std::ptrdiff_t>(regions[i].begin),
                sum.begin() + static_cast<std::ptrdiff_t>(regions[i].end),
                expected.begin() + static_cast<std::ptrdiff_t>(regions[i].begin));
    }
    ASSERT_EQ(participant.sink, expected) << "participant " << i;
  }
}

template <class T>
void check_traffic(Fabric<T>& fabric, const Reduction& test) {
  const std::vector<ElementRange> regions = regions_of(test);
  const uint64_t others = test.world - 1;
  for (uint32_t i = 0; i < test.world; ++i) {
    const uint64_t own = regions[i].count();
    uint64_t owned = 0;
    for (const ElementRange& region : regions) owned += region.count();
    uint64_t receivers = 0;
    for (uint32_t j = 0; j < test.world; ++j) receivers += j != i && test.gives_results_to(j);
    const uint64_t expected = test.kind == Kind::kDirect ? others * test.count
                              : test.world == 1          ? 0
                                                         : owned - own + own * receivers;
    EXPECT_EQ(fabric.at(i).elements_sent, expected) << "participant " << i;
  }
}

template <class T>
void check_reduction(Fabric<T>& fabric, const Reduction& test) {
  check_sinks(fabric, test);
  check_traffic(fabric, test);
  std::vector<uint32_t> finished(test.count, 0);
  for (uint32_t i = 0; i < test.world; ++i) {
    auto& participant = fabric.at(i);
    EXPECT_TRUE(participant.schedule->complete());
    EXPECT_TRUE(participant.schedule->awaited().empty());
    EXPECT_EQ(participant.schedule->chunks_absorbed(), participant.schedule->chunks_expected());
    EXPECT_TRUE(participant.collected.empty());
    for (const auto& [sender, held] : participant.held_most) {
      EXPECT_LE(held, held_at_most(test, sizeof(T), sender, i)) << sender << " to " << i;
    }
    for (uint64_t e = 0; e < test.count; ++e) finished[e] += participant.finished[e];
  }
  for (const ElementRange& region : regions_of(test)) {
    for (uint64_t e = region.begin; e < region.end; ++e) {
      ASSERT_EQ(finished[e], test.kind == Kind::kDirect ? test.world : 1u) << "element " << e;
    }
  }
}

template <class T>
void carry_out(const Reduction& test) {
  SCOPED_TRACE(test.name());
  Fabric<T> fabric = fabric_of<T>(test, 0);
  fabric.start_and_run(test.delivery);
  if (!testing::Test::HasFatalFailure()) check_reduction(fabric, test);
}

}  // namespace atoll_core::collective
