#include "peer/calls.h"

#include <utility>

#include "engine/call_names.h"

namespace atoll_core::peer {
TimePoint now() { return transport::Network::now(); }

std::shared_ptr<AwaitedCall> start_connect(Session& session, Caller caller) {
  return session.call(
      [](engine::Engine& engine, TimePoint at, engine::CallId id) { engine.connect(at, id); },
      caller);
}

std::shared_ptr<AwaitedCall> start_update(Session& session, Caller caller) {
  return session.call(
      [](engine::Engine& engine, TimePoint at, engine::CallId id) { engine.update(at, id); },
      caller);
}

std::shared_ptr<AwaitedCall> start_collective(Session& session, CollectiveCall call,
                                              Caller caller) {
  return session.call_in_flight(
      [call = std::move(call)](engine::Engine& engine, TimePoint at, engine::CallId id) mutable {
        engine.collective(at, id, std::move(call));
      },
      caller);
}

std::vector<PeerId> block_owners(const View& view, PeerId self, CallGroup group) {
  for (const wire::PeerInfo& member : view.members) {
    if (member.id == self) return engine::CallNames::owners(view, member, group);
  }
  return {};
}

std::shared_ptr<AwaitedCall> start_all_reduce(Session& session, Reduction reduction,
                                              std::vector<TensorView> tensors,
                                              CallOptions options, Caller caller) {
  engine::CollectiveCall call;
  call.kind = wire::OpKind::kAllReduce;
  call.type = reduction.type;
  call.reduce = reduction.op;
  call.tensors = std::move(tensors);
  call.options = options;
  return start_collective(session, std::move(call), caller);
}

std::shared_ptr<AwaitedCall> start_broadcast(Session& session, DataType type, PeerId root,
                                             std::vector<TensorView> tensors, CallOptions options,
                                             Caller caller) {
  engine::CollectiveCall call;
  call.kind = wire::OpKind::kBroadcast;
  call.type = type;
  call.tensors = std::move(tensors);
  call.root = root;
  call.options = options;
  return start_collective(session, std::move(call), caller);
}

std::shared_ptr<AwaitedCall> start_barrier(Session& session, CallOptions options,
                                           Caller caller) {
  engine::CollectiveCall call;
  call.kind = wire::OpKind::kBarrier;
  call.options = options;
  return start_collective(session, std::move(call), caller);
}

Result<CallInfo> wait_for(AwaitedCall& call, const std::function<void()>& cancel) {
  try {
    return call.wait_cancellable();
  } catch (...) {  // the unwinding of a cancelled thread
    cancel();
    (void)call.wait();
    throw;
  }
}

Result<View> view_of(Result<CallInfo> result) {
  if (!result) return tl::unexpected<Error>(result.error());
  return std::get<engine::UpdateInfo>(*std::move(result)).view;
}

Result<SyncInfo> sync_info_of(Result<CallInfo> result) {
  if (!result) return tl::unexpected<Error>(result.error());
  return std::get<SyncInfo>(*std::move(result));
}

Result<CollectiveInfo> collective_info_of(Result<CallInfo> result) {
  if (!result) return tl::unexpected<Error>(result.error());
  return std::get<CollectiveInfo>(*std::move(result));
}

}  // namespace atoll_core::peer
