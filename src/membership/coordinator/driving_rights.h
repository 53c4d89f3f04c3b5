// Who may drive a run: whether this coordinator may begin one and which, go on with one that others
// tell of, drop a member, or has to yield to another life of the coordinator. Pure: it is fed with
// facts (how this process was started, the addresses that peers know, what comers remember, how
// many replicas there are) and answers with a sentence that says why. The machine carries it out.
//
// With one coordinator address the address is the fence: who answers there drives. With several, a
// majority of the view's replicas is. Another fence (a lock in etcd, say) would be one more fact.
//
// What a run is called may be said again tomorrow; its instance may not. So whoever was in another
// instance is turned away for good, and changes nothing here. Of two lives of which
// neither goes on from the other, what each has committed decides, and never the random part of
// their names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

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

// How this process was started.
struct StartFacts {
  Duration delay = Duration::zero();  // members of a former run are waited for so long
  bool no_former_run = false;   // its operator says so
  InstanceId instance;          // the one it drove last, by its state folder; or to be driven:
  bool only_instance = false;   // its operator wants that one and no other
};

// The run that this coordinator drives, or drove last. An instance of zero: none yet.
struct DrivenRun {
  InstanceId instance;
  bool over = false;  // its last members have left of their own will
  wire::RunHistory history;
};

class DrivingRights {
 public:
  struct Answer {
    bool yes = true;
    std::string why;  // not; or, where it is told, why it may
  };

  // ---- facts
  void started(TimePoint now, const StartFacts& facts);
  void met(const CoordinatorPlace& place) { several_ = several_ || place.coordinators > 1; }
  // The run is known: it was begun here, or its members have told of it.
  void begun(InstanceId instance);
  void goes_on(InstanceId instance, bool several_coordinators);
  // It has lost the run: another coordinator may go on with it.
  void lost_run(TimePoint now);

  // ---- whether a run may begin
  // Whether a newcomer may wait here for that.
  Answer may_begin_with(const CoordinatorPlace& place) const;
  // Not yet: members of a run that goes on may still come.
  bool too_early(TimePoint now) const { return now < first_view_after_; }
  TimePoint first_view_after() const { return first_view_after_; }
  bool may_be_elsewhere() const { return may_be_elsewhere_; }
  // Of which instance a run would be that begins while these wait; with zero, of a new one. Those
  // who could be in its first view count before those who are not ready. No: of the only one that
  // may begin here nobody has come.
  struct Founding {
    Answer may;
    InstanceId instance;
  };
  struct Waiting {
    const wire::RunMemory& memory;
    bool ready = false;
  };
  Founding founding(const DrivenRun& run, const std::vector<Waiting>& waiting) const;

  // ---- whom a peer is to this coordinator
  enum class Standpoint : uint8_t {
    kNewcomer,
    kMember,     // it is known, and comes back
    kClaimant,   // it tells of a run that is not known here
    kOther,      // it was in another instance: refused for good
    kLost,       // the run went on without it
    kSuperior,   // the run has gone on elsewhere: this coordinator steps down
  };
  struct Comer {
    std::string name;
    const wire::RunMemory& memory;
    std::optional<Incarnation> life;  // the latest of the coordinator that has accepted it
    Incarnation view_life;            // that has made its view, and told it all that it was told
    bool known = false;               // its session is in the view
    CoordinatorPlace place;
  };
  struct Own {
    const DrivenRun& run;
    Incarnation life;
    Incarnation view_life;  // of its view: an earlier one until a run that goes on has settled
    bool has_view = false;
    size_t members_here = 0;  // connected
  };
  struct Judgement {
    Standpoint as = Standpoint::kNewcomer;
    std::string why;
  };
  Judgement judge(const Own& own, const Comer& comer) const;
  std::string why_other(const DrivenRun& run, const std::string& name,
                        const wire::RunMemory& memory) const;

  // ---- whether a run goes on
  // What those tell who hold a view of one instance.
  struct ClaimFacts {
    InstanceId instance;
    Quorum present;
    wire::RunHistory history;
    bool several_coordinators = false;
    TimePoint deadline;  // until which those who have not come are waited for
  };
  // Whether a run of these is to be preferred to one of the others.
  bool prefers(const ClaimFacts& one, const ClaimFacts& other) const;
  // When it may go on: at once where all have come, unless it may be one that was left behind
  // alone, or members of the run that this coordinator drove last may still come.
  TimePoint may_be_adopted_at(const ClaimFacts& facts, TimePoint now) const;
  // Whether a run goes on with these of its last view.
  Answer may_go_on(const Quorum& present, bool several_coordinators) const;

  // ---- whether members may be dropped when these stay
  Answer may_drop(const Quorum& staying) const;
  bool needs_majority() const { return several_; }

 private:
  bool has_driven(InstanceId instance) const;

  StartFacts start_;
  std::vector<InstanceId> driven_;  // in this life; the last kDrivenKept
  bool several_ = false;           // members know other coordinators
  bool may_be_elsewhere_ = false;  // what this coordinator does not know, another one may
  TimePoint first_view_after_{};
};

}  // namespace atoll_core::membership
