#include "collective/regions.h"

#include <cmath>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/assert.h"
#include "base/limits.h"
#include "collective/make_schedule.h"
#include "collective/segments.h"

namespace atoll_core::collective {
namespace {

// Walks all parts of all regions and checks every promise of the header.
void check_layout(const std::vector<ElementRange>& regions, uint64_t count,
                  uint32_t element_bytes, uint32_t chunk_bytes_max) {
  const RegionLayout layout(regions, count, element_bytes, chunk_bytes_max);
  const uint64_t bytes = std::max<uint64_t>(
      std::min<uint64_t>(chunk_bytes_max, limits::kChunkBytes),
      SegmentLayout::kSegmentAlignment * element_bytes);
  uint64_t longest_region = 0;
  for (uint32_t owner = 0; owner < regions.size(); ++owner) {
    uint64_t at = regions[owner].begin;
    uint64_t shortest = regions[owner].count();
    uint64_t longest = 0;
    for (uint32_t i = 0; i < layout.segment_count(); ++i) {
      const ElementRange part = layout.part(owner, i);
      RC_ASSERT(part.begin == at && part.end >= at);
      RC_ASSERT(part.count() * element_bytes <= bytes);
      RC_ASSERT(part.empty() == (i >= layout.part_count(owner)));
      shortest = std::min(shortest, part.count());
      longest = std::max(longest, part.count());
      at = part.end;
    }
    RC_ASSERT(at == regions[owner].end);
    const bool aligned = layout.segment_count() > 0 &&
                         regions[owner].count() / layout.segment_count() >=
                             SegmentLayout::kAlignedBlockMin;
    const uint64_t unit = aligned ? SegmentLayout::kSegmentAlignment : 1;
    if (layout.segment_count() > 0) RC_ASSERT(longest - shortest < 2 * unit);
    if (layout.part_count(owner) < layout.segment_count()) RC_ASSERT(longest <= 1u);
    longest_region = std::max(longest_region, regions[owner].count());
  }
  RC_ASSERT((layout.segment_count() == 0) == (longest_region == 0));
  if (layout.segment_count() > 1) {
    const SegmentLayout alike(count, 1, element_bytes, chunk_bytes_max);
    RC_ASSERT((layout.segment_count() - 1) * alike.chunk_elements() < longest_region);
  }
}

RC_GTEST_PROP(RegionLayout, KeepsItsPromises, ()) {
  const auto count = *rc::gen::inRange<uint64_t>(0, 200000);
  const auto shares = *rc::gen::container<std::vector<uint32_t>>(
      *rc::gen::inRange<size_t>(1, 12), rc::gen::inRange<uint32_t>(0, 1000));
  if (std::count(shares.begin(), shares.end(), 0u) == std::ssize(shares)) return;
  const auto element_bytes = *rc::gen::element<uint32_t>(1, 2, 4, 8);
  const auto chunk_bytes = *rc::gen::element<uint32_t>(1, 5000, 16384, 1u << 18);
  check_layout(regions_of_shares(count, shares), count, element_bytes, chunk_bytes);
}

RC_GTEST_PROP(RegionsOfShares, AreConsecutiveAndInProportion, ()) {
  const auto count = *rc::gen::oneOf(rc::gen::inRange<uint64_t>(0, 100000),
                                     rc::gen::inRange<uint64_t>(0, uint64_t{1} << 50));
  const auto shares = *rc::gen::container<std::vector<uint32_t>>(
      *rc::gen::inRange<size_t>(1, 40),
      rc::gen::oneOf(rc::gen::inRange<uint32_t>(0, 4), rc::gen::arbitrary<uint32_t>()));
  long double total = 0;
  uint64_t owners = 0;
  for (const uint32_t share : shares) {
    total += share;
    owners += share > 0 ? 1 : 0;
  }
  if (total == 0) return;
  const std::vector<ElementRange> regions = regions_of_shares(count, shares);
  RC_ASSERT(regions.size() == shares.size());
  const bool aligned = count / owners >= 16 * SegmentLayout::kSegmentAlignment;
  const uint64_t unit = aligned                   ? SegmentLayout::kSegmentAlignment
                        : count / owners >= 1024u ? SegmentLayout::kBlockAlignment
                                                  : 1;
  uint64_t at = 0;
  for (size_t i = 0; i < regions.size(); ++i) {
    RC_ASSERT(regions[i].begin == at && regions[i].end >= at);
    RC_ASSERT(at % unit == 0u || at == count);
    if (shares[i] == 0) RC_ASSERT(regions[i].empty());
    const long double fair = static_cast<long double>(count) * shares[i] / total;
    RC_ASSERT(std::abs(static_cast<long double>(regions[i].count()) - fair) < 2.0L * unit);
    at = regions[i].end;
  }
  RC_ASSERT(at == count);
}

TEST(RegionsOfShares, FollowTheShares) {
  EXPECT_EQ(regions_of_shares(3, {1, 1, 1, 1}),
            (std::vector<ElementRange>{{0, 0}, {0, 1}, {1, 2}, {2, 3}}));
  EXPECT_EQ(regions_of_shares(40960, {1, 0, 3}),
            (std::vector<ElementRange>{{0, 10240}, {10240, 10240}, {10240, 40960}}));
  EXPECT_EQ(regions_of_shares(0, {1, 2}), (std::vector<ElementRange>{{0, 0}, {0, 0}}));
  EXPECT_THROW(regions_of_shares(10, {0, 0}), BrokenInvariant);
  EXPECT_THROW(regions_of_shares(10, {}), BrokenInvariant);
}

TEST(RegionLayout, CutsAllRegionsIntoAsManyPartsAsTheLargestNeeds) {
  const RegionLayout layout({{0, 256 * 3}, {256 * 3, 256 * 3 + 2}, {}}, 256 * 3 + 2, 4, 1);
  ASSERT_EQ(layout.segment_count(), 3u);
  EXPECT_EQ(layout.part(0, 1), (ElementRange{256, 512}));
  EXPECT_EQ(layout.part(1, 1), (ElementRange{256 * 3 + 1, 256 * 3 + 2}));
  EXPECT_TRUE(layout.part(1, 2).empty());
  EXPECT_EQ(layout.part_count(0), 3u);
  EXPECT_EQ(layout.part_count(1), 2u);
  EXPECT_EQ(layout.part_count(2), 0u);
}

TEST(RegionLayout, AssertsOnRegionsThatOverlapOrEndBeyondTheElements) {
  EXPECT_THROW(RegionLayout({{0, 10}, {9, 20}}, 20, 4, 1024), BrokenInvariant);
  EXPECT_THROW(RegionLayout({{0, 10}, {10, 21}}, 20, 4, 1024), BrokenInvariant);
  EXPECT_THROW(RegionLayout({{10, 5}}, 20, 4, 1024), BrokenInvariant);
  const RegionLayout layout({{10, 20}, {0, 5}}, 20, 4, 1024);
  EXPECT_THROW(layout.part(0, 1), BrokenInvariant);
  EXPECT_THROW(layout.part(2, 0), BrokenInvariant);
}

}  // namespace
}  // namespace atoll_core::collective
