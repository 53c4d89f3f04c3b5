// Which revision of a shared state a run has committed: lives as long as the state, so that a
// communicator that lost its membership can tell what its process still holds. Any thread.
#pragma once

#include <mutex>

#include "wire/run_memory.h"

namespace atoll_core::peer {

class CommittedMark {
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

}  // namespace atoll_core::peer
