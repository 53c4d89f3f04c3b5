#include "engine/average_weights.h"

#include <algorithm>
#include <utility>

#include "engine/weight_sum.h"

namespace atoll_core::engine {
namespace {

double computed_in(DataType type, double weight) {
  const double rounded =
      type == DataType::kFloat64 ? weight : static_cast<double>(static_cast<float>(weight));
  return WeightSum::of(rounded).value();
}

}  // namespace

AverageWeights::AverageWeights(bool average, DataType type, double weight)
    : average_(average), factor_(average ? computed_in(type, weight) : 1.0) {}

void AverageWeights::begin(const std::vector<PeerId>& participants,
                           const std::vector<uint32_t>& ring, uint32_t self, uint64_t count) {
  ring_.clear();
  for (const uint32_t index : ring) {
    if (index == self) place_ = ring_.size();
    ring_.push_back(participants[index]);
  }
  collects_ = false;
  some_own_nothing_ = count < world();
  set_all(participants, {});
  sent_ = nullptr;
}

void AverageWeights::begin_collecting(const std::vector<PeerId>& participants) {
  ring_ = participants;
  collects_ = true;
  some_own_nothing_ = true;
  set_all(participants, {});
  sent_ = nullptr;
}

Result<WeightList> AverageWeights::read(const wire::FrameHeader& header, ByteSpan payload) const {
  if (!header.weighted) return WeightList();
  const size_t bytes = bytes_after(header);
  if (!average_ || payload.size() < bytes) {
    return fail(ErrorCode::kInternalError, "weights came with a chunk of {}, where none belong",
                to_string(header.attempt));
  }
  return decode_weights(payload.last(bytes));
}

WeightList AverageWeights::with_own(uint32_t step, const WeightList& weights) const {
  if (weights.empty() && !scales()) return {};
  WeightList all = spelled_out(weights, peers_at(step));
  all.push_back(factor_);
  return all;
}

void AverageWeights::heard_in_gather(uint32_t step, const WeightList& weights) {
  if (some_own_nothing_) heard_all(step, weights);
}

double AverageWeights::heard_all(uint32_t step, const WeightList& weights) {
  if (!weights.empty() && all_.empty()) {
    // What came as `step` set out that many places and one more before this one.
    const size_t first = collects_ ? 0 : (place_ + 2 * world() - step - 1) % world();
    std::vector<PeerId> walk = ring_;
    std::rotate(walk.begin(), walk.begin() + static_cast<std::ptrdiff_t>(first), walk.end());
    set_all(walk, weights);
  }
  return total_weight(weights, world());
}

void AverageWeights::set_all(const std::vector<PeerId>& contributors, WeightList weights) {
  contributors_ = contributors;
  all_ = std::move(weights);
}

Result<WeightList> AverageWeights::of(const std::vector<PeerId>& contributors) const {
  if (all_.empty()) return WeightList();
  std::map<PeerId, double> by_peer;
  for (size_t i = 0; i < contributors_.size(); ++i) by_peer[contributors_[i]] = all_[i];
  WeightList weights;
  for (const PeerId peer : contributors) {
    const auto found = by_peer.find(peer);
    if (found == by_peer.end()) {
      return fail(ErrorCode::kInternalError, "peer {} is said to be in a result that is without it",
                  to_string(peer));
    }
    weights.push_back(found->second);
  }
  return weights;
}

ByteSpan AverageWeights::bytes_for(uint32_t step, const WeightList& weights) {
  if (!average_ || weights.empty() || (is_result(step) && !some_own_nothing_)) return {};
  if (sent_ == nullptr) sent_ = std::make_shared<Sent>();
  auto [at, fresh] = sent_->try_emplace(step);
  if (fresh) at->second = encode(weights);
  return at->second;
}

std::shared_ptr<const ByteBuffer> AverageWeights::keep_with(
    std::shared_ptr<const ByteBuffer> memory) const {
  if (sent_ == nullptr) return memory;
  auto both = std::make_shared<std::pair<std::shared_ptr<const ByteBuffer>,
                                         std::shared_ptr<const Sent>>>(std::move(memory), sent_);
  return {both, both->first.get()};
}

}  // namespace atoll_core::engine
