#include "collective/arrivals.h"

#include "base/assert.h"

namespace atoll_core::collective {

void Arrivals::expect(uint32_t from, uint64_t chunks) {
  missing_[from] += chunks;
  expected_ += chunks;
}

void Arrivals::take(uint32_t from, uint64_t slot) {
  ATOLL_ASSERT(!arrived_[slot] && missing_[from] > 0, "slot {} of participant {}, {} missing", slot,
               from, missing_[from]);
  arrived_[slot] = true;
  --missing_[from];
  ++absorbed_;
}

std::vector<uint32_t> Arrivals::awaited() const {
  std::vector<uint32_t> members;
  for (uint32_t member = 0; member < missing_.size(); ++member) {
    if (missing_[member] > 0) members.push_back(member);
  }
  return members;
}

Result<void> check_other(const Arrival& arrival, uint32_t world, uint32_t self) {
  if (arrival.from < world && arrival.from != self) return {};
  return fail(ErrorCode::kInvalidArgument,
              "participant {} sent segment {} step {} to participant {} of {}, which expects "
              "nothing from it",
              arrival.from, arrival.segment, arrival.step, self, world);
}

Result<void> check_range(const Arrival& arrival, const ElementRange& block) {
  if (arrival.range == block && !block.empty()) return {};
  return fail(ErrorCode::kInvalidArgument,
              "participant {} sent elements {} to {} as segment {} step {}, which are elements {} "
              "to {}",
              arrival.from, arrival.range.begin, arrival.range.end, arrival.segment, arrival.step,
              block.begin, block.end);
}

Result<void> check_first(const Arrival& arrival, bool has_come) {
  if (!has_come) return {};
  return fail(ErrorCode::kInvalidArgument, "participant {} sent segment {} step {} twice",
              arrival.from, arrival.segment, arrival.step);
}

}  // namespace atoll_core::collective
