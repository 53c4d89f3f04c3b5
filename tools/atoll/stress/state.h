// The shared state of a stress run. One tensor follows from the revision alone, so that every
// worker knows what it must hold; the other has gathered the results of all rounds, so that workers
// that were told different results hold different states from then on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <atoll/atoll.h>

namespace atoll_cli {

class StressState {
 public:
  explicit StressState(uint64_t tensor_bytes);
  ~StressState();
  StressState(const StressState&) = delete;
  StressState& operator=(const StressState&) = delete;

  atollState_t handle() const { return handle_; }
  uint64_t revision() const;

  // What is wrong with the content, which is to be that of `revision`; empty when nothing is.
  std::string problem(uint64_t revision) const;
  uint64_t hash() const;

  // The next revision, which remembers `results`.
  atollResult_t advance(uint64_t results);
  // A state that was never published may be left half overwritten by a failed sync.
  void start_over();
  void corrupt() { history_[3] ^= 1; }

 private:
  void write_content(uint64_t revision);

  std::vector<uint32_t> content_;
  std::vector<uint64_t> history_;
  atollState_t handle_ = nullptr;
};

}  // namespace atoll_cli
