#include "capi/comm.h"

#include <algorithm>
#include <utility>

#include "capi/comm_config.h"
#include "capi/dump.h"
#include "capi/guard.h"

namespace capi = atoll_core::capi;
namespace peer = atoll_core::peer;
using atoll_core::Error;
using atoll_core::ErrorCode;
using atoll_core::Result;
using atoll_core::fail;

namespace atoll_core::capi {

Result<std::shared_ptr<peer::Session>> session_of(atollComm_t comm, const char* function) {
  ATOLL_TRY(require(comm, function, "comm"));
  std::shared_ptr<peer::Session> session = comm->session();
  if (session == nullptr) {
    return atoll_core::fail(ErrorCode::kNotConnected,
                            "{}: the communicator is not connected: call atollCommConnect first",
                            function);
  }
  return session;
}

peer::View last_view(const atollComm& comm) {
  const std::lock_guard<std::mutex> lock(comm.mutex);
  return comm.last_view;
}

void keep_report(atollComm& comm, const peer::Session& session) {
  std::optional<peer::EngineReport> report = session.report(peer::kReportPatience);
  const std::lock_guard<std::mutex> lock(comm.mutex);
  if (report) comm.last_report = std::move(report);
}

uint64_t microseconds_since(TimePoint started) {
  const auto elapsed = std::chrono::duration_cast<std::chrono::microseconds>(peer::now() - started);
  return static_cast<uint64_t>(elapsed.count());
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

// Until it has ended well, what atollFollowState asked for stands.
Result<peer::View> update(atollComm& comm, const std::shared_ptr<peer::Session>& session) {
  std::optional<atollComm::Following> follows;
  {
    const std::lock_guard<std::mutex> lock(comm.mutex);
    if (comm.follows && comm.follows->session.lock() == session) follows = comm.follows;
  }
  if (!follows) return peer::update(*session);
  Result<peer::View> result = follows->state->update(*session, follows->options);
  if (!result) return result;
  const std::lock_guard<std::mutex> lock(comm.mutex);
  comm.follows.reset();
  return result;
}

}  // namespace
}  // namespace atoll_core::capi

atollResult_t atollCommCreate(atollComm_t* comm, const atollCommConfig_t* config) {
  return capi::guard([&]() -> Result<void> {
    ATOLL_TRY(capi::require(comm, "atollCommCreate", "comm"));
    *comm = nullptr;
    ATOLL_TRY(capi::require(config, "atollCommCreate", "config"));
    const atollCommConfig_t defaults = ATOLL_COMM_CONFIG_INITIALIZER;
    auto given = capi::sized_copy(config, defaults, "atollCommCreate", "config");
    if (!given) return tl::unexpected(given.error());
    auto session = capi::session_config(*given);
    if (!session) return tl::unexpected(session.error());
    auto made = std::make_unique<atollComm>();
    made->config = std::move(*session);
    made->dump_prefix = capi::dump_prefix(*given);
    capi::register_for_signal(*made);
    *comm = made.release();
    return {};
  });
}

atollResult_t atollCommConnect(atollComm_t comm) {
  return capi::guard([&]() -> Result<void> {
    ATOLL_TRY(capi::require(comm, "atollCommConnect", "comm"));
    std::shared_ptr<peer::Session> old;
    {
      const std::lock_guard<std::mutex> lock(comm->mutex);
      if (comm->current != nullptr && !comm->current->left()) {
        return fail(ErrorCode::kInvalidUsage, "atollCommConnect: the communicator is connected");
      }
      old = std::exchange(comm->current, nullptr);
    }
    if (old != nullptr) capi::keep_report(*comm, *old);
    peer::SessionConfig config;
    {
      const std::lock_guard<std::mutex> lock(comm->mutex);
      if (old != nullptr) old->pass_on_memory(comm->config);
      config = comm->config;
    }
    old.reset();  // joins its thread, and gives its port back, before the new one binds
    auto created = peer::Session::create(std::move(config));
    if (!created) return tl::unexpected(created.error());
    std::shared_ptr<peer::Session> session = std::move(*created);
    {
      const std::lock_guard<std::mutex> lock(comm->mutex);
      if (comm->current != nullptr) {
        return fail(ErrorCode::kInvalidUsage, "atollCommConnect: called twice at the same time");
      }
      comm->current = session;
      comm->last_view = {};
    }
    Result<void> result = peer::connect(*session);
    if (result) return {};
    capi::keep_report(*comm, *session);
    auto error = capi::dumped(*comm, result.error());
    const std::lock_guard<std::mutex> lock(comm->mutex);
    if (comm->current == session) comm->current = nullptr;
    return error;
  });
}

