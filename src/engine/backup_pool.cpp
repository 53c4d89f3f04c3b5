#include "engine/backup_pool.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/assert.h"

namespace atoll_core::engine {

bool BackupPool::reserve(uint64_t bytes) {
  const uint64_t limit = config_.limit;
  if (limit != 0 && (bytes > limit || reserved_ > limit - bytes)) return false;
  reserved_ += bytes;
  return true;
}

void BackupPool::unreserve(uint64_t bytes) {
  ATOLL_ASSERT(bytes <= reserved_, "{} of {} bytes", bytes, reserved_);
  reserved_ -= bytes;
}

std::shared_ptr<std::byte[]> BackupPool::allocate(size_t bytes) const {
  if (config_.allocate) return config_.allocate(bytes);
  return std::unique_ptr<std::byte[]>(new (std::nothrow) std::byte[bytes]);
}

BackupSlab BackupPool::take(size_t bytes) {
  BackupSlab slab;
  if (bytes <= kSlabBytes && !kept_.empty()) {
    slab = std::move(kept_.back());
    kept_.pop_back();
    counters_.bytes_kept -= slab.size;
  } else {
    slab.size = std::max(bytes, kSlabBytes);
    slab.bytes = allocate(slab.size);
    if (slab.bytes == nullptr) return {};
    ++counters_.slabs_made;
  }
  counters_.bytes_in_use += slab.size;
  counters_.bytes_in_use_peak = std::max(counters_.bytes_in_use_peak, counters_.bytes_in_use);
  return slab;
}

void BackupPool::give_back(BackupSlab slab) {
  ATOLL_ASSERT(slab.size <= counters_.bytes_in_use, "{} of {} bytes", slab.size,
               counters_.bytes_in_use);
  counters_.bytes_in_use -= slab.size;
  const uint64_t others = counters_.bytes_in_use + counters_.bytes_kept;
  if (slab.size != kSlabBytes || others + slab.size > config_.bytes_kept_max) return;
  counters_.bytes_kept += slab.size;
  kept_.push_back(std::move(slab));
}

}  // namespace atoll_core::engine
