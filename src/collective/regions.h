// How the elements of an op are cut where each participant owns a region of them, one that it
// reduces: the parts of a region are its segments, and all regions have the same number of them.
#pragma once

#include <cstdint>
#include <vector>

#include "base/element.h"

namespace atoll_core::collective {

// Invariants: the parts of a region are the region in order, without gaps, and differ by less than
// two of their unit; none is longer than what SegmentLayout makes of `chunk_bytes_max`. The largest
// region needs all segments. Empty parts come last, in regions with fewer elements than segments,
// of which no part has more than one element.
class RegionLayout {
 public:
  // By owner; empty where a participant owns nothing. They must not overlap; what lies between them
  // belongs to nobody. `count` elements in all.
  RegionLayout(std::vector<ElementRange> regions, uint64_t count, uint32_t element_bytes,
               uint32_t chunk_bytes_max);

  uint32_t segment_count() const { return segment_count_; }
  const ElementRange& region(uint32_t owner) const { return regions_[owner]; }
  // How many segments have an element of this owner's: the first ones.
  uint32_t part_count(uint32_t owner) const;
  ElementRange part(uint32_t owner, uint32_t segment) const;

 private:
  uint64_t unit(uint32_t owner) const;

  std::vector<ElementRange> regions_;
  uint32_t segment_count_ = 0;
};

}  // namespace atoll_core::collective
