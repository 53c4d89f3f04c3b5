// Which of the elements of a collective call each peer brings, and which it gets. Pure; `count` is
// the number of elements in whatever unit is meant.
#pragma once

#include <cstdint>
#include <vector>

#include "base/element.h"
#include "base/ids.h"
#include "engine/call.h"
#include "wire/control.h"

namespace atoll_core::engine {

// Of a call with blocks: how many elements each of CollectiveCall::owners has, in their order, one
// behind the other. `count` is all of them together.
std::vector<uint64_t> block_counts(const CollectiveCall& call, uint64_t count);

// Empty where it owns none, or the call has no blocks.
ElementRange block_of(const CollectiveCall& call, PeerId peer, uint64_t count);
// Of an all-to-all on `self`.
ElementRange received_from(const CollectiveCall& call, PeerId peer);
ElementRange sent_to(const CollectiveCall& call, PeerId peer, PeerId self);
// Elements of the result: all, but of an all-to-all those that come.
uint64_t result_count(const CollectiveCall& call, uint64_t count);
ElementRange brought_by(const CollectiveCall& call, PeerId peer, uint64_t count);
ElementRange given_to(const CollectiveCall& call, PeerId peer, uint64_t count);
// The blocks that `peer` is to be given by those that are none of `contributors`: they are zeros.
std::vector<ElementRange> missing_blocks(const CollectiveCall& call, PeerId peer,
                                         const std::vector<PeerId>& contributors, uint64_t count);

}  // namespace atoll_core::engine
