#include "simulate/trainer.h"

#include <algorithm>
#include <string>

#include "kernels/hash.h"

namespace atoll_core::simulate {
namespace {
constexpr uint64_t kCounts[] = {1000, 280'000, 7};  // the second one has two chunks
}

TrainerState::TrainerState(uint64_t salt) {
  for (const uint64_t count : kCounts) {
    std::vector<float>& tensor = memory_.emplace_back(count);
    for (uint64_t i = 0; i < count; ++i) tensor[i] = static_cast<float>(salt + i % 97);
    (void)table_.add_tensor("w" + std::to_string(memory_.size()), tensor.data(),
                            DataType::kFloat32, count);
  }
}

void TrainerState::step(Random& random, bool wrong) {
  const uint64_t revision = table_.revision();
  (void)table_.begin_write();
  for (std::vector<float>& tensor : memory_) tensor[revision % tensor.size()] += 1.0f;
  if (wrong) memory_[1][random.below(memory_[1].size())] += 0.5f;
  (void)table_.publish(revision + 1);
}

void TrainerState::start_again() { (void)table_.publish(table_.revision() + 1); }

StateContent TrainerState::content() const {
  StateContent content;
  content.held = table_.holds_content() && !table_.torn();
  content.revision = table_.revision();
  for (const std::vector<float>& tensor : memory_) {
    const uint64_t hash = kernels::hash64(std::as_bytes(std::span(tensor)));
    content.hash = Random::mix(content.hash + hash);
  }
  return content;
}

}  // namespace atoll_core::simulate
