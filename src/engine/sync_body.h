// A state sync: ask for an election, then fetch what differs from those who hold the elected
// content, and serve it to those who lack it, until all have it.
#pragma once

#include "engine/call_ledger.h"
#include "engine/context.h"
#include "engine/link_table.h"
#include "membership/peer_machine.h"

namespace atoll_core::engine {

// The ledger's view of a sync. The references outlive it.
CallLedger::NewCall make_sync(CallId call, SyncCall arguments, Context& context,
                              membership::PeerMachine& membership, LinkTable& links);

}  // namespace atoll_core::engine
