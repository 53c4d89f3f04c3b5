#include "engine/average_weights.h"

#include <utility>

namespace atoll_core::engine {
namespace {

double computed_in(DataType type, double weight) {
  const double rounded =
      type == DataType::kFloat64 ? weight : static_cast<double>(static_cast<float>(weight));
  return WeightSum::of(rounded).value();
}

}  // namespace

AverageWeights::AverageWeights(bool average, DataType type, double weight)
    : average_(average),
      factor_(average ? computed_in(type, weight) : 1.0),
      own_(WeightSum::of(factor_)) {}

void AverageWeights::begin(uint32_t world, uint64_t count) {
  world_ = world;
  some_own_nothing_ = count < world;
  total_ = world == 1 ? own_.value() : world;
  sent_ = nullptr;
}

Result<WeightSum> AverageWeights::read(const wire::FrameHeader& header, ByteSpan payload) const {
  if (!header.weighted) return WeightSum::of_ones(peers_at(header.step));
  if (!average_ || payload.size() < WeightSum::kBytes) {
    return fail(ErrorCode::kInternalError, "weights came with a chunk of {}, where none belong",
                to_string(header.attempt));
  }
  return WeightSum::decode(payload.last(WeightSum::kBytes));
}

WeightSum AverageWeights::with_own(WeightSum sum) const {
  sum += own_;
  return sum;
}

void AverageWeights::heard_total(const WeightSum& sum) {
  if (some_own_nothing_) total_ = sum.value();
}

ByteSpan AverageWeights::bytes_for(uint32_t step, const WeightSum& sum) {
  const bool gathers = step + 1 >= world_;
  if (!average_ || sum == WeightSum::of_ones(peers_at(step))) return {};
  if (gathers && !some_own_nothing_) return {};
  if (sent_ == nullptr) sent_ = std::make_shared<Sent>();
  return sent_->emplace(step, sum.encode()).first->second;
}

std::shared_ptr<const ByteBuffer> AverageWeights::keep_with(
    std::shared_ptr<const ByteBuffer> memory) const {
  if (sent_ == nullptr) return memory;
  auto both = std::make_shared<std::pair<std::shared_ptr<const ByteBuffer>,
                                         std::shared_ptr<const Sent>>>(std::move(memory), sent_);
  return {both, both->first.get()};
}

}  // namespace atoll_core::engine
