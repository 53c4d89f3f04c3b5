// The calls of a session for those above: start one, wait for it. The types are the engine's,
// under this room's name, so that the C face needs to know no other room.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/element.h"
#include "base/error.h"
#include "base/time.h"
#include "codec/tensor_list.h"
#include "engine/call.h"
#include "peer/awaited_call.h"
#include "peer/session.h"

namespace atoll_core::peer {

using codec::TensorView;
using engine::CallGroup;
using engine::CallInfo;
using engine::CallOptions;
using engine::CollectiveInfo;
using engine::ContributedRange;
using engine::SyncInfo;
using View = wire::View;

// Steady clock.
TimePoint now();

std::shared_ptr<AwaitedCall> start_connect(Session& session, Caller caller);
std::shared_ptr<AwaitedCall> start_update(Session& session, Caller caller);
// What has come of it.
Result<View> view_of(Result<CallInfo> result);
Result<SyncInfo> sync_info_of(Result<CallInfo> result);
Result<CollectiveInfo> collective_info_of(Result<CallInfo> result);

// In flight when they return, or ended if the caller waits anyway; the tensors' memory is the
// session's until the call has ended.
struct Reduction {
  DataType type = DataType::kFloat32;
  ReduceOp op = ReduceOp::kSum;
};
std::shared_ptr<AwaitedCall> start_all_reduce(Session& session, Reduction reduction,
                                              std::vector<TensorView> tensors,
                                              CallOptions options, Caller caller);
std::shared_ptr<AwaitedCall> start_broadcast(Session& session, DataType type, PeerId root,
                                             std::vector<TensorView> tensors, CallOptions options,
                                             Caller caller);
std::shared_ptr<AwaitedCall> start_barrier(Session& session, CallOptions options, Caller caller);

// Any of them, and what else there is.
using CollectiveCall = engine::CollectiveCall;
using CollectiveKind = wire::OpKind;
std::shared_ptr<AwaitedCall> start_collective(Session& session, CollectiveCall call,
                                              Caller caller);
// Whose block is which in the calls of this group, by the view of the last update: nobody's where a
// peer was lost before this one heard of it.
std::vector<PeerId> block_owners(const View& view, PeerId self, CallGroup group);

// Once: until it has ended. When the thread is cancelled meanwhile, so is the call, by `cancel`;
// the thread is unwound when it has ended, so that nothing of what it lent is used any more.
Result<CallInfo> wait_for(AwaitedCall& call, const std::function<void()>& cancel);

}  // namespace atoll_core::peer
