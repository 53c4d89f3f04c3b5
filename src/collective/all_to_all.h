// Each participant has a block for each other one, of any length, and sends it straight to that
// one. There is no common numbering of the elements: a participant knows what it sends and what
// comes, and a range is one of its own list of both.
//
// A block is cut into chunks, numbered within the block, so that a chunk is a segment, and all are
// step 0. An empty block is one chunk without elements: so each hears from each before it is
// complete, and an end that expects another count notices.
//
// Order. At distance d a participant sends to the d-th after itself and hears from the d-th before
// itself. It begins with distance 1, so that no two send to the same one at the same time. It may
// be kDistancesAhead beyond the distances from which all has come, or further as long as what it
// has begun beyond them has at most kBytesAhead: so many links are busy, and short blocks all go at
// once, but of long ones not all of a large world meet at one receiver.
// Nobody is stuck: whoever has begun the fewest distances waits for what others send it at lower
// ones, which all of them have begun; once that is there it begins more.
//
// Sends are of the source, what comes is stored in the sink, and no range is both but the block
// that a participant has for itself, which it copies. A participant is complete when it has heard
// all; what it still has to send is a queue that outlives the completion. absorbed() of a chunk
// that is not expected is an assert.
#pragma once

#include <cstdint>
#include <vector>

#include "collective/arrivals.h"
#include "collective/make_schedule.h"
#include "collective/segments.h"

namespace atoll_core::collective {

class AllToAll final : public Schedule {
 public:
  static constexpr uint32_t kDistancesAhead = 8;
  static constexpr uint64_t kBytesAhead = 4u << 20;

  AllToAll(const ScheduleRequest& request, const PairBlocks& blocks);

  void start(Work& work) override;
  Result<Accepted> expect(const Arrival& arrival) const override;
  void absorbed(const Arrival& arrival, Work& work) override;
  bool complete() const override { return started_ && arrivals_.all(); }
  std::vector<uint32_t> awaited() const override { return arrivals_.awaited(); }
  uint64_t chunks_absorbed() const override { return arrivals_.absorbed(); }
  uint64_t chunks_expected() const override { return arrivals_.expected(); }

 private:
  // A block with its chunks.
  class Cut {
   public:
    Cut(const ElementRange& block, const ScheduleRequest& request);
    uint32_t chunks() const { return std::max(layout_.segment_count(), uint32_t{1}); }
    ElementRange chunk(uint32_t segment) const;
    uint64_t count() const { return block_.count(); }

   private:
    ElementRange block_;
    SegmentLayout layout_;
  };

  static std::vector<Cut> cut(const std::vector<ElementRange>& blocks,
                              const ScheduleRequest& request);
  uint64_t slots() const;
  uint32_t after(uint32_t distance) const { return (request_.self + distance) % request_.world; }
  uint32_t before(uint32_t distance) const {
    return (request_.self + request_.world - distance) % request_.world;
  }
  void begin_distances(Work& work);

  ScheduleRequest request_;
  std::vector<Cut> sent_;      // by participant
  std::vector<Cut> received_;
  ElementRange own_;
  std::vector<uint64_t> first_slot_;  // of what comes from a participant
  std::vector<uint32_t> missing_;     // chunks, by participant
  Arrivals arrivals_;
  bool started_ = false;
  uint32_t begun_ = 0;         // distances
  uint32_t heard_ = 0;         // from which all has come, and all lower ones
  uint64_t bytes_ahead_ = 0;   // that were begun at distances beyond those
};

}  // namespace atoll_core::collective
