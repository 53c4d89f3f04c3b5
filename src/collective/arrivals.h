// What comes from others: which of it has come, from whom the rest is missing, and the refusals
// that schedules of any shape have in common.
#pragma once

#include <cstdint>
#include <vector>

#include "base/element.h"
#include "base/error.h"
#include "collective/schedule.h"

namespace atoll_core::collective {

// Each expected chunk has a slot, a number that its schedule gives it.
class Arrivals {
 public:
  Arrivals(uint32_t world, uint64_t slots) : missing_(world, 0), arrived_(slots, false) {}

  // Before the first arrival.
  void expect(uint32_t from, uint64_t chunks);
  void take(uint32_t from, uint64_t slot);

  bool arrived(uint64_t slot) const { return arrived_[slot]; }
  uint64_t absorbed() const { return absorbed_; }
  uint64_t expected() const { return expected_; }
  bool all() const { return absorbed_ == expected_; }
  std::vector<uint32_t> awaited() const;

 private:
  uint64_t absorbed_ = 0;
  uint64_t expected_ = 0;
  std::vector<uint64_t> missing_;  // chunks, by member
  std::vector<bool> arrived_;      // by slot
};

// The sender is one of `world` and another than this one.
Result<void> check_other(const Arrival& arrival, uint32_t world, uint32_t self);
// A chunk is exactly one block, never part of one and never an empty one.
Result<void> check_range(const Arrival& arrival, const ElementRange& block);
Result<void> check_first(const Arrival& arrival, bool has_come);

}  // namespace atoll_core::collective
