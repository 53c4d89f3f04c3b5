// All-reduce in one hop, for what is so short that latency is all: everyone sends all its elements
// to everyone, and combines each segment in member order when those of all others have come. So all
// have the same bits, because all reduce in the same order.
//
// A segment is one chunk for each receiver, step 0, the participant after this one first. It is
// complete when it is combined here. Of one sender at most F_s + F_o chunks are held here at a
// time, with F_s and F_o the `segments_in_flight` of the sender and of this one: the sender has
// begun at most F_s more than it has combined, which is at most what this one has begun, and that
// is at most F_o more than it has combined.
//
// Source and sink must *not* be the same memory: when the result is complete here, others may still
// have to be served from the source.
#pragma once

#include <cstdint>
#include <vector>

#include "collective/arrivals.h"
#include "collective/make_schedule.h"
#include "collective/segment_window.h"
#include "collective/segments.h"

namespace atoll_core::collective {

class DirectAllReduce final : public Schedule {
 public:
  explicit DirectAllReduce(const ScheduleRequest& request);

  void start(Work& work) override;
  Result<Accepted> expect(const Arrival& arrival) const override;
  void absorbed(const Arrival& arrival, Work& work) override;
  bool complete() const override { return started_ && arrivals_.all(); }
  std::vector<uint32_t> awaited() const override { return arrivals_.awaited(); }
  uint64_t chunks_absorbed() const override { return arrivals_.absorbed(); }
  uint64_t chunks_expected() const override { return arrivals_.expected(); }

 private:
  uint32_t world() const { return request_.world; }
  uint64_t slot(const Arrival& arrival) const;
  void begin_segments(Work& work);

  ScheduleRequest request_;
  SegmentLayout layout_;
  Arrivals arrivals_;
  SegmentWindow window_;
  std::vector<uint32_t> to_collect_;  // chunks, by segment
  bool started_ = false;
};

}  // namespace atoll_core::collective
