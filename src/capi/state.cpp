#include "capi/state.h"

#include <memory>
#include <utility>

#include "capi/argument_rules.h"
#include "capi/dump.h"
#include "capi/guard.h"
#include "peer/calls.h"

namespace capi = atoll_core::capi;
using atoll_core::Result;

namespace atoll_core::capi {

namespace {

void fill_sync_info(const peer::SyncInfo& synced, TimePoint started, atollSyncInfo_t* info) {
  atollSyncInfo_t out = ATOLL_SYNC_INFO_INITIALIZER;
  out.revision = synced.revision;
  out.digest_high = synced.digest.high;
  out.digest_low = synced.digest.low;
  out.bytes_received = synced.bytes_received;
  out.bytes_sent = synced.bytes_sent;
  out.tensors_received = synced.tensors_received;
  out.attempts = synced.attempts;
  out.duration_us = microseconds_since(started);
  sized_return(info, out);
}

}  // namespace

Started start_sync(atollComm_t comm, atollState& state, const atollSyncOptions_t& options,
                   atollSyncInfo_t* info, const CallSite& site) {
  ATOLL_TRY(require_enum(options.strategy, atollSyncReceiveOnly, site.function,
                         "options->strategy"));
  ATOLL_TRY(require_tag(options.tag, site.function, "options->tag"));
  ATOLL_TRY(require_sized(info, site.function, "info"));
  auto session = session_of(comm, site.function);
  if (!session) return tl::unexpected(session.error());
  const TimePoint started = peer::now();
  auto call = state.shared.start_sync(
      *session, {static_cast<peer::SyncStrategy>(options.strategy), options.tag,
                 std::chrono::milliseconds(options.deadline_ms)},
      site.caller);
  if (!call) return tl::unexpected(call.error());
  auto in_call = std::make_shared<StateInCall>(state.shared, *session, options.tag);
  return request_of(*session, *std::move(call),
                    [comm, info, started, in_call](Result<peer::CallInfo> result,
                                                   atollOpInfo_t*) -> Result<void> {
    const Result<peer::SyncInfo> synced = peer::sync_info_of(std::move(result));
    if (!synced) return dumped(*comm, synced.error());
    fill_sync_info(*synced, started, info);
    return {};
  });
}

namespace {

template <class Body>
atollResult_t with_state(atollState_t state, const char* function, Body&& body) {
  return guard([&]() -> Result<void> {
    ATOLL_TRY(require(state, function, "state"));
    return body(state->shared);
  });
}

}  // namespace
}  // namespace atoll_core::capi

atollResult_t atollStateCreate(atollState_t* state) {
  return capi::guard([&]() -> Result<void> {
    ATOLL_TRY(capi::require(state, "atollStateCreate", "state"));
    *state = std::make_unique<atollState>().release();
    return {};
  });
}

atollResult_t atollStateDestroy(atollState_t state) {
  return capi::guard([&]() -> Result<void> {
    capi::destroy(state);
    return {};
  });
}

atollResult_t atollStateAddTensor(atollState_t state, const char* name, void* data,
                                  atollDataType_t datatype, uint64_t count) {
  return capi::with_state(state, "atollStateAddTensor", [&](auto& shared) -> Result<void> {
    ATOLL_TRY(capi::require(name, "atollStateAddTensor", "name"));
    ATOLL_TRY(capi::require_enum(datatype, atollFloat64, "atollStateAddTensor", "datatype"));
    return shared.add_tensor(name, data, static_cast<atoll_core::DataType>(datatype), count);
  });
}

atollResult_t atollStateBeginWrite(atollState_t state) {
  return capi::with_state(state, "atollStateBeginWrite",
                          [&](auto& shared) -> Result<void> { return shared.begin_write(); });
}

atollResult_t atollStatePublish(atollState_t state, uint64_t revision) {
  return capi::with_state(state, "atollStatePublish", [&](auto& shared) -> Result<void> {
    return shared.publish(revision);
  });
}

atollResult_t atollStateGetRevision(atollState_t state, uint64_t* revision) {
  return capi::with_state(state, "atollStateGetRevision", [&](auto& shared) -> Result<void> {
    ATOLL_TRY(capi::require(revision, "atollStateGetRevision", "revision"));
    const Result<uint64_t> found = shared.revision();
    if (!found) return tl::unexpected(found.error());
    *revision = *found;
    return {};
  });
}

atollResult_t atollFollowState(atollComm_t comm, atollState_t state,
                               const atollFollowOptions_t* options) {
  return capi::guard([&]() -> Result<void> {
    ATOLL_TRY(capi::require(state, "atollFollowState", "state"));
    auto session = capi::session_of(comm, "atollFollowState");
    if (!session) return tl::unexpected(session.error());
    const atollFollowOptions_t defaults = ATOLL_FOLLOW_OPTIONS_INITIALIZER;
    auto given = capi::sized_copy(options, defaults, "atollFollowState", "options");
    if (!given) return tl::unexpected(given.error());
    ATOLL_TRY(capi::require_tag(given->tag, "atollFollowState", "options->tag"));
    if ((*session)->snapshot().view) {
      return atoll_core::fail(atoll_core::ErrorCode::kInvalidUsage,
                              "atollFollowState: the peer is a member already; members level "
                              "their state in atollSyncState");
    }
    const std::lock_guard<std::mutex> lock(comm->mutex);
    comm->follows = atollComm::Following{
        *session, &state->shared,
        {given->tag, std::chrono::milliseconds(given->level_timeout_ms)}};
    return {};
  });
}

namespace atoll_core::capi {
namespace {

Started start_state_sync(atollComm_t comm, atollState_t state, const atollSyncOptions_t* options,
                         atollSyncInfo_t* info, const CallSite& site) {
  ATOLL_TRY(require(state, site.function, "state"));
  const atollSyncOptions_t defaults = ATOLL_SYNC_OPTIONS_INITIALIZER;
  auto given = sized_copy(options, defaults, site.function, "options");
  if (!given) return tl::unexpected(given.error());
  return start_sync(comm, *state, *given, info, site);
}

}  // namespace
}  // namespace atoll_core::capi

atollResult_t atollSyncState(atollComm_t comm, atollState_t state,
                             const atollSyncOptions_t* options, atollSyncInfo_t* info) {
  return capi::blocking(nullptr, "atollSyncState", [&] {
    return capi::start_state_sync(comm, state, options, info,
                                  {"atollSyncState", atoll_core::peer::Caller::kWaits});
  });
}

atollResult_t atollSyncStateAsync(atollComm_t comm, atollState_t state,
                                  const atollSyncOptions_t* options, atollSyncInfo_t* info,
                                  atollRequest_t* request) {
  return capi::asynchronous(request, "atollSyncStateAsync", [&] {
    return capi::start_state_sync(comm, state, options, info, {"atollSyncStateAsync"});
  });
}
