// Of which links peers say that they do not stand, why, and since when calls wait for them.
//
// A pair of members that has no link is planned around where that can be done. Where it cannot, the
// calls that need the link would wait for ever: so the time is kept since which one end has had
// frames for the other. Each end speaks for its own direction: a peer behind a translator reaches
// others, and others do not reach it.
//
// Bounded: beyond kFailedLinks reports, what cannot be kept is forgotten; of no use then, as a run
// in which so many links fail has other worries.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"
#include "base/time.h"
#include "wire/control.h"

namespace atoll_core::membership {

class FailedLinks {
 public:
  static constexpr size_t kFailedLinks = limits::kFailedLinks;
  static constexpr size_t kReasonBytes = limits::kFailedLinkReasonBytes;

  struct Failure {
    std::string reason;
    std::optional<TimePoint> needed_since;
  };
  struct Pair {
    PeerId one;
    PeerId other;
    TimePoint since;  // needed and not there
  };

  void report(TimePoint now, PeerId from, const wire::LinkReport& report);
  void forget(PeerId peer);

  // What `from` has said last about its way to `to`; null: nothing, or that the link stands.
  const Failure* find(PeerId from, PeerId to) const;
  // The pairs that are needed since `before`, or longer; the longest first.
  std::vector<Pair> needed_since(TimePoint before) const;
  TimePoint longest_needed() const;  // since when; kNever: no pair is

  size_t size() const { return failures_.size(); }

 private:
  std::map<std::pair<PeerId, PeerId>, Failure> failures_;  // from, to
};

}  // namespace atoll_core::membership
