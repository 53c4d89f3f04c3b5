// A state handle: the table of a shared state, its lock, and the sync over a session.
#pragma once

#include <cstdint>
#include <mutex>
#include <string_view>

#include "base/element.h"
#include "base/error.h"
#include "base/time.h"
#include "engine/call.h"
#include "peer/session.h"
#include "state/state_table.h"

namespace atoll_core::peer {

using engine::SyncInfo;
using wire::SyncStrategy;

// Any thread; calls on one state wait for each other, also for a sync in progress.
class SharedState {
 public:
  Result<void> add_tensor(std::string_view name, void* data, DataType type, uint64_t count);
  Result<void> begin_write();
  Result<void> publish(uint64_t revision);
  uint64_t revision() const;

  struct SyncOptions {
    SyncStrategy strategy = SyncStrategy::kPopular;
    uint64_t tag = 0;
    Duration deadline{0};
  };
  // Blocking. The digests are taken on the calling thread: a pass over all of the state.
  Result<SyncInfo> sync(Session& session, const SyncOptions& options);

 private:
  mutable std::mutex mutex_;
  state::StateTable table_;
};

}  // namespace atoll_core::peer
