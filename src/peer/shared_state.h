// A state handle: the table of a shared state, its lock, and the sync over a session.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>

#include "base/element.h"
#include "base/error.h"
#include "base/time.h"
#include "engine/call.h"
#include "peer/committed_mark.h"
#include "peer/session.h"
#include "state/publication.h"
#include "state/state_table.h"

namespace atoll_core::peer {

using engine::SyncInfo;
using wire::SyncStrategy;

// Any thread; calls on one state wait for each other, also for a sync in progress.
//
// From a committed sync to the next write, the session may hand the bytes to peers that are still
// pending; whatever changes them stops that first.
class SharedState {
 public:
  SharedState();
  ~SharedState();
  SharedState(const SharedState&) = delete;
  SharedState& operator=(const SharedState&) = delete;

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
  Result<SyncInfo> sync(const std::shared_ptr<Session>& session, const SyncOptions& options);

  struct FollowOptions {
    uint64_t tag = 0;
    Duration patience{0};
  };
  // An update of a peer that is not yet a member, during which the state becomes that of the
  // members. Blocking. Digests are taken like those of a sync.
  Result<wire::View> update(Session& session, const FollowOptions& options);

 private:
  // A call has ended in which the bytes may have become what the run has committed.
  void note_committed(Session& session, uint64_t tag);
  Result<engine::CallInfo> wait_and_note(Session& session, PendingCall& call, uint64_t tag);
  // On return no session reads the bytes.
  void withdraw();

  mutable std::mutex mutex_;
  state::StateTable table_;
  const std::shared_ptr<state::Publication> publication_;
  const std::shared_ptr<CommittedMark> mark_ = std::make_shared<CommittedMark>();
  std::weak_ptr<Session> server_;  // of the last sync
};

}  // namespace atoll_core::peer
