// Collectives and sends as the ledger's calls.
#pragma once

#include "engine/context.h"
#include "engine/link_table.h"
#include "engine/new_call.h"

namespace atoll_core::engine {

// The call of these arguments at this place. `context` and `links` outlive it.
Result<NewCall> make_collective(CallId call, CollectiveCall arguments, CallNames::Place place,
                                PeerId self, Context& context, LinkTable& links);

}  // namespace atoll_core::engine
