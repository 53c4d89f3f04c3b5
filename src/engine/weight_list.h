// The weights of several peers, as they travel behind the elements of a chunk or of a result: each
// as a float64, 8 bytes. Where all are 1, as they are unless callers say otherwise, the list is
// empty and nothing travels.
#pragma once

#include <cstddef>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace atoll_core::engine {

using WeightList = std::vector<double>;  // empty: all are 1

inline constexpr size_t kWeightBytes = 8;

// All of them, for `peers` peers.
WeightList spelled_out(const WeightList& weights, size_t peers);
// Empty when all are 1.
WeightList shortened(WeightList weights);

// Exact but for one rounding at the end, so that it does not depend on the order.
double total_weight(const WeightList& weights, size_t peers);

ByteBuffer encode(const WeightList& weights);
// From a peer: whole numbers of kWeightBytes. Refuses what no peer can weigh.
Result<WeightList> decode_weights(ByteSpan bytes);

}  // namespace atoll_core::engine
