// Which revision of a shared state a run has committed: lives as long as the state, so that a
// communicator that lost its membership can tell what its process still holds. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "wire/run_memory.h"

namespace atoll_core::peer {

class CommitRecord {
 public:
  void set(const wire::CommittedRevision& committed) {
    const std::lock_guard<std::mutex> lock(mutex_);
    committed_ = committed;
  }
  wire::CommittedRevision get() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return committed_;
  }

 private:
  mutable std::mutex mutex_;
  wire::CommittedRevision committed_;
};

// By tag and layout.
using CommitRecords =
    std::map<std::pair<uint64_t, uint64_t>, std::weak_ptr<const CommitRecord>>;

}  // namespace atoll_core::peer
