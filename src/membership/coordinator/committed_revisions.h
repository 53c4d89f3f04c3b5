// Which revision of each shared state the run has committed last: it may not be lost as long as
// somebody holds it. Known of the syncs that this life of the coordinator has seen.
//
// Invariant: bounded by kStatesKept, the one that was committed longest ago forgotten first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

namespace atoll_core::membership {

class CommittedRevisions {
 public:
  static constexpr size_t kStatesKept = 1024;

  void note(uint64_t tag, uint32_t shard, uint64_t revision) {
    states_[{tag, shard}] = {revision, ++commits_};
    if (states_.size() <= kStatesKept) return;
    auto oldest = states_.begin();
    for (auto state = states_.begin(); state != states_.end(); ++state) {
      if (state->second.second < oldest->second.second) oldest = state;
    }
    states_.erase(oldest);
  }

  // 0: not known.
  uint64_t find(uint64_t tag, uint32_t shard) const {
    const auto found = states_.find({tag, shard});
    return found == states_.end() ? 0 : found->second.first;
  }

 private:
  std::map<std::pair<uint64_t, uint32_t>, std::pair<uint64_t, uint64_t>> states_;
  uint64_t commits_ = 0;
};

}  // namespace atoll_core::membership
