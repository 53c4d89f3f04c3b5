#include "collective/segments.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/assert.h"
#include "base/limits.h"

namespace atoll_core::collective {
namespace {

// Walks all blocks of all segments and checks every promise of the header.
void check_layout(uint64_t count, uint32_t blocks, uint32_t element_bytes,
                  uint32_t chunk_bytes_max) {
  const SegmentLayout layout(count, blocks, element_bytes, chunk_bytes_max);
  const uint64_t bytes = std::max<uint64_t>(
      std::min<uint64_t>(chunk_bytes_max, limits::kChunkBytes),
      SegmentLayout::kSegmentAlignment * element_bytes);
  RC_ASSERT(layout.chunk_elements() * element_bytes <= bytes);
  RC_ASSERT((layout.segment_count() == 0) == (count == 0));
  uint64_t at = 0;
  uint64_t shortest = count;
  uint64_t longest = 0;
  for (uint32_t i = 0; i < layout.segment_count(); ++i) {
    const ElementRange segment = layout.segment(i);
    RC_ASSERT(segment.begin == at);
    RC_ASSERT(segment.begin % SegmentLayout::kSegmentAlignment == 0u);
    RC_ASSERT(segment.end > segment.begin);
    shortest = std::min(shortest, segment.count());
    longest = std::max(longest, segment.count());
    uint64_t block_min = count;
    uint64_t block_max = 0;
    for (uint32_t b = 0; b < blocks; ++b) {
      const ElementRange block = layout.block(i, b);
      RC_ASSERT(block.begin == at);
      RC_ASSERT(block.end >= block.begin);
      RC_ASSERT(block.count() <= layout.chunk_elements());
      RC_ASSERT(!block.empty() || segment.count() < blocks);
      block_min = std::min(block_min, block.count());
      block_max = std::max(block_max, block.count());
      at = block.end;
    }
    RC_ASSERT(at == segment.end);
    const bool aligned = segment.count() / blocks >= SegmentLayout::kAlignedBlockMin;
    const uint64_t slack = aligned ? 2 * SegmentLayout::kBlockAlignment : 1;
    RC_ASSERT(block_max - block_min <= slack);
  }
  RC_ASSERT(at == count);
  if (layout.segment_count() > 0) {
    RC_ASSERT(longest - shortest < 2 * SegmentLayout::kSegmentAlignment);
  }
}

RC_GTEST_PROP(SegmentLayout, KeepsItsPromises, ()) {
  const auto count = *rc::gen::inRange<uint64_t>(0, 300000);
  const auto blocks = *rc::gen::inRange<uint32_t>(1, 40);
  const auto element_bytes = *rc::gen::element<uint32_t>(1, 2, 4, 8);
  const auto chunk_bytes = *rc::gen::inRange<uint32_t>(1, 64u << 10);
  check_layout(count, blocks, element_bytes, chunk_bytes);
}

RC_GTEST_PROP(EvenSplit, CoversWithSharesThatDifferByOne, ()) {
  const EvenSplit split{*rc::gen::arbitrary<uint32_t>(), *rc::gen::inRange<uint64_t>(1, 500)};
  RC_ASSERT(split.begin(0) == 0u);
  RC_ASSERT(split.begin(split.parts) == split.total);
  for (uint64_t i = 0; i < split.parts; ++i) {
    const uint64_t share = split.begin(i + 1) - split.begin(i);
    RC_ASSERT(share == split.total / split.parts || share == split.total / split.parts + 1);
  }
}

TEST(SegmentLayout, CutsALargeOpIntoChunksOfTheSizeAskedFor) {
  const uint64_t count = uint64_t{40} << 30;  // elements: far beyond 32 bits
  const SegmentLayout layout(count, 4, 4, 256u << 10);
  EXPECT_EQ(layout.chunk_elements(), 65536u);
  EXPECT_EQ(layout.segment_count(), count / (4 * 65536));
  EXPECT_EQ(layout.block(layout.segment_count() - 1, 3), (ElementRange{count - 65536, count}));
}

TEST(SegmentLayout, LeavesNoShortSegmentBehind) {
  const SegmentLayout layout(2 * 65536 + 1, 2, 4, 256u << 10);
  ASSERT_EQ(layout.segment_count(), 2u);
  EXPECT_EQ(layout.segment(0), (ElementRange{0, 65536 + 256}));
  EXPECT_EQ(layout.segment(1), (ElementRange{65536 + 256, 131073}));
}

TEST(SegmentLayout, NeverPassesTheLimitOfAFrame) {
  const SegmentLayout layout(uint64_t{1} << 30, 2, 8, 0xFFFFFFFFu);
  EXPECT_EQ(layout.chunk_elements() * 8, limits::kChunkBytes);
}

TEST(SegmentLayout, TinyCountsGiveEachParticipantOneElementOrNone) {
  const SegmentLayout layout(3, 5, 4, 256u << 10);
  ASSERT_EQ(layout.segment_count(), 1u);
  EXPECT_EQ(layout.block(0, 0), (ElementRange{0, 1}));
  EXPECT_EQ(layout.block(0, 2), (ElementRange{2, 3}));
  EXPECT_TRUE(layout.block(0, 3).empty());
  EXPECT_TRUE(layout.block(0, 4).empty());
}

TEST(SegmentLayout, AssertsOnIndexesOutOfRange) {
  const SegmentLayout layout(1000, 2, 4, 256u << 10);
  EXPECT_THROW(layout.segment(1), BrokenInvariant);
  EXPECT_THROW(layout.block(0, 2), BrokenInvariant);
  EXPECT_THROW(SegmentLayout(1000, 0, 4, 1024), BrokenInvariant);
}

}  // namespace
}  // namespace atoll_core::collective
