// Who may drive a run: whether this coordinator may begin one, go on with one that others tell of,
// drop a member, or has to yield to another coordinator. Pure: it is fed with facts (how this
// process was started, the addresses that peers know, what claimants hold, how many replicas there
// are) and answers with a sentence that says why. Who carries the answer out is the machine.
//
// With one coordinator address the address is the fence: who answers there drives. With several, a
// majority of the view's replicas is. Another fence (a lock in etcd, say) would be one more fact.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "wire/control.h"

namespace atoll_core::membership {

// Of the replicas of a view, those all of whose peers are there.
struct Quorum {
  size_t there = 0;
  size_t of = 0;
  bool first_is_there = false;
  // More than half; or half of them with the first.
  bool majority() const { return 2 * there > of || (2 * there == of && first_is_there); }
};
Quorum quorum(const wire::View& view, const std::set<PeerId>& there);

// Where a peer has come to: the coordinators it was given, and which of them this one is.
struct CoordinatorPlace {
  uint32_t address = 0;
  uint32_t coordinators = 1;
};

class DrivingRights {
 public:
  struct Answer {
    bool yes = true;
    std::string why;  // not; or, where it is told, why it may
  };

  // ---- facts
  // This process has begun its life. A run that it does not know may go on until `delay` is over.
  void started(TimePoint now, Duration delay);
  void met(const CoordinatorPlace& place) { several_ = several_ || place.coordinators > 1; }
  // The run is known: it was begun here, or its members have told of it.
  void has_run(bool several_coordinators);
  // It has lost the run: another coordinator may go on with it.
  void lost_run() { may_be_elsewhere_ = true; }

  // ---- answers
  // Whether a newcomer may wait here for a run to begin.
  Answer may_begin_with(const CoordinatorPlace& place) const;
  // Not yet: members of a run that goes on may still come.
  bool too_early(TimePoint now) const { return now < first_view_after_; }
  TimePoint first_view_after() const { return first_view_after_; }
  // Whether a run goes on with these of its last view.
  Answer may_go_on(const Quorum& present, bool several_coordinators) const;
  // Whether members may be dropped when these stay.
  bool may_drop(const Quorum& staying) const { return !several_ || staying.majority(); }
  bool needs_majority() const { return several_; }
  // Of a member that this coordinator does not know: whether it comes from a later life.
  Answer must_yield(const Incarnation& own, const Incarnation& theirs) const;
  bool may_be_elsewhere() const { return may_be_elsewhere_; }

 private:
  bool several_ = false;           // members know other coordinators
  bool may_be_elsewhere_ = false;  // what this coordinator does not know, another one may
  TimePoint first_view_after_{};
};

}  // namespace atoll_core::membership
