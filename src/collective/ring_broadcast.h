// The root's elements travel along the ring, chunk by chunk, until the participant before the root
// has them. A chunk is a segment; its step is the number of hops it has behind it, so that the
// root sends step 0. What arrives is stored and sent on at once.
//
// The root copies its source to its sink first and sends from there, and it is complete as soon as
// it has: its sends are a queue that outlives the completion. They are all handed out at once, in
// order; they are descriptors, not bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "collective/make_schedule.h"
#include "collective/segments.h"

namespace atoll_core::collective {

class RingBroadcast final : public Schedule {
 public:
  RingBroadcast(const ScheduleRequest& request, const std::vector<uint32_t>& ring, uint32_t root);

  void start(Work& work) override;
  Result<Accepted> expect(const Arrival& arrival) const override;
  void absorbed(const Arrival& arrival, Work& work) override;
  bool complete() const override;
  std::vector<uint32_t> awaited() const override;
  uint64_t chunks_absorbed() const override { return chunks_absorbed_; }
  uint64_t chunks_expected() const override { return arrived_.size(); }

 private:
  bool is_root() const { return hops_ == 0; }
  bool is_last() const { return hops_ + 1 == world_; }

  uint32_t world_;
  topology::RingPosition place_;
  uint32_t hops_;  // from the root to here
  SegmentLayout layout_;
  bool started_ = false;
  uint64_t chunks_absorbed_ = 0;
  std::vector<bool> arrived_;  // by segment; the root expects none
};

}  // namespace atoll_core::collective
