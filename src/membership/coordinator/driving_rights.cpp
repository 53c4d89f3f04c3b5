#include "membership/coordinator/driving_rights.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/canary.h"
#include "base/limits.h"
#include "membership/common/reconnect_times.h"

namespace atoll_core::membership {
namespace {

using Answer = DrivingRights::Answer;

constexpr size_t kDrivenKept = limits::kDrivenInstances;

std::string describe(InstanceId instance, const wire::RunHistory& history) {
  return fmt::format("instance {}, which has committed {}", to_string(instance),
                     to_string(history));
}

// What decides between two lives of which neither goes on from the other: 1 this one, -1 the other,
// 0 neither.
int compare_lives(const DrivingRights::Own& own, Incarnation other,
                  const wire::RunHistory& theirs) {
  if (broken(Canary::kNonceDecides)) return own.view_life.nonce > other.nonce ? 1 : -1;
  if (own.run.history == theirs) return 0;
  return own.run.history > theirs ? 1 : -1;
}

}  // namespace

Quorum quorum(const wire::View& view, const std::set<PeerId>& there) {
  std::map<std::string, bool> whole;
  for (const wire::PeerInfo& member : view.members) {
    const bool here = there.count(member.id) != 0;
    const auto [replica, inserted] = whole.emplace(member.replica, here);
    if (!inserted) replica->second = replica->second && here;
  }
  Quorum result;
  result.of = whole.size();
  for (const auto& [replica, here] : whole) result.there += here ? 1 : 0;
  result.first_is_there = !view.members.empty() && whole.at(view.members.front().replica);
  return result;
}

void DrivingRights::started(TimePoint now, const StartFacts& facts) {
  start_ = facts;
  may_be_elsewhere_ = facts.delay > Duration::zero();
  first_view_after_ = now + facts.delay;
}

void DrivingRights::begun(InstanceId instance) {
  may_be_elsewhere_ = false;
  if (!start_.only_instance) start_.instance = instance;
  if (has_driven(instance)) return;
  driven_.push_back(instance);
  if (driven_.size() > kDrivenKept) driven_.erase(driven_.begin());
}

void DrivingRights::goes_on(InstanceId instance, bool several_coordinators) {
  several_ = several_coordinators;
  begun(instance);
}

bool DrivingRights::has_driven(InstanceId instance) const {
  return std::find(driven_.begin(), driven_.end(), instance) != driven_.end();
}

// Those who are still on their way here may tell of it.
void DrivingRights::lost_run(TimePoint now) {
  may_be_elsewhere_ = true;
  first_view_after_ = now + std::max(start_.delay, kFormerMembersMayCome);
}

// ---- beginning

Answer DrivingRights::may_begin_with(const CoordinatorPlace& place) const {
  if (place.coordinators == 1) return {};
  if (place.address != 0) {
    return {false, fmt::format("coordinator {} of {} knows of no run; only the first begins one",
                               place.address + 1, place.coordinators)};
  }
  if (may_be_elsewhere_) {
    return {false, fmt::format("this coordinator knows of no run, but one may go on at another of "
                               "{}; if it does not, start this one for a new run",
                               place.coordinators)};
  }
  return {};
}

DrivingRights::Founding DrivingRights::founding(
    const DrivenRun& run, const std::vector<Waiting>& waiting) const {
  // All members were lost: those who come back were in it, and hold what it has committed.
  if (run.instance && !run.over) return {{}, run.instance};
  struct Votes {
    bool ready = false;
    wire::RunHistory history;
    size_t peers = 0;
  };
  std::map<InstanceId, Votes> votes;
  for (const Waiting& one : waiting) {
    if (!one.memory.instance) continue;
    Votes& of_instance = votes[one.memory.instance];
    of_instance.ready = of_instance.ready || one.ready;
    of_instance.history = std::max(of_instance.history, one.memory.history);
    ++of_instance.peers;
  }
  if (start_.only_instance && votes.count(start_.instance) == 0) {
    return {{false, fmt::format("this coordinator is to go on with instance {} only, and nobody "
                                "has come who was in it",
                                to_string(start_.instance))},
            {}};
  }
  const auto weight = [&](InstanceId instance) {
    const Votes& of_instance = votes.at(instance);
    return std::tuple(instance == start_.instance, of_instance.ready, of_instance.history,
                      of_instance.peers);
  };
  InstanceId chosen;
  for (const auto& [instance, of_instance] : votes) {
    if (!chosen || weight(instance) > weight(chosen)) chosen = instance;
  }
  return {{}, chosen};
}

// ---- judging those who come

std::string DrivingRights::why_other(const DrivenRun& run, const std::string& name,
                                     const wire::RunMemory& memory) const {
  std::string here = "this coordinator was started for a new run";
  if (run.instance && !run.over) {
    here = "this coordinator drives " + describe(run.instance, run.history);
  } else if (start_.only_instance) {
    here = fmt::format("this coordinator is to go on with instance {} only",
                       to_string(start_.instance));
  }
  return fmt::format(
      "{} was in {}; {}. What {} holds stays as it is. To go on with the run that {} was in "
      "instead, start the coordinator with --instance {}",
      name, describe(memory.instance, memory.history), here, name, name,
      to_string(memory.instance));
}

DrivingRights::Judgement DrivingRights::judge(const Own& own, const Comer& comer) const {
  const InstanceId theirs = comer.memory.instance;
  if (theirs && theirs != own.run.instance) {
    const bool drives_another = own.run.instance && !own.run.over;
    const bool unwanted = start_.only_instance && theirs != start_.instance;
    // One that is not the first of several stands by: a run that comes there began elsewhere.
    const bool before_mine =
        start_.no_former_run && comer.place.address == 0 && !has_driven(theirs);
    if (drives_another || unwanted || before_mine) {
      return {Standpoint::kOther, why_other(own.run, comer.name, comer.memory)};
    }
  }
  if (!comer.life) return {comer.known ? Standpoint::kMember : Standpoint::kNewcomer, ""};
  if (!own.has_view) return {Standpoint::kClaimant, ""};

  if (is_later(*comer.life, own.life)) {
    return {Standpoint::kSuperior,
            fmt::format("{} comes from incarnation {}, which is newer than {}", comer.name,
                        to_string(*comer.life), to_string(own.life))};
  }
  // What was committed in its life is no part of what goes on here. The two lives have counted
  // alike; or this one has not settled yet, and goes on from a view that is older than the comer's.
  const bool apart = comer.view_life != own.view_life &&
                     !is_later(own.view_life, comer.view_life);
  if (apart) {
    const int better = compare_lives(own, comer.view_life, comer.memory.history);
    const std::string both = fmt::format(
        "{} comes from incarnation {}, which has committed {}; {} has committed {}", comer.name,
        to_string(comer.view_life), to_string(comer.memory.history), to_string(own.view_life),
        to_string(own.run.history));
    const bool stays = better > 0 || (better == 0 && own.members_here > 0);
    return {stays ? Standpoint::kLost : Standpoint::kSuperior, both};
  }
  if (comer.known) return {Standpoint::kMember, ""};
  return {Standpoint::kLost, ""};
}

// ---- going on

bool DrivingRights::prefers(const ClaimFacts& one, const ClaimFacts& other) const {
  const auto key = [this](const ClaimFacts& facts) {
    const bool may = !facts.several_coordinators || facts.present.majority();
    return std::tuple(facts.instance == start_.instance, may, facts.present.there,
                      facts.present.majority(), facts.history);
  };
  return key(one) > key(other);
}

TimePoint DrivingRights::may_be_adopted_at(const ClaimFacts& facts, TimePoint now) const {
  const bool known = facts.instance == start_.instance;
  const bool complete = facts.present.there == facts.present.of;
  const bool left_behind = !known && facts.present.of == 1;
  const TimePoint at = complete && !left_behind ? now : facts.deadline;
  const bool awaits_another = start_.instance && !known;
  return awaits_another ? std::max(at, first_view_after_) : at;
}

Answer DrivingRights::may_go_on(const Quorum& present, bool several_coordinators) const {
  if (!several_coordinators || present.majority()) return {};
  return {false, fmt::format("only {} of {} replicas of the run have come to this coordinator",
                             present.there, present.of)};
}

Answer DrivingRights::may_drop(const Quorum& staying) const {
  if (!several_ || staying.majority()) return {};
  return {false, fmt::format("only {} of {} replicas would stay, and those that are silent may go "
                             "on at another coordinator",
                             staying.there, staying.of)};
}

}  // namespace atoll_core::membership
