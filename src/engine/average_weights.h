// The weights in one weighted average. Each peer multiplies what it brings by its weight, and the
// sum of the weights that are in a chunk goes with it, so that whoever owns an element at the end
// of the walk divides by the weights of exactly those whose input is in it.
//
// A chunk says nothing as long as the sum is the number of peers in it: where all weights are 1,
// nothing more is sent or computed than without weights. Else 16 bytes follow its elements. Around
// a ring the sum of a step is the same in all segments.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "base/bytes.h"
#include "base/element.h"
#include "base/error.h"
#include "engine/weight_sum.h"
#include "wire/frame.h"

namespace atoll_core::engine {

class AverageWeights {
 public:
  // `average`: false for all other operators, where every chunk counts as one without weights.
  AverageWeights(bool average, DataType type, double weight);

  // A new attempt, of `count` elements.
  void begin(uint32_t world, uint64_t count);

  bool used() const { return average_; }

  // What this peer's input is multiplied by, and what it counts in the sum: the weight as the type
  // is computed, rounded to float32 or, for float64, not.
  double factor() const { return factor_; }
  bool scales() const { return factor_ != 1.0; }

  static size_t bytes_after(const wire::FrameHeader& header) {
    return header.weighted ? WeightSum::kBytes : 0;
  }
  // The weights in a chunk that has come; it may not be of this kind of call at all.
  Result<WeightSum> read(const wire::FrameHeader& header, ByteSpan payload) const;
  // With this peer's.
  WeightSum with_own(WeightSum sum) const;

  // Of all contributions together.
  void set_total(double total) { total_ = total; }
  double total() const { return total_; }
  // From a chunk of the gather. Only where a peer may own nothing does it say anything.
  void heard_total(const WeightSum& sum);

  // What is to follow the elements of a chunk that is sent as this step, perhaps nothing. Valid
  // until the next begin(), or as long as keep_with() lives.
  ByteSpan bytes_for(uint32_t step, const WeightSum& sum);
  const WeightSum& own() const { return own_; }
  // Memory that is sent, kept together with what follows it.
  std::shared_ptr<const ByteBuffer> keep_with(std::shared_ptr<const ByteBuffer> memory) const;

 private:
  using Sent = std::map<uint32_t, WeightSum::Bytes>;  // by step

  uint64_t peers_at(uint32_t step) const { return step + 1 < world_ ? step + 1 : world_; }

  const bool average_;
  const double factor_;
  const WeightSum own_;
  uint32_t world_ = 1;
  bool some_own_nothing_ = false;
  double total_ = 0;
  std::shared_ptr<Sent> sent_;
};

}  // namespace atoll_core::engine
