#include "membership/coordinator/driving_rights.h"

#include <map>

namespace atoll_core::membership {

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

void DrivingRights::started(TimePoint now, Duration delay) {
  may_be_elsewhere_ = delay > Duration::zero();
  first_view_after_ = now + delay;
}

void DrivingRights::has_run(bool several_coordinators) {
  several_ = several_coordinators;
  may_be_elsewhere_ = false;
}

DrivingRights::Answer DrivingRights::may_begin_with(const CoordinatorPlace& place) const {
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

DrivingRights::Answer DrivingRights::may_go_on(const Quorum& present,
                                               bool several_coordinators) const {
  if (!several_coordinators || present.majority()) return {};
  return {false, fmt::format("only {} of {} replicas of the run have come to this coordinator",
                             present.there, present.of)};
}

DrivingRights::Answer DrivingRights::must_yield(const Incarnation& own,
                                                const Incarnation& theirs) const {
  if (!(theirs > own)) return {false, ""};
  return {true, fmt::format("incarnation {}, which is newer than {}", to_string(theirs),
                            to_string(own))};
}

}  // namespace atoll_core::membership
