#pragma once

#include "atoll/atoll.h"
#include "capi/comm.h"
#include "capi/guard.h"
#include "peer/shared_state.h"

struct atollState : atoll_core::capi::Handle {
  atoll_core::peer::SharedState shared;
};

namespace atoll_core::capi {

Result<void> sync_state(atollComm_t comm, atollState& state, const atollSyncOptions_t& options,
                        atollSyncInfo_t* info);

}  // namespace atoll_core::capi
