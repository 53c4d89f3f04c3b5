#include "tools/atoll/stress/state.h"

#include <algorithm>
#include <span>
#include <stdexcept>

#include "tools/atoll/stress/values.h"

namespace atoll_cli {
namespace {

constexpr size_t kHistoryWords = 512;

void require(atollResult_t result) {
  if (result != atollSuccess) throw std::runtime_error(atollGetLastError());
}

uint32_t content_at(uint64_t base, size_t index) { return element_of<uint32_t>(base, index); }

}  // namespace

StressState::StressState(uint64_t tensor_bytes)
    : content_(tensor_bytes / sizeof(uint32_t)), history_(kHistoryWords) {
  write_content(0);
  require(atollStateCreate(&handle_));
  require(atollStateAddTensor(handle_, "content", content_.data(), atollUint32, content_.size()));
  require(atollStateAddTensor(handle_, "history", history_.data(), atollUint64, history_.size()));
}

StressState::~StressState() { atollStateDestroy(handle_); }

uint64_t StressState::revision() const {
  uint64_t revision = 0;
  require(atollStateGetRevision(handle_, &revision));
  return revision;
}

void StressState::write_content(uint64_t revision) {
  const uint64_t base = mix(revision);
  for (size_t i = 0; i < content_.size(); ++i) content_[i] = content_at(base, i);
}

std::string StressState::problem(uint64_t revision) const {
  if (const uint64_t held = this->revision(); held != revision) {
    return "the state has revision " + std::to_string(held) + " instead of " +
           std::to_string(revision);
  }
  const uint64_t base = mix(revision);
  for (size_t i = 0; i < content_.size(); ++i) {
    if (content_[i] == content_at(base, i)) continue;
    return "element " + std::to_string(i) + " of the state is not that of revision " +
           std::to_string(revision);
  }
  return {};
}

uint64_t StressState::hash() const {
  const uint64_t seed = hash_of(std::span<const uint32_t>(content_), 1);
  return hash_of(std::span<const uint64_t>(history_), seed);
}

atollResult_t StressState::advance(uint64_t results) {
  const uint64_t next = revision() + 1;
  if (const auto begun = atollStateBeginWrite(handle_); begun != atollSuccess) return begun;
  write_content(next);
  for (size_t i = 0; i < history_.size(); ++i) history_[i] = mix(history_[i] ^ results ^ i);
  return atollStatePublish(handle_, next);
}

void StressState::start_over() {
  write_content(1);
  std::fill(history_.begin(), history_.end(), 0);
  require(atollStatePublish(handle_, 1));
}

}  // namespace atoll_cli
