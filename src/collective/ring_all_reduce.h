// Reduce-scatter and all-gather around a ring, chunk by chunk.
//
// In each segment the block that began at position b travels the ring twice in one walk of 2n-2
// steps: at step k position p sends block (p-k) mod n to the next position and receives block
// (p-k-1) mod n from the previous one. Steps 0 to n-2 reduce; the receiver of step n-2 has seen all
// contributions, owns the final value and starts the gather, steps n-1 to 2n-3, which store. What
// arrives at step k is sent on as step k+1 at once, whatever the state of other blocks and of other
// segments: nothing waits for a stage to end.
//
// Pipelining: this participant begins a segment by sending its own block of it (step 0). It has
// `segments_in_flight` segments begun and not complete; others may be ahead, so chunks of segments
// that were not begun here are taken and sent on too.
//
// With `in_order`, let k be the first segment that is not complete here and F `segments_in_flight`.
// Others complete nothing that was not begun here, so they are at most F ahead, and begin at most F
// beyond that: no chunk of segment k+2F or later comes. And whoever passed on a chunk of segment
// k-1 had completed all below k-2F by then, because the one that began it had completed all up to
// k-1-F, which all had begun, who therefore had completed all up to k-1-2F. So what is known to be
// complete everywhere is less than 4F segments behind what arrives, also while it is held.
//
// Why no send needs a copy, also when source and sink are the same memory:
// - step 0 sends block p of the source. Position p receives that block only once, at its last step
//   of the walk, and what arrives there was made from what `next` received at step 0: so `next`
//   has the whole chunk before anything overwrites it here. (A resend after that is of a chunk that
//   the receiver knows and drops by its name.)
// - any other scatter send is of a block in the sink that only the gather writes again; the gather
//   of a block begins at its owner, which is `next` or comes after it on the walk: so again `next`
//   has what was sent before it is overwritten.
// - gather sends are of final values, which nothing overwrites.
// expect() enforces the order which these arguments rest on: a gather chunk is refused while the
// scatter of the same block has not passed here.
//
// expect() changes nothing, so that two chunks of the same name may both pass it before the first
// is absorbed: whoever reduces must ask again right before it, or know chunks by name itself.
// absorbed() of a chunk that is not expected is an assert.
#pragma once

#include <cstdint>
#include <vector>

#include "collective/make_schedule.h"
#include "collective/segments.h"

namespace atoll_core::collective {

class RingAllReduce final : public Schedule {
 public:
  RingAllReduce(const ScheduleRequest& request, const std::vector<uint32_t>& ring);

  void start(Work& work) override;
  Result<Accepted> expect(const Arrival& arrival) const override;
  void absorbed(const Arrival& arrival, Work& work) override;
  bool complete() const override;
  std::vector<uint32_t> awaited() const override;
  uint64_t chunks_absorbed() const override { return chunks_absorbed_; }
  uint64_t chunks_expected() const override { return chunks_expected_; }
  uint64_t complete_below() const override;
  void hold() override { held_ = true; }
  void release(Work& work) override;

 private:
  uint32_t world() const { return request_.world; }
  uint32_t steps() const { return 2 * world() - 2; }
  // The block received at `step`; the one sent at `step` is the one received at `step` - 1.
  uint32_t block_received(uint32_t step) const;
  // Of a segment with fewer elements than participants, where some blocks are empty.
  uint32_t chunks_of_short_segment(uint32_t segment) const;
  bool arrived(uint32_t segment, uint32_t step) const;
  // Refuses a chunk that is named well but cannot come now.
  Result<void> in_order(const Arrival& arrival) const;
  void begin_next_segment(Work& work);
  void begin_segments_in_order(Work& work);

  ScheduleRequest request_;
  topology::RingPosition place_;
  SegmentLayout layout_;
  uint32_t segments_begun_ = 0;
  uint32_t segments_whole_ = 0;  // complete, and so are all before them
  bool started_ = false;
  bool held_ = false;
  uint64_t chunks_absorbed_ = 0;
  uint64_t chunks_expected_ = 0;
  std::vector<bool> arrived_;      // by segment and step
  std::vector<uint32_t> missing_;  // chunks to come, by segment
};

}  // namespace atoll_core::collective