namespace atoll_core::capi {
namespace {

Result<void> leave(atollComm_t comm, const char* function, Error reason, bool at_once) {
  ATOLL_TRY(require(comm, function, "comm"));
  const std::shared_ptr<peer::Session> session = comm->session();
  if (session != nullptr) {
    session->leave(std::move(reason), at_once);
    keep_report(*comm, *session);
  }
  const std::lock_guard<std::mutex> lock(comm->mutex);
  // Of its own will: it may join whatever run there is next.
  comm->config.engine.membership.memory = {};
  comm->config.marks.clear();
  if (comm->current == session) comm->current = nullptr;
  if (session != nullptr) return {};
  return atoll_core::fail(ErrorCode::kNotConnected, "{}: the communicator is not connected",
                          function);
}

}  // namespace
}  // namespace atoll_core::capi

atollResult_t atollCommLeave(atollComm_t comm) {
  return capi::guard([&] {
    return capi::leave(comm, "atollCommLeave",
                       Error{ErrorCode::kNotConnected, "the communicator left the run"}, false);
  });
}

atollResult_t atollCommAbort(atollComm_t comm) {
  return capi::guard([&] {
    return capi::leave(comm, "atollCommAbort",
                       Error{ErrorCode::kCancelled, "atollCommAbort was called"}, true);
  });
}

atollResult_t atollCommDestroy(atollComm_t comm) {
  return capi::guard([&]() -> Result<void> {
    if (comm != nullptr && comm->origin.is_here()) capi::unregister_for_signal(*comm);
    capi::destroy(comm);
    return {};
  });
}

atollResult_t atollResetConnections(atollComm_t comm) {
  return capi::guard([&]() -> Result<void> {
    auto session = capi::session_of(comm, "atollResetConnections");
    if (!session) return tl::unexpected(session.error());
    return (*session)->reset_connections();
  });
}

atollResult_t atollUpdate(atollComm_t comm, atollView_t* view) {
  return capi::guard([&]() -> Result<void> {
    ATOLL_TRY(capi::require_sized(view, "atollUpdate", "view"));
    auto session = capi::session_of(comm, "atollUpdate");
    if (!session) return tl::unexpected(session.error());
    Result<peer::View> result = capi::update(*comm, *session);
    if (!result) return capi::dumped(*comm, result.error());
    const peer::View& now = *result;
    atollView_t out = capi::describe_update(now, (*session)->snapshot().self);
    {
      const std::lock_guard<std::mutex> lock(comm->mutex);
      out.joined = capi::count_missing(now, comm->last_view);
      out.lost = capi::count_missing(comm->last_view, now);
      comm->last_view = now;
    }
    capi::sized_return(view, out);
    return {};
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

namespace atoll_core::capi {
namespace {

Result<uint64_t> attribute_of(peer::Session& session, atollAttribute_t attribute) {
  const peer::Snapshot snapshot = session.snapshot();
  const atollView_t view = snapshot.view ? describe_view(*snapshot.view, snapshot.self)
                                         : atollView_t ATOLL_VIEW_INITIALIZER;
  switch (attribute) {
    case atollAttributeWorld: return view.world;
    case atollAttributeRank: return view.rank;
    case atollAttributeReplicas: return view.replicas;
    case atollAttributePeer: return snapshot.self.value;
    case atollAttributeBytesSent: return snapshot.bytes_sent;
    case atollAttributeBytesReceived: return snapshot.bytes_received;
    case atollAttributeListeningPort: return session.listening_port();
    case atollAttributeConnections: return snapshot.connections;
    case atollAttributeInputBackupBytes: return snapshot.input_backup.bytes_in_use;
    case atollAttributeInputBackupPeakBytes: return snapshot.input_backup.bytes_in_use_peak;
    case atollAttributeInputBackupKeptBytes: return snapshot.input_backup.bytes_kept;
  }
  return atoll_core::fail(ErrorCode::kInvalidArgument,
                          "atollGetAttribute: {} is not a known attribute",
                          static_cast<int>(attribute));
}

}  // namespace
}  // namespace atoll_core::capi

atollResult_t atollGetAttribute(atollComm_t comm, atollAttribute_t attribute, uint64_t* value) {
  return capi::guard([&]() -> Result<void> {
    ATOLL_TRY(capi::require(value, "atollGetAttribute", "value"));
    auto session = capi::session_of(comm, "atollGetAttribute");
    if (!session) return tl::unexpected(session.error());
    auto found = capi::attribute_of(**session, attribute);
    if (!found) return tl::unexpected(found.error());
    *value = *found;
    return {};
  });
}
