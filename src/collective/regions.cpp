#include "collective/regions.h"

#include <algorithm>

#include "base/assert.h"
#include "collective/make_schedule.h"
#include "collective/segments.h"

namespace atoll_core::collective {
namespace {

// A region is off its share by less than two units: an eighth at most where it is cut at multiples
// of the segment alignment.
uint64_t region_unit(uint64_t count, uint64_t owners) {
  const uint64_t average = count / owners;
  if (average >= 16 * SegmentLayout::kSegmentAlignment) return SegmentLayout::kSegmentAlignment;
  return average >= SegmentLayout::kAlignedBlockMin ? SegmentLayout::kBlockAlignment : 1;
}

// units * prefix / total, where the product may not fit into 64 bits.
uint64_t portion(uint64_t units, uint64_t prefix, uint64_t total) {
  __extension__ typedef unsigned __int128 Wide;
  return static_cast<uint64_t>(Wide{units} * prefix / total);
}

void check_regions(std::vector<ElementRange> regions, uint64_t count) {
  std::erase_if(regions, [](const ElementRange& region) { return region.empty(); });
  std::sort(regions.begin(), regions.end(),
            [](const auto& one, const auto& other) { return one.begin < other.begin; });
  uint64_t at = 0;
  for (const ElementRange& region : regions) {
    ATOLL_ASSERT(region.begin >= at && region.end > region.begin && region.end <= count,
                 "a region of elements {} to {} of {} overlaps one that ends at {}, or is none",
                 region.begin, region.end, count, at);
    at = region.end;
  }
}

}  // namespace

RegionLayout::RegionLayout(std::vector<ElementRange> regions, uint64_t count,
                           uint32_t element_bytes, uint32_t chunk_bytes_max)
    : regions_(std::move(regions)) {
  check_regions(regions_, count);
  for (const ElementRange& region : regions_) {
    const SegmentLayout alone(region.count(), 1, element_bytes, chunk_bytes_max);
    segment_count_ = std::max(segment_count_, alone.segment_count());
  }
}

uint32_t RegionLayout::part_count(uint32_t owner) const {
  if (segment_count_ == 0) return 0;
  const uint64_t units = units_of(regions_[owner].count(), unit(owner));
  return static_cast<uint32_t>(std::min<uint64_t>(units, segment_count_));
}

ElementRange RegionLayout::part(uint32_t owner, uint32_t segment) const {
  ATOLL_ASSERT(owner < regions_.size() && segment < segment_count_, "owner={} segment={} of {}",
               owner, segment, segment_count_);
  const ElementRange& region = regions_[owner];
  const EvenSplit split{units_of(region.count(), unit(owner)), segment_count_};
  const auto boundary = [&](uint64_t at) {
    return region.begin + std::min(split.begin(at) * unit(owner), region.count());
  };
  return {boundary(segment), boundary(segment + uint64_t{1})};
}

uint64_t RegionLayout::unit(uint32_t owner) const {
  const uint64_t average = regions_[owner].count() / segment_count_;
  return average >= SegmentLayout::kAlignedBlockMin ? SegmentLayout::kSegmentAlignment : 1;
}

std::vector<ElementRange> regions_of_shares(uint64_t count, const std::vector<uint32_t>& shares) {
  uint64_t total = 0;
  uint64_t owners = 0;
  for (const uint32_t share : shares) {
    total += share;
    owners += share > 0 ? 1 : 0;
  }
  ATOLL_ASSERT(total > 0, "none of {} participants has a share", shares.size());
  const uint64_t unit = region_unit(count, owners);
  const uint64_t units = units_of(count, unit);
  std::vector<ElementRange> regions;
  uint64_t prefix = 0;
  uint64_t begin = 0;
  for (const uint32_t share : shares) {
    prefix += share;
    const uint64_t end = std::min(portion(units, prefix, total) * unit, count);
    regions.push_back({begin, end});
    begin = end;
  }
  return regions;
}

}  // namespace atoll_core::collective
