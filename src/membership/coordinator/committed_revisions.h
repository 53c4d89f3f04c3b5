// Which revision of each shared state the run has committed last: it may not be lost as long as
// somebody holds it. Known of the syncs that this life of the coordinator has seen. States are told
// apart by tag, shard and layout (wire/control.h).
//
// Invariant: bounded by kStatesKept, the one that was committed longest ago forgotten first.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include "base/limits.h"

namespace atoll_core::membership {

class CommittedRevisions {
 public:
  static constexpr size_t kStatesKept = limits::kStatesKept;

  struct Name {
    uint64_t tag = 0;
    uint32_t shard = 0;
    uint64_t layout = 0;
    auto operator<=>(const Name&) const = default;
  };

  void note(const Name& state, uint64_t revision) {
    states_[state] = {revision, ++commits_};
    if (states_.size() <= kStatesKept) return;
    auto oldest = states_.begin();
    for (auto other = states_.begin(); other != states_.end(); ++other) {
      if (other->second.second < oldest->second.second) oldest = other;
    }
    states_.erase(oldest);
  }

  // 0: not known.
  uint64_t find(const Name& state) const {
    const auto found = states_.find(state);
    return found == states_.end() ? 0 : found->second.first;
  }

 private:
  std::map<Name, std::pair<uint64_t, uint64_t>> states_;  // revision, and the how manieth commit
  uint64_t commits_ = 0;
};

}  // namespace atoll_core::membership
