#include "collective/segment_window.h"

#include "base/assert.h"

namespace atoll_core::collective {

void SegmentWindow::expect(uint32_t chunks, uint32_t segments) {
  ATOLL_ASSERT(segments <= missing_.size(), "segments={} of {}", segments, missing_.size());
  for (uint32_t i = 0; i < segments; ++i) missing_[i] += chunks;
}

uint32_t SegmentWindow::begin() {
  ATOLL_ASSERT(may_begin(), "begun={} in flight={} of {}", begun_, in_flight_, in_flight_max_);
  if (missing_[begun_] > 0) ++in_flight_;
  return begun_++;
}

void SegmentWindow::take(uint32_t segment) {
  ATOLL_ASSERT(missing_[segment] > 0, "segment {} is complete", segment);
  if (--missing_[segment] == 0 && has_begun(segment)) --in_flight_;
}

}  // namespace atoll_core::collective
