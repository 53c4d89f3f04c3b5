// What follows from the arguments of a collective call alone.
#pragma once

#include <cstdint>

#include "engine/call.h"
#include "engine/context.h"
#include "wire/control.h"

namespace atoll_core::engine {

wire::CallDescription describe(const CollectiveCall& call);

// Its result, or the results of all together, are small enough to be kept by all participants. With
// several shards per replica the groups of one call end alike, which nobody can know alone.
bool is_small(const CollectiveCall& call, uint64_t bytes, const Context& context);

// Its segments stand once they are complete on all.
bool keeps_segments(const CollectiveCall& call, bool small);

// Small calls are all-reduces or all-gathers: everyone has the results of all, from which others
// can fetch them, and nobody returns before all have called: so an all-gather to which somebody
// brings nothing is an all-reduce. A small send is an all-gather of two,
// whose receiver brings one byte.
wire::OpKind carried_out_as(const CollectiveCall& call, uint64_t bytes, bool small);

// Small calls that add nothing up treat all elements as bytes. In a broadcast, say, all but the
// root bring zero bytes, and the greatest of each byte is the root's.
bool reduces_bytes(const CollectiveCall& call, bool small);

bool writes_in_place(const CollectiveCall& call);
// And has to give it back when it fails.
bool overwrites_input(const CollectiveCall& call);

}  // namespace atoll_core::engine
