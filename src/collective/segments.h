// How the elements of an op are cut: into segments, the unit of pipelining, and each segment into
// one block for each participant, which travels as one chunk. All participants cut alike, from
// arguments that are the same on all of them.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/element.h"

namespace atoll_core::collective {

// `total` things in `parts` shares that differ by at most one; the larger ones come first.
struct EvenSplit {
  uint64_t total = 0;
  uint64_t parts = 1;
  uint64_t begin(uint64_t part) const {
    return part * (total / parts) + std::min(part, total % parts);
  }
};

// How many units of `unit` elements hold so many elements.
inline uint64_t units_of(uint64_t elements, uint64_t unit) {
  return elements / unit + (elements % unit == 0 ? 0 : 1);
}

// Invariants: the segments are the range [0, count) in order, without gaps, none empty; each begins
// at a multiple of kSegmentAlignment, and they differ by less than two of it. The blocks of a
// segment are the segment in order; no block is longer than chunk_elements(). Blocks are empty only
// in a segment with fewer elements than blocks.
class SegmentLayout {
 public:
  static constexpr uint64_t kSegmentAlignment = 256;
  // Blocks of kAlignedBlockMin elements and more begin at multiples of kBlockAlignment within
  // their segment (a cache line of 4-byte elements); shorter ones are too dear to make unequal.
  static constexpr uint64_t kBlockAlignment = 16;
  static constexpr uint64_t kAlignedBlockMin = 1024;

  // `chunk_bytes_max` is kept to, except that a chunk may always have kSegmentAlignment elements.
  SegmentLayout(uint64_t count, uint32_t blocks_per_segment, uint32_t element_bytes,
                uint32_t chunk_bytes_max);

  uint32_t segment_count() const { return segment_count_; }
  uint64_t chunk_elements() const { return chunk_elements_; }
  ElementRange segment(uint32_t index) const;
  ElementRange block(uint32_t segment_index, uint32_t block_index) const;

 private:
  uint64_t count_;
  uint32_t blocks_per_segment_;
  uint32_t segment_count_ = 0;
  uint64_t chunk_elements_;
};

}  // namespace atoll_core::collective
