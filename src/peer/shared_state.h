// A state handle: the table of a shared state, who works on it, and the sync over a session.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "base/element.h"
#include "base/error.h"
#include "base/time.h"
#include "engine/call.h"
#include "peer/calls.h"
#include "peer/commit_record.h"
#include "peer/occupancy.h"
#include "peer/session.h"
#include "state/publication.h"
#include "state/state_table.h"

namespace atoll_core::peer {

using wire::SyncStrategy;

// Any thread; calls on one state wait for each other, also for a sync in progress, but not for one
// that was started and is not ended yet: then they are refused.
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
  Result<uint64_t> revision() const;

  struct SyncOptions {
    SyncStrategy strategy = SyncStrategy::kPopular;
    uint64_t tag = 0;
    Duration deadline{0};
  };
  // The digests are taken on the calling thread: a pass over all of the state. What was started is
  // to be ended once, with what has come of the call.
  Result<std::shared_ptr<AwaitedCall>> start_sync(const std::shared_ptr<Session>& session,
                                                  const SyncOptions& options, Caller caller);

  struct FollowOptions {
    uint64_t tag = 0;
    Duration patience{0};
  };
  // An update of a peer that is not yet a member, during which the state becomes that of the
  // members. Digests are taken like those of a sync.
  Result<std::shared_ptr<AwaitedCall>> start_update(const std::shared_ptr<Session>& session,
                                                    const FollowOptions& options, Caller caller);
  // The call that one of the two has started has ended: the bytes may have become what the run has
  // committed.
  void end_call(Session& session, uint64_t tag);

 private:
  std::shared_ptr<AwaitedCall> start(Session& session, uint64_t tag,
                                     const std::function<std::shared_ptr<AwaitedCall>()>& begin);
  // On return no session reads the bytes.
  void withdraw();

  mutable Occupancy occupancy_;
  state::StateTable table_;
  const std::shared_ptr<state::Publication> publication_;
  const std::shared_ptr<CommitRecord> commit_ = std::make_shared<CommitRecord>();
  std::weak_ptr<Session> server_;  // of the last sync
};

}  // namespace atoll_core::peer
