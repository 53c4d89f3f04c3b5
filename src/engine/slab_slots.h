// Pieces of a pool's slabs, for one call. With a slot size, pieces that are given back are taken
// again before more of the pool is; without, each has its own size and lives as long as the call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/backup_pool.h"

namespace atoll_core::engine {

class SlabSlots {
 public:
  // The pool outlives it.
  explicit SlabSlots(BackupPool& pool) : pool_(pool) {}
  ~SlabSlots() { forget(); }
  SlabSlots(const SlabSlots&) = delete;
  SlabSlots& operator=(const SlabSlots&) = delete;

  // Before the first is taken.
  void set_slot_bytes(uint64_t bytes) { slot_bytes_ = bytes; }
  // At least so many bytes, at most those of a slot; null when there is no memory.
  std::byte* take(size_t bytes);
  void give_back(std::byte* slot) {
    if (slot_bytes_ != 0) free_.push_back(slot);
  }
  // All of them go back to the pool.
  void forget();

 private:
  BackupPool& pool_;
  uint64_t slot_bytes_ = 0;
  std::vector<BackupSlab> slabs_;  // the last one is being filled
  size_t filled_ = 0;              // bytes of the last one
  std::vector<std::byte*> free_;
};

}  // namespace atoll_core::engine
