#include "capi/comm.h"

#include <algorithm>
#include <utility>

#include "capi/comm_config.h"
#include "capi/dump.h"
#include "capi/guard.h"
#include "capi/view.h"

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
  comm->config.commits.clear();
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
