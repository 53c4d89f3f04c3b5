#include "membership/coordinator/failed_links.h"

#include <algorithm>

#include "membership/common/sentence.h"

namespace atoll_core::membership {

void FailedLinks::report(TimePoint now, PeerId from, const wire::LinkReport& report) {
  const std::pair way{from, report.peer};
  if (report.state == wire::LinkState::kUp) {
    failures_.erase(way);
    return;
  }
  if (failures_.count(way) == 0 && failures_.size() >= kFailedLinks) return;
  Failure& failure = failures_[way];
  failure.reason = bounded(report.reason, kReasonBytes);
  if (!report.needed) failure.needed_since.reset();
  else if (!failure.needed_since) failure.needed_since = now;
}

void FailedLinks::forget(PeerId peer) {
  std::erase_if(failures_, [peer](const auto& entry) {
    return entry.first.first == peer || entry.first.second == peer;
  });
}

const FailedLinks::Failure* FailedLinks::find(PeerId from, PeerId to) const {
  const auto found = failures_.find({from, to});
  return found == failures_.end() ? nullptr : &found->second;
}

std::vector<FailedLinks::Pair> FailedLinks::needed_since(TimePoint before) const {
  std::vector<Pair> pairs;
  for (const auto& [way, failure] : failures_) {
    if (!failure.needed_since || *failure.needed_since > before) continue;
    pairs.push_back({way.first, way.second, *failure.needed_since});
  }
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const Pair& a, const Pair& b) { return a.since < b.since; });
  return pairs;
}

TimePoint FailedLinks::longest_needed() const {
  TimePoint longest = kNever;
  for (const auto& [way, failure] : failures_) {
    if (failure.needed_since) longest = std::min(longest, *failure.needed_since);
  }
  return longest;
}

}  // namespace atoll_core::membership
