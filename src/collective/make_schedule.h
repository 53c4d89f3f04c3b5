#pragma once

#include <limits>
#include <memory>
#include <vector>

#include "collective/schedule.h"
#include "topology/plan.h"

namespace atoll_core::collective {

struct ScheduleRequest {
  uint32_t world = 1;            // participants, at least 1
  uint32_t self = 0;             // this one's index
  uint64_t count = 0;            // elements
  uint32_t element_bytes = 4;
  uint32_t chunk_bytes_max = 256u << 10;  // aimed at; at most limits::kChunkBytes
  uint32_t segments_in_flight = 8;        // segments begun and not yet complete here
  // No segment is begun so many after the first that is not complete here, so that a chunk which
  // is late holds up all that follow. All-reduce around a ring only.
  bool in_order = false;
};

// Asserts that it is sound; returns it.
const ScheduleRequest& check_request(const ScheduleRequest& request);

// `ring`: participant indexes in ring order (topology::Plan::ring).
std::unique_ptr<Schedule> make_ring_all_reduce(const ScheduleRequest& request,
                                               const std::vector<uint32_t>& ring);
// Pipelined along the ring order from `root`.
std::unique_ptr<Schedule> make_ring_broadcast(const ScheduleRequest& request,
                                              const std::vector<uint32_t>& ring, uint32_t root);

// Consecutive regions of [0, count), by participant, in proportion to the shares. 0 owns nothing;
// not all may be 0. They begin at multiples of 256 elements where that costs little fairness.
std::vector<ElementRange> regions_of_shares(uint64_t count, const std::vector<uint32_t>& shares);

// All send to the hub, who returns the result.
std::unique_ptr<Schedule> make_star_all_reduce(const ScheduleRequest& request, uint32_t hub);
// Everyone is hub of its share; `shares` as for regions_of_shares.
std::unique_ptr<Schedule> make_mesh_all_reduce(const ScheduleRequest& request,
                                               const std::vector<uint32_t>& shares);
// Everyone to everyone. Source and sink must not be the same memory.
std::unique_ptr<Schedule> make_direct_all_reduce(const ScheduleRequest& request);
// A mesh that gives its results to the root alone. Everyone's sink is written in its own share.
std::unique_ptr<Schedule> make_reduce(const ScheduleRequest& request,
                                      const std::vector<uint32_t>& shares, uint32_t root);
// Each has the result of its own region, one for each participant; empty ones are allowed.
std::unique_ptr<Schedule> make_reduce_scatter(const ScheduleRequest& request,
                                              const std::vector<ElementRange>& regions);

inline constexpr uint32_t kAllMembers = std::numeric_limits<uint32_t>::max();
// Elements that go from one participant's source to the sink of another, or of all.
struct Block {
  ElementRange range;
  uint32_t from = 0;
  uint32_t to = kAllMembers;
};
// All-gather, gather, scatter, broadcast in one hop. The same blocks on all participants.
std::unique_ptr<Schedule> make_exchange(const ScheduleRequest& request,
                                        const std::vector<Block>& blocks);

// By participant, what goes to it and what comes from it, of the elements that this one has; its
// own block is the same in both.
struct PairBlocks {
  std::vector<ElementRange> sent;
  std::vector<ElementRange> received;
};
std::unique_ptr<Schedule> make_all_to_all(const ScheduleRequest& request,
                                          const PairBlocks& blocks);

}  // namespace atoll_core::collective
