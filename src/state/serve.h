// Answers a request for parts of a shared state.
#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/limits.h"
#include "state/digest.h"
#include "state/request.h"
#include "state/state_table.h"

namespace atoll_core::state {

// Of one request, so that what it can queue at a holder is bounded.
inline constexpr uint32_t kChunksPerRequest = limits::kChunksPerRequest;

struct StateResponse {
  ResponseName name;
  ByteSpan chunk;      // kChunks: the caller's bytes, not copied
  ByteBuffer digests;  // kDigests
  ByteSpan payload() const {
    return name.item == StateItem::kChunks ? chunk : ByteSpan(digests);
  }
};

// `digests` must be those of what `table` holds. The error says why the request is refused:
// kStateConflict when another revision or none is held, kInvalidArgument when there is no such
// part.
Result<std::vector<StateResponse>> serve(const StateTable& table, const StateDigests& digests,
                                         const StateRequest& request);

}  // namespace atoll_core::state
