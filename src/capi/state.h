#pragma once

#include "atoll/atoll.h"
#include "capi/comm.h"
#include "capi/guard.h"
#include "capi/request.h"
#include "peer/shared_state.h"

struct atollState : atoll_core::capi::Handle {
  atoll_core::peer::SharedState shared;
};

namespace atoll_core::capi {

// The call has a request, by which it is to be ended. `info` (may be null) is filled then.
Started start_sync(atollComm_t comm, atollState& state, const atollSyncOptions_t& options,
                   atollSyncInfo_t* info, const CallSite& site);

// For as long as it lives the state is in a call, which has ended when it goes.
class StateInCall {
 public:
  StateInCall(peer::SharedState& state, std::shared_ptr<peer::Session> session, uint64_t tag)
      : state_(state), session_(std::move(session)), tag_(tag) {}
  ~StateInCall() { state_.end_call(*session_, tag_); }
  StateInCall(const StateInCall&) = delete;
  StateInCall& operator=(const StateInCall&) = delete;

 private:
  peer::SharedState& state_;
  std::shared_ptr<peer::Session> session_;
  uint64_t tag_;
};

}  // namespace atoll_core::capi
