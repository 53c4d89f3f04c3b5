// How far a participant may run ahead. It begins segments in order, and has at most so many begun
// that are not complete for it; complete is a segment of which nothing is missing here any more.
//
// Nobody is stuck as long as, once all have begun a segment, its chunks come everywhere whatever
// becomes of later segments: whoever has begun the fewest has all that it waits for of those, and
// so begins another.
#pragma once

#include <cstdint>
#include <vector>

namespace atoll_core::collective {

class SegmentWindow {
 public:
  SegmentWindow(uint32_t segments, uint32_t in_flight_max)
      : in_flight_max_(in_flight_max), missing_(segments, 0) {}

  // So many chunks of each of the first `segments` segments. Before the first is begun.
  void expect(uint32_t chunks, uint32_t segments);
  bool may_begin() const { return begun_ < missing_.size() && in_flight_ < in_flight_max_; }
  // The segment that begins.
  uint32_t begin();
  bool has_begun(uint32_t segment) const { return segment < begun_; }
  // A chunk of it has come; the segment need not have begun here.
  void take(uint32_t segment);

 private:
  uint32_t in_flight_max_;
  uint32_t begun_ = 0;
  uint32_t in_flight_ = 0;
  std::vector<uint32_t> missing_;  // chunks, by segment
};

}  // namespace atoll_core::collective
