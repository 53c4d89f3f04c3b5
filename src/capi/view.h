// The view of a communicator as C sees it.
#pragma once

#include "atoll/atoll.h"
#include "capi/comm.h"

namespace atoll_core::capi {

// As it stands.
atollView_t describe_view(const peer::View& view, PeerId self);

}  // namespace atoll_core::capi
