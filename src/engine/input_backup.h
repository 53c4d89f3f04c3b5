// What an in-place call overwrites, kept until its verdict. A range is kept once, just before its
// first byte is overwritten; ranges are a schedule's chunks, so equal beginnings mean equal ranges.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "base/element.h"
#include "codec/tensor_list.h"
#include "engine/backup_pool.h"

namespace atoll_core::engine {

class InputBackup {
 public:
  // `enabled`: false for calls that overwrite no input, or whose input is disposable. The pool
  // outlives it.
  InputBackup(const codec::TensorList& tensors, bool enabled, BackupPool& pool)
      : tensors_(tensors), enabled_(enabled), pool_(pool) {}
  ~InputBackup();
  InputBackup(const InputBackup&) = delete;
  InputBackup& operator=(const InputBackup&) = delete;

  // What the whole call may need. Once; false: it exceeds the pool's limit.
  [[nodiscard]] bool reserve();
  // Whether the range may now be overwritten; false when there is no memory to keep it in.
  [[nodiscard]] bool keep(const ElementRange& range);
  // Puts everything back and forgets it.
  void restore();

 private:
  struct Kept {
    ElementRange range;
    std::byte* bytes = nullptr;  // in a slab
  };

  void forget();

  const codec::TensorList& tensors_;
  const bool enabled_;
  BackupPool& pool_;
  uint64_t reserved_ = 0;
  std::vector<BackupSlab> slabs_;  // the last one is being filled
  size_t filled_ = 0;              // bytes of the last one
  std::map<uint64_t, Kept> kept_;  // by begin
};

}  // namespace atoll_core::engine
