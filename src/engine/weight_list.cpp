#include "engine/weight_list.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"
#include "engine/weight_sum.h"
#include "wire/little_endian.h"

namespace atoll_core::engine {

WeightList spelled_out(const WeightList& weights, size_t peers) {
  if (weights.empty()) return WeightList(peers, 1.0);
  ATOLL_ASSERT(weights.size() == peers, "{} weights of {} peers", weights.size(), peers);
  return weights;
}

WeightList shortened(WeightList weights) {
  const bool ones =
      std::all_of(weights.begin(), weights.end(), [](double weight) { return weight == 1.0; });
  return ones ? WeightList() : std::move(weights);
}

double total_weight(const WeightList& weights, size_t peers) {
  if (weights.empty()) return static_cast<double>(peers);
  WeightSum sum;
  for (const double weight : weights) sum += WeightSum::of(weight);
  return sum.value();
}

ByteBuffer encode(const WeightList& weights) {
  ByteBuffer bytes(weights.size() * kWeightBytes);
  for (size_t i = 0; i < weights.size(); ++i) {
    wire::store_little_endian(std::bit_cast<uint64_t>(weights[i]),
                              bytes.data() + i * kWeightBytes);
  }
  return bytes;
}

Result<WeightList> decode_weights(ByteSpan bytes) {
  ATOLL_ASSERT(bytes.size() % kWeightBytes == 0, "{} bytes", bytes.size());
  WeightList weights(bytes.size() / kWeightBytes);
  for (size_t i = 0; i < weights.size(); ++i) {
    weights[i] = std::bit_cast<double>(
        wire::load_little_endian<uint64_t>(bytes.data() + i * kWeightBytes));
    if (weights[i] >= 0 && weights[i] <= limits::kWeight) continue;
    return fail(ErrorCode::kInternalError, "a weight of {} came, not one from 0 to {}",
                weights[i], limits::kWeight);
  }
  return shortened(std::move(weights));
}

}  // namespace atoll_core::engine
