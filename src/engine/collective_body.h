// All-reduce, broadcast and barrier: one attempt carries out a schedule over the caller's tensors.
#pragma once

#include "engine/call_ledger.h"
#include "engine/context.h"
#include "engine/link_table.h"

namespace atoll_core::engine {

// The ledger's view of a collective call of `world` participants. `context` and `links` outlive it.
Result<CallLedger::NewCall> make_collective(CallId call, CollectiveCall arguments, size_t world,
                                            Context& context, LinkTable& links);

}  // namespace atoll_core::engine
