// The weights in one weighted average. Each peer multiplies what it brings by its weight, and the
// weights of all that are in a chunk go with it, in the order in which the chunk has met them. So
// whoever owns an element at the end of the walk divides by the weights of exactly those whose
// input is in it, and can tell the weight of each.
//
// A chunk says nothing as long as all weights in it are 1: then nothing more is sent or computed
// than without weights. The list of a step is the same in all segments. Around a ring it grows with
// each step, and chunks of the gather bring it only where some peers own nothing: all others have
// seen the end of a walk. Where owners collect, a contribution brings the weight of its peer, and a
// result brings those of all.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/element.h"
#include "base/error.h"
#include "base/ids.h"
#include "engine/weight_list.h"
#include "wire/frame.h"

namespace atoll_core::engine {

class AverageWeights {
 public:
  // `average`: false for all other operators, where every peer weighs 1.
  AverageWeights(bool average, DataType type, double weight);

  // A new attempt, of `count` elements, by these around `ring` (indexes of participants), of whom
  // `self` is this one.
  void begin(const std::vector<PeerId>& participants, const std::vector<uint32_t>& ring,
             uint32_t self, uint64_t count);
  // The same, where owners collect: step 0 brings a contribution, step 1 a result.
  void begin_collecting(const std::vector<PeerId>& participants);

  bool used() const { return average_; }

  // What this peer's input is multiplied by, and what it counts in the sum: the weight as the type
  // is computed, rounded to float32 or, for float64, not.
  double factor() const { return factor_; }
  bool scales() const { return factor_ != 1.0; }

  // How much follows the elements of a chunk that has this header.
  size_t bytes_after(const wire::FrameHeader& header) const {
    return header.weighted ? peers_at(header.step) * kWeightBytes : 0;
  }
  // The weights in a chunk that has come; it may not be of this kind of call at all.
  Result<WeightList> read(const wire::FrameHeader& header, ByteSpan payload) const;
  // Of a chunk that came as `step`, with this peer's.
  WeightList with_own(uint32_t step, const WeightList& weights) const;
  WeightList own() const { return scales() ? WeightList{factor_} : WeightList(); }

  // What a chunk of the gather that came as `step` brings; only where a peer may own nothing does
  // it say anything.
  void heard_in_gather(uint32_t step, const WeightList& weights);
  // The walk of a chunk that came as `step` has ended here; where owners collect: these are the
  // weights of all, in their order. Returns the weight of all together.
  double heard_all(uint32_t step, const WeightList& weights);
  // All weights of a result that was made elsewhere.
  void set_all(const std::vector<PeerId>& contributors, WeightList weights);

  // Of these, in this order; an error when one of them had no part.
  Result<WeightList> of(const std::vector<PeerId>& contributors) const;

  // What is to follow the elements of a chunk that is sent as this step, perhaps nothing. Valid
  // until the next begin(), or as long as keep_with() lives.
  ByteSpan bytes_for(uint32_t step, const WeightList& weights);
  // Memory that is sent, kept together with what follows it.
  std::shared_ptr<const ByteBuffer> keep_with(std::shared_ptr<const ByteBuffer> memory) const;

 private:
  using Sent = std::map<uint32_t, ByteBuffer>;  // by step

  size_t world() const { return ring_.size(); }
  size_t peers_at(uint32_t step) const {
    if (collects_) return step == 0 ? 1 : world();
    return step < world() ? step + 1 : world();
  }
  bool is_result(uint32_t step) const { return collects_ ? step > 0 : step + 1 >= world(); }

  const bool average_;
  const double factor_;
  std::vector<PeerId> ring_;  // in ring order; where owners collect, in view order
  size_t place_ = 0;          // of this peer in the ring
  bool collects_ = false;
  bool some_own_nothing_ = false;
  std::vector<PeerId> contributors_;
  WeightList all_;  // of the contributors
  std::shared_ptr<Sent> sent_;
};

}  // namespace atoll_core::engine
