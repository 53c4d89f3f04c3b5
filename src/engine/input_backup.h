// What an in-place call overwrites, kept until its verdict. A range is kept once, just before its
// first byte is overwritten; ranges are a schedule's chunks, so equal beginnings mean equal ranges.
//
// With a window, what is dropped makes room for what comes: memory is cut into slots of one size,
// and no more is taken than for the slots that are in use at one time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "base/element.h"
#include "codec/tensor_list.h"
#include "engine/backup_pool.h"
#include "engine/slab_slots.h"

namespace atoll_core::engine {

// How much of an input is kept at one time at most, when its beginning is dropped on the way.
struct BackupWindow {
  uint64_t slots = 0;       // ranges
  uint64_t slot_bytes = 0;  // of the longest range
  // What they take of a pool.
  uint64_t bytes() const;
};

class InputBackup {
 public:
  // `enabled`: false for calls that overwrite no input, or whose input is disposable. The pool
  // outlives it.
  InputBackup(const codec::TensorList& tensors, bool enabled, BackupPool& pool)
      : tensors_(tensors), enabled_(enabled), pool_(pool), slots_(pool) {}
  ~InputBackup();
  InputBackup(const InputBackup&) = delete;
  InputBackup& operator=(const InputBackup&) = delete;

  // What the whole call may need at a time. Once; false: it exceeds the pool's limit. A window that
  // is larger than the input is none.
  [[nodiscard]] bool reserve(const std::optional<BackupWindow>& window = {});
  uint64_t needed() const { return needed_; }
  // Whether the range may now be overwritten; false when there is no memory to keep it in.
  [[nodiscard]] bool keep(const ElementRange& range);
  // Puts everything back and forgets it.
  void restore();
  // Nobody will ask for what lies below `element` any more.
  void drop_below(uint64_t element);

 private:
  struct Kept {
    ElementRange range;
    std::byte* bytes = nullptr;  // in a slab
  };

  void forget();

  const codec::TensorList& tensors_;
  const bool enabled_;
  BackupPool& pool_;
  uint64_t needed_ = 0;
  uint64_t reserved_ = 0;
  SlabSlots slots_;
  std::map<uint64_t, Kept> kept_;  // by begin
};

}  // namespace atoll_core::engine
