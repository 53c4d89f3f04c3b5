// What follows from the arguments of a collective call alone.
#pragma once

#include <cstdint>

#include "engine/call.h"
#include "engine/context.h"
#include "wire/control.h"

namespace atoll_core::engine {

wire::CallDescription describe(const CollectiveCall& call);

// Its result is the same on all participants, and small enough to be kept by all of them. With
// several shards per replica the groups of one call end alike, which nobody can know alone.
bool is_small(const CollectiveCall& call, uint64_t bytes, const Context& context);

// Its segments stand once they are complete on all.
bool keeps_segments(const CollectiveCall& call, bool small);

// Small calls of all kinds are all-reduces: nobody returns before all have called. In a broadcast
// the others bring zero bytes, and the greatest of each byte is the root's.
bool reduces_bytes(const CollectiveCall& call, bool small);

bool writes_in_place(const CollectiveCall& call);
// And has to give it back when it fails.
bool overwrites_input(const CollectiveCall& call);

}  // namespace atoll_core::engine
