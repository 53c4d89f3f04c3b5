// Elements that change place and are not reduced: all-gather (block i from i to all), gather (from
// i to the root), scatter (from the root to i), broadcast in one hop (one block from the root to
// all).
//
// A block is cut into chunks; these are numbered through all blocks, so that a chunk is a segment,
// and all are step 0. A participant sends its blocks in the order in which they are given, each
// chunk to the one after itself first; what arrives is stored. The sender of a block that is among
// its receivers copies it.
//
// How far a sender runs ahead: nothing comes back for what one sends, so the pace of a link is that
// of its connections and credits, and sends are descriptors, not bytes. Only where all blocks are
// for all (all-gather) is there something to go by: a sender has begun the same portion of its own
// chunks as has arrived of those that it expects, and `segments_in_flight` chunks more. Nobody is
// stuck: whoever has begun the least portion has received, once all that was sent is there, at
// least that portion of others', and so begins more. In all other patterns a member may wait for
// what another sends last, so everything is begun at the start, as it is by one that expects
// nothing, which has no events at all.
//
// Sends are of the source. So that source and sink may be the same memory, what is received must
// not overlap what is sent; in the four patterns above it does not. A participant is complete when
// it has received all; what it still has to send is a queue that outlives the completion.
// absorbed() of a chunk that is not expected is an assert.
#pragma once

#include <cstdint>
#include <vector>

#include "collective/arrivals.h"
#include "collective/make_schedule.h"
#include "collective/segments.h"

namespace atoll_core::collective {

class Exchange final : public Schedule {
 public:
  // Blocks for the same receiver must not overlap.
  Exchange(const ScheduleRequest& request, const std::vector<Block>& blocks);

  void start(Work& work) override;
  Result<Accepted> expect(const Arrival& arrival) const override;
  void absorbed(const Arrival& arrival, Work& work) override;
  bool complete() const override { return started_ && arrivals_.all(); }
  std::vector<uint32_t> awaited() const override { return arrivals_.awaited(); }
  uint64_t chunks_absorbed() const override { return arrivals_.absorbed(); }
  uint64_t chunks_expected() const override { return arrivals_.expected(); }

 private:
  // A block with its chunks.
  struct Cut {
    Block block;
    SegmentLayout layout;
    uint32_t first_segment;
    ElementRange chunk(uint32_t segment) const;
  };

  static std::vector<Cut> cut(const ScheduleRequest& request, const std::vector<Block>& blocks);
  bool is_for(const Block& block, uint32_t member) const;
  uint32_t segment_count() const;
  const Cut& cut_of(uint32_t segment) const;
  uint64_t may_have_begun() const;
  void begin_chunks(Work& work);
  void send_chunk(const Cut& cut, uint32_t segment, Work& work) const;

  ScheduleRequest request_;
  std::vector<Cut> cuts_;  // of blocks that are not empty
  Arrivals arrivals_;
  bool paced_ = true;
  bool started_ = false;
  std::vector<uint32_t> to_send_;  // segments of this one's blocks for others, in order
  size_t begun_ = 0;
};

}  // namespace atoll_core::collective
