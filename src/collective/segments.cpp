#include "collective/segments.h"

#include <limits>

#include "base/assert.h"
#include "base/limits.h"

namespace atoll_core::collective {
namespace {

uint64_t chunk_elements_for(uint32_t element_bytes, uint32_t chunk_bytes_max) {
  const uint64_t bytes = std::min<uint64_t>(chunk_bytes_max, limits::kChunkBytes);
  const uint64_t aligned = bytes / element_bytes / SegmentLayout::kSegmentAlignment;
  return std::max<uint64_t>(aligned, 1) * SegmentLayout::kSegmentAlignment;
}

}  // namespace

SegmentLayout::SegmentLayout(uint64_t count, uint32_t blocks_per_segment, uint32_t element_bytes,
                             uint32_t chunk_bytes_max)
    : count_(count), blocks_per_segment_(blocks_per_segment), chunk_elements_(0) {
  ATOLL_ASSERT(blocks_per_segment > 0 && element_bytes > 0, "blocks={} element_bytes={}",
               blocks_per_segment, element_bytes);
  chunk_elements_ = chunk_elements_for(element_bytes, chunk_bytes_max);
  const uint64_t segments = units_of(count, chunk_elements_ * blocks_per_segment);
  ATOLL_ASSERT(segments <= std::numeric_limits<uint32_t>::max(), "count={} chunk_elements={}",
               count, chunk_elements_);
  segment_count_ = static_cast<uint32_t>(segments);
}

ElementRange SegmentLayout::segment(uint32_t index) const {
  ATOLL_ASSERT(index < segment_count_, "segment={} of {}", index, segment_count_);
  const EvenSplit split{units_of(count_, kSegmentAlignment), segment_count_};
  return {split.begin(index) * kSegmentAlignment,
          std::min(split.begin(index + uint64_t{1}) * kSegmentAlignment, count_)};
}

ElementRange SegmentLayout::block(uint32_t segment_index, uint32_t block_index) const {
  ATOLL_ASSERT(block_index < blocks_per_segment_, "block={} of {}", block_index,
               blocks_per_segment_);
  const ElementRange whole = segment(segment_index);
  const uint64_t unit =
      whole.count() / blocks_per_segment_ >= kAlignedBlockMin ? kBlockAlignment : 1;
  const EvenSplit split{units_of(whole.count(), unit), blocks_per_segment_};
  const auto boundary = [&](uint64_t at) {
    return whole.begin + std::min(split.begin(at) * unit, whole.count());
  };
  return {boundary(block_index), boundary(block_index + uint64_t{1})};
}

}  // namespace atoll_core::collective
