// The communicator behind atollComm_t: a configuration, and a session while it is connected.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "atoll/atoll.h"
#include "peer/calls.h"
#include "peer/session.h"

struct atollComm {
  // Shared by calls in progress, so that a disconnect never pulls it from under them.
  std::shared_ptr<atoll_core::peer::Session> session() const {
    const std::lock_guard<std::mutex> lock(mutex);
    return current;
  }

  atoll_core::peer::SessionConfig config;
  std::string host_name;
  mutable std::mutex mutex;
  std::shared_ptr<atoll_core::peer::Session> current;
  atoll_core::peer::View last_view;  // of the last atollUpdate, for joined and lost
};

struct atollRequest {
  std::shared_ptr<atoll_core::peer::Session> session;
  std::shared_ptr<atoll_core::peer::PendingCall> call;
  atoll_core::TimePoint started;
};

namespace atoll_core::capi {

uint64_t microseconds_since(TimePoint started);

// The session, or kNotConnected naming the function.
Result<std::shared_ptr<peer::Session>> session_of(atollComm_t comm, const char* function);

}  // namespace atoll_core::capi
