// What is known of a call that keeps the segments which are complete on all participants.
//
// Each participant says with its data how far it has come (reach()); what has gone around the ring
// carries the least of them all, so that everybody learns below which element the result is held
// everywhere (heard()), where the input is needed no more.
//
// Freezing: a settle round decides from what was told in it. Until it has ended, nobody may be told
// of more than this peer has told the coordinator, and this peer lets go of nothing that it has not
// told of. So what anybody has let go of is complete on all who report, and what no one has told of
// can still be given back.
//
// How much input that takes at a time: the proof stands in collective/ring_all_reduce.h, above
// RingAllReduce ("With `in_order`"); the window that it gives is KeepingBody::backup_window.
//
// Invariant: base() <= stable_below <= what is complete here. All in elements.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/error.h"
#include "engine/call.h"
#include "engine/call_body.h"

namespace atoll_core::engine {

class KeptSegments {
 public:
  // A new attempt, of what lies beyond base().
  void begin();
  uint64_t base() const { return base_; }
  // What stands from earlier attempts: up to base().
  const std::vector<ContributedRange>& ranges() const { return ranges_; }

  // What this peer says with its data when so much is complete here.
  uint64_t reach(uint64_t complete_below) const;
  // All have said at least `reach`. Returns below what the input may be let go.
  uint64_t heard(uint64_t reach, uint64_t complete_below);

  KeptProgress progress(uint64_t complete_below) const;
  // Both return what heard() or progress() would.
  KeptProgress freeze(uint64_t complete_below);
  uint64_t thaw(uint64_t complete_below);

  // The attempt has ended, but up to the end of `range` its elements stand. An error, and nothing
  // changes, if so much is not complete here, or more input was let go.
  Result<void> keep(ContributedRange range, uint64_t complete_below);

 private:
  std::vector<ContributedRange> ranges_;
  uint64_t base_ = 0;
  uint64_t heard_ = 0;
  uint64_t stable_below_ = 0;
  std::optional<uint64_t> told_;  // while frozen: what is complete here, as reported
};

}  // namespace atoll_core::engine
