#include "engine/slab_slots.h"

#include <utility>

#include "base/assert.h"

namespace atoll_core::engine {

std::byte* SlabSlots::take(size_t bytes) {
  if (!free_.empty()) {
    std::byte* slot = free_.back();
    free_.pop_back();
    return slot;
  }
  ATOLL_ASSERT(slot_bytes_ == 0 || bytes <= slot_bytes_, "{} of {} bytes", bytes, slot_bytes_);
  const size_t taken = slot_bytes_ == 0 ? bytes : slot_bytes_;
  if (slabs_.empty() || slabs_.back().size - filled_ < taken) {
    BackupSlab slab = pool_.take(taken);
    if (slab.bytes == nullptr) return nullptr;
    slabs_.push_back(std::move(slab));
    filled_ = 0;
  }
  std::byte* place = slabs_.back().bytes.get() + filled_;
  filled_ += taken;
  return place;
}

void SlabSlots::forget() {
  free_.clear();
  for (BackupSlab& slab : slabs_) pool_.give_back(std::move(slab));
  slabs_.clear();
  filled_ = 0;
}

}  // namespace atoll_core::engine
