// A state sync: ask for an election, then fetch what differs from those who hold the elected
// content, and serve it to those who lack it, until all have it.
#pragma once

#include "engine/context.h"
#include "engine/link_table.h"
#include "engine/new_call.h"
#include "engine/state_server.h"
#include "membership/peer/peer_machine.h"

namespace atoll_core::engine {

// What a sync works with, all of which outlives it.
struct SyncParts {
  Context& context;
  membership::PeerMachine& membership;
  LinkTable& links;
  StateServer& server;
};

// The ledger's view of a sync.
NewCall make_sync(CallId call, SyncCall arguments, const SyncParts& parts);

}  // namespace atoll_core::engine
