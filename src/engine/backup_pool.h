// Memory for what in-place calls overwrite. It is taken in slabs and, up to a bound, kept when a
// call has ended, so that the next one finds memory that the kernel has given already.
//
// Nobody ever waits for memory here: a call that waits while others wait for its data would hang
// them all. Instead a call reserves what it may need before it begins; with a limit set, one that
// would exceed it does not begin.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace atoll_core::engine {

struct BackupConfig {
  // Slabs are kept as long as they and those in use do not exceed it together.
  uint64_t bytes_kept_max = uint64_t{1} << 30;
  uint64_t limit = 0;  // of all reservations together; 0: none
  // Null when there is no memory. None: the heap.
  std::function<std::shared_ptr<std::byte[]>(size_t bytes)> allocate;
};

// A piece of memory of the pool's.
struct BackupSlab {
  std::shared_ptr<std::byte[]> bytes;
  size_t size = 0;
};

struct BackupCounters {
  uint64_t bytes_in_use = 0;
  uint64_t bytes_in_use_peak = 0;
  uint64_t bytes_kept = 0;   // not in use
  uint64_t slabs_made = 0;   // not found among those that were kept
};

class BackupPool {
 public:
  static constexpr size_t kSlabBytes = 2u << 20;  // a huge page

  explicit BackupPool(BackupConfig config) : config_(std::move(config)) {}

  // False: it would exceed the limit, and nothing is reserved.
  [[nodiscard]] bool reserve(uint64_t bytes);
  void unreserve(uint64_t bytes);
  uint64_t limit() const { return config_.limit; }
  uint64_t reserved() const { return reserved_; }

  // At least `bytes`; a null pointer when there is no memory.
  BackupSlab take(size_t bytes);
  void give_back(BackupSlab slab);

  const BackupCounters& counters() const { return counters_; }

 private:
  std::shared_ptr<std::byte[]> allocate(size_t bytes) const;

  const BackupConfig config_;
  uint64_t reserved_ = 0;
  std::vector<BackupSlab> kept_;  // of kSlabBytes each
  BackupCounters counters_;
};

}  // namespace atoll_core::engine
