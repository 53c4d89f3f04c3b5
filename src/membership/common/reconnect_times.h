// How soon a member whose coordinator was lost is heard of again: what the one does and the other
// waits for.
#pragma once

#include <algorithm>

#include "base/time.h"

namespace atoll_core::membership {

// A peer dials for so long, then waits for at most kLongestBackoff and dials again.
inline constexpr Duration kControlDialTimeout = std::chrono::seconds(5);
inline constexpr Duration kFirstBackoff = std::chrono::milliseconds(50);
inline constexpr Duration kLongestBackoff = std::chrono::milliseconds(400);

// So long a coordinator that was started again waits for a first member. A dial that began just
// before it listened may have to time out: the kernel asks again after 1 and 3 s, and its next
// question after 7 s comes too late. One second more, for the way and for a process that is busy.
inline constexpr Duration kFormerMembersMayCome =
    kControlDialTimeout + kLongestBackoff + std::chrono::seconds(1);

// A peer takes a silent coordinator for lost after 3/4 of the peer timeout. Where that is longer
// than usual, members dial by so much later when what tells them sooner is lost on its way. At most
// by half a minute: who has set a timeout of hours does not want to wait for hours to begin.
inline Duration former_members_may_come(Duration peer_timeout) {
  constexpr Duration kUsualPeerTimeout = std::chrono::seconds(5);
  constexpr Duration kMost = std::chrono::seconds(30);
  const Duration later = (peer_timeout - kUsualPeerTimeout) * 3 / 4;
  return kFormerMembersMayCome + std::clamp(later, Duration{0}, kMost);
}

}  // namespace atoll_core::membership
