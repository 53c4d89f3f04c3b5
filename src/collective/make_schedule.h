#pragma once

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
  // is late holds up all that follow. All-reduce only.
  bool in_order = false;
};

// `ring`: participant indexes in ring order (topology::Plan::ring).
std::unique_ptr<Schedule> make_ring_all_reduce(const ScheduleRequest& request,
                                               const std::vector<uint32_t>& ring);
// Pipelined along the ring order from `root`.
std::unique_ptr<Schedule> make_ring_broadcast(const ScheduleRequest& request,
                                              const std::vector<uint32_t>& ring, uint32_t root);

}  // namespace atoll_core::collective
