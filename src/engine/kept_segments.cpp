#include "engine/kept_segments.h"

#include <algorithm>
#include <utility>

#include "base/canary.h"

namespace atoll_core::engine {

void KeptSegments::begin() {
  heard_ = base_;
  stable_below_ = base_;
  told_.reset();
}

uint64_t KeptSegments::reach(uint64_t complete_below) const {
  if (!told_ || broken(Canary::kLetGoWhileFrozen)) return complete_below;
  return std::min(*told_, complete_below);
}

uint64_t KeptSegments::heard(uint64_t reach, uint64_t complete_below) {
  heard_ = std::max(heard_, reach);
  if (!told_ || broken(Canary::kLetGoWhileFrozen)) {
    // Nobody's word counts for more than what is complete here.
    stable_below_ = std::max(stable_below_, std::min(heard_, complete_below));
  }
  return stable_below_;
}

KeptProgress KeptSegments::progress(uint64_t complete_below) const {
  return {base_, complete_below, stable_below_};
}

KeptProgress KeptSegments::freeze(uint64_t complete_below) {
  told_ = complete_below;
  return progress(complete_below);
}

uint64_t KeptSegments::thaw(uint64_t complete_below) {
  told_.reset();
  return heard(heard_, complete_below);
}

Result<void> KeptSegments::keep(ContributedRange range, uint64_t complete_below) {
  if (range.end < stable_below_ || range.end > complete_below) {
    return fail(ErrorCode::kInternalError,
                "the elements below {} are to stand, but the input is kept from {} on and the "
                "result is complete up to {}",
                range.end, stable_below_, complete_below);
  }
  stable_below_ = heard_ = range.end;
  told_.reset();
  if (range.end == base_) return {};
  base_ = range.end;
  ranges_.push_back(std::move(range));
  return {};
}

}  // namespace atoll_core::engine
