// The communicator behind atollComm_t: a configuration, and a session while it is connected.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "atoll/atoll.h"
#include "capi/guard.h"
#include "peer/calls.h"
#include "peer/session.h"
#include "peer/shared_state.h"
#include "peer/state_json.h"

struct atollComm : atoll_core::capi::Handle {
  // Shared by calls in progress, so that a disconnect never pulls it from under them.
  std::shared_ptr<atoll_core::peer::Session> session() const {
    const std::lock_guard<std::mutex> lock(mutex);
    return current;
  }

  atoll_core::peer::SessionConfig config;
  std::string host_name;
  std::string dump_prefix;  // of files written on an error; empty: none are
  mutable std::mutex mutex;
  std::shared_ptr<atoll_core::peer::Session> current;
  atoll_core::peer::View last_view;  // of the last atollUpdate, for joined and lost
  // What the first atollUpdate of this session is to bring the members' state into.
  struct Following {
    std::weak_ptr<atoll_core::peer::Session> session;
    atoll_core::peer::SharedState* state = nullptr;
    atoll_core::peer::SharedState::FollowOptions options;
  };
  std::optional<Following> follows;
  std::optional<atoll_core::peer::EngineReport> last_report;  // of the session before, at its end
  std::optional<atoll_core::TimePoint> last_dump;
};

namespace atoll_core::capi {

uint64_t microseconds_since(TimePoint started);

// Of the last atollUpdate; empty before.
peer::View last_view(const atollComm& comm);

// Before the communicator lets go of a session: its state stays to be told.
void keep_report(atollComm& comm, const peer::Session& session);

// The session, or kNotConnected naming the function.
Result<std::shared_ptr<peer::Session>> session_of(atollComm_t comm, const char* function);

}  // namespace atoll_core::capi
