// Reduction by owners: star, mesh, reduce and reduce-scatter.
//
// Each participant owns a region of the elements, which may be empty. Step 0: everyone sends its
// own elements of a part to the part's owner, who collects them. When those of all others have come
// the owner combines them with its own, in member order, and, step 1, sends the final value to
// those who are given results, who store it: all (star, where one owns everything; mesh, where
// everyone owns a share), one root (reduce), or nobody (reduce-scatter). Nothing else travels: two
// hops, or one.
//
// Segment s is the s-th part of each region. This participant begins a segment by sending its
// elements of it, to the owner after itself first, so that not all send to the same one at a time.
// It has `segments_in_flight` segments begun that are not complete *for it*: it has combined its
// own part of it, and it has all results of it that it is given. Owners collect also what belongs
// to segments that they have not begun. ScheduleRequest::in_order is not looked at.
//
// How many chunks of one sender an owner holds at a time, with F_s and F_o the `segments_in_flight`
// of the two:
// - results to the sender (star, mesh, the root of a reduce): F_s. A part that is not combined is
//   of a segment whose result the sender misses, so that it is begun and not complete there.
// - no results, but the sender owns a part of each segment: F_s + F_o. What is complete at the
//   sender is a segment of which it had the owner's elements, so it has begun at most F_s more than
//   the owner has begun; the owner has begun at most F_o more than it has combined, because its own
//   parts are what makes a segment complete for it; and what it has combined the sender had begun.
// - no results and nothing of its own: only the owner's region bounds it. Such a sender hears
//   nothing of the op, sends everything at once and is complete. (The same holds from where a
//   sender has no parts any more, having fewer elements than there are segments.) So in a reduce
//   give everyone a share, where elements are many.
// Only senders' chunks are held; results are stored as they come.
//
// Why no send needs a copy, also when source and sink are the same memory:
// - step 0 sends a part of the source that another owns. Only its result is ever stored there, and
//   that comes from the owner after it combined, so after it had this participant's elements.
//   expect() refuses a result of a segment that was not begun here.
// - step 1 sends what this participant has combined, in its own region of the sink, which nothing
//   writes again. The same region of its source is read by the combining alone.
// An owner's sink must hold its own region, also in a reduce that gives it no result.
//
// A participant is complete when nothing is missing here; what it still has to send, also of its
// source, is a queue that outlives the completion. absorbed() of a chunk that is not expected is an
// assert.
#pragma once

#include <cstdint>
#include <vector>

#include "collective/arrivals.h"
#include "collective/make_schedule.h"
#include "collective/regions.h"
#include "collective/segment_window.h"

namespace atoll_core::collective {

struct HubPlan {
  enum class Results : uint8_t { kToAll, kToRoot, kToNobody };
  std::vector<ElementRange> regions;  // by owner
  Results results = Results::kToAll;
  uint32_t root = 0;                  // of kToRoot
};

class HubReduce final : public Schedule {
 public:
  HubReduce(const ScheduleRequest& request, const HubPlan& plan);

  void start(Work& work) override;
  Result<Accepted> expect(const Arrival& arrival) const override;
  void absorbed(const Arrival& arrival, Work& work) override;
  bool complete() const override { return started_ && arrivals_.all(); }
  std::vector<uint32_t> awaited() const override { return arrivals_.awaited(); }
  uint64_t chunks_absorbed() const override { return arrivals_.absorbed(); }
  uint64_t chunks_expected() const override { return arrivals_.expected(); }

 private:
  uint32_t world() const { return request_.world; }
  bool is_given_results(uint32_t member) const;
  uint64_t slot(const Arrival& arrival) const;
  Result<void> check_contribution(const Arrival& arrival) const;
  Result<void> check_result(const Arrival& arrival) const;
  void begin_segments(Work& work);
  void combine(uint32_t segment, Work& work);

  ScheduleRequest request_;
  HubPlan::Results results_;
  uint32_t root_;
  RegionLayout layout_;
  Arrivals arrivals_;
  SegmentWindow window_;
  std::vector<uint32_t> to_collect_;  // chunks, by segment of which a part is owned here
  bool started_ = false;
};

}  // namespace atoll_core::collective
