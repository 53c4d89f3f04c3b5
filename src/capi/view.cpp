#include "capi/view.h"

#include <algorithm>
#include <utility>

#include "capi/dump.h"
#include "capi/guard.h"
#include "capi/request.h"
#include "capi/state.h"

namespace capi = atoll_core::capi;
namespace peer = atoll_core::peer;
using atoll_core::ErrorCode;
using atoll_core::Result;
using atoll_core::fail;

namespace atoll_core::capi {

atollView_t describe_view(const peer::View& view, PeerId self) {
  atollView_t out = ATOLL_VIEW_INITIALIZER;
  out.incarnation = static_cast<uint64_t>(view.epoch.incarnation.counter) << 32 |
                    view.epoch.incarnation.nonce;
  out.epoch = view.epoch.number;
  out.generation = view.generation.first.number;
  out.peer = self.value;
  out.world = static_cast<uint32_t>(view.members.size());
  std::vector<std::string_view> replicas;
  for (size_t i = 0; i < view.members.size(); ++i) {
    const auto& member = view.members[i];
    if (replicas.empty() || replicas.back() != member.replica) replicas.push_back(member.replica);
    if (member.id == self) {
      out.rank = static_cast<uint32_t>(i);
      out.replica_rank = static_cast<uint32_t>(replicas.size() - 1);
    }
  }
  out.replicas = static_cast<uint32_t>(replicas.size());
  return out;
}

namespace {

uint32_t count_missing(const peer::View& from, const peer::View& in) {
  uint32_t missing = 0;
  for (const auto& peer : from.members) {
    const bool there = std::any_of(in.members.begin(), in.members.end(),
                                   [&](const auto& other) { return other.id == peer.id; });
    if (!there) ++missing;
  }
  return missing;
}

// The same for the view that an update returned, where peers are counted by slots: so all are told
// alike, also one that hears of the update when somebody has died since.
atollView_t describe_update(const peer::View& view, PeerId self) {
  atollView_t out = describe_view(view, self);
  out.world = static_cast<uint32_t>(view.slots.size());
  for (const auto& member : view.members) {
    if (member.id != self) continue;
    out.rank = member.slot;
    out.replicas = out.world / member.shard_count;
    out.replica_rank = member.slot / member.shard_count;
  }
  return out;
}

Result<peer::View> current_view(atollComm_t comm, const char* function) {
  auto session = session_of(comm, function);
  if (!session) return tl::unexpected(session.error());
  const peer::Snapshot snapshot = (*session)->snapshot();
  if (!snapshot.view) {
    return atoll_core::fail(ErrorCode::kNotConnected,
                            "{}: there is no view before the first atollUpdate", function);
  }
  return *snapshot.view;
}

struct Update {
  std::shared_ptr<peer::Session> session;
  std::optional<atollComm::Following> follows;
  std::shared_ptr<StateInCall> state_in_call;  // of what it follows
};

Result<std::shared_ptr<peer::AwaitedCall>> begin(Update& update, peer::Caller caller) {
  if (!update.follows) return peer::start_update(*update.session, caller);
  peer::SharedState& state = *update.follows->state;
  auto call = state.start_update(update.session, update.follows->options, caller);
  if (!call) return call;
  update.state_in_call = std::make_shared<StateInCall>(state, update.session,
                                                       update.follows->options.tag);
  return call;
}

// What it has come to, with who came and went since the last one.
void end(atollComm& comm, const Update& update, const peer::View& now, atollView_t* view) {
  atollView_t out = describe_update(now, update.session->snapshot().self);
  {
    const std::lock_guard<std::mutex> lock(comm.mutex);
    if (update.follows) comm.follows.reset();
    out.joined = count_missing(now, comm.last_view);
    out.lost = count_missing(comm.last_view, now);
    comm.last_view = now;
  }
  sized_return(view, out);
}

Started start_update(atollComm_t comm, atollView_t* view, const CallSite& site) {
  ATOLL_TRY(require_sized(view, site.function, "view"));
  auto session = session_of(comm, site.function);
  if (!session) return tl::unexpected(session.error());
  Update update{*session, {}, {}};
  {
    const std::lock_guard<std::mutex> lock(comm->mutex);
    // Until an update has ended well, what atollFollowState asked for stands.
    const bool follows = comm->follows && comm->follows->session.lock() == *session;
    if (follows) update.follows = comm->follows;
  }
  auto call = begin(update, site.caller);
  if (!call) return tl::unexpected(call.error());
  return request_of(*session, *std::move(call),
                    [comm, view, update](Result<peer::CallInfo> result,
                                         atollOpInfo_t*) -> Result<void> {
    const Result<peer::View> now = peer::view_of(std::move(result));
    if (!now) return dumped(*comm, now.error());
    end(*comm, update, *now, view);
    return {};
  });
}

}  // namespace
}  // namespace atoll_core::capi

atollResult_t atollUpdate(atollComm_t comm, atollView_t* view) {
  return capi::blocking(nullptr, "atollUpdate", [&] {
    return capi::start_update(comm, view, {"atollUpdate", peer::Caller::kWaits});
  });
}

atollResult_t atollUpdateAsync(atollComm_t comm, atollView_t* view, atollRequest_t* request) {
  return capi::asynchronous(request, "atollUpdateAsync", [&] {
    return capi::start_update(comm, view, {"atollUpdateAsync"});
  });
}

atollResult_t atollGetView(atollComm_t comm, atollView_t* view) {
  return capi::guard([&]() -> Result<void> {
    ATOLL_TRY(capi::require(view, "atollGetView", "view"));
    ATOLL_TRY(capi::require_sized(view, "atollGetView", "view"));
    auto current = capi::current_view(comm, "atollGetView");
    if (!current) return tl::unexpected(current.error());
    auto session = capi::session_of(comm, "atollGetView");
    if (!session) return tl::unexpected(session.error());
    capi::sized_return(view, capi::describe_view(*current, (*session)->snapshot().self));
    return {};
  });
}

atollResult_t atollGetPeerAt(atollComm_t comm, uint32_t rank, uint64_t* id) {
  return capi::guard([&]() -> Result<void> {
    ATOLL_TRY(capi::require(comm, "atollGetPeerAt", "comm"));
    ATOLL_TRY(capi::require(id, "atollGetPeerAt", "peer"));
    const std::lock_guard<std::mutex> lock(comm->mutex);
    const peer::View& view = comm->last_view;
    if (view.members.empty()) {
      return fail(ErrorCode::kNotConnected,
                  "atollGetPeerAt: there is no view before the first atollUpdate");
    }
    if (rank >= view.slots.size()) {
      return fail(ErrorCode::kInvalidArgument, "atollGetPeerAt: rank {} in a view of {} peers",
                  rank, view.slots.size());
    }
    *id = view.slots[rank].value;
    return {};
  });
}
