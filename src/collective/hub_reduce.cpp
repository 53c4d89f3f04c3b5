#include "collective/hub_reduce.h"

#include "base/assert.h"

namespace atoll_core::collective {
namespace {

constexpr uint32_t kContribution = 0;  // steps
constexpr uint32_t kResult = 1;
constexpr uint32_t kSteps = 2;

const std::vector<ElementRange>& checked_regions(const ScheduleRequest& request,
                                                 const HubPlan& plan) {
  check_request(request);
  ATOLL_ASSERT(plan.regions.size() == request.world && plan.root < request.world,
               "regions of {} and root {} for {} participants", plan.regions.size(), plan.root,
               request.world);
  return plan.regions;
}

}  // namespace

HubReduce::HubReduce(const ScheduleRequest& request, const HubPlan& plan)
    : request_(request),
      results_(plan.results),
      root_(plan.root),
      layout_(checked_regions(request, plan), request.count, request.element_bytes,
              request.chunk_bytes_max),
      arrivals_(world(), uint64_t{layout_.segment_count()} * kSteps * world()),
      window_(layout_.segment_count(), request.segments_in_flight) {
  if (world() == 1) return;
  const uint32_t own_parts = layout_.part_count(request_.self);
  to_collect_.assign(own_parts, world() - 1);
  window_.expect(world() - 1, own_parts);
  for (uint32_t member = 0; member < world(); ++member) {
    if (member == request_.self) continue;
    arrivals_.expect(member, own_parts);
    if (!is_given_results(request_.self)) continue;
    arrivals_.expect(member, layout_.part_count(member));
    window_.expect(1, layout_.part_count(member));
  }
}

void HubReduce::start(Work& work) {
  ATOLL_ASSERT(!started_, "participant {} was started twice", request_.self);
  started_ = true;
  if (world() > 1) return begin_segments(work);
  const ElementRange& own = layout_.region(request_.self);
  if (!own.empty()) work.copies.push_back(own);
}

Result<Accepted> HubReduce::expect(const Arrival& arrival) const {
  if (auto other = check_other(arrival, world(), request_.self); !other) {
    return tl::unexpected<Error>(other.error());
  }
  if (arrival.segment >= layout_.segment_count() || arrival.step >= kSteps) {
    return fail(ErrorCode::kInvalidArgument,
                "participant {} sent segment {} step {} of a reduction of {} segments and {} steps",
                arrival.from, arrival.segment, arrival.step, layout_.segment_count(), kSteps);
  }
  const bool result = arrival.step == kResult;
  if (auto named = result ? check_result(arrival) : check_contribution(arrival); !named) {
    return tl::unexpected<Error>(named.error());
  }
  if (auto first = check_first(arrival, arrivals_.arrived(slot(arrival))); !first) {
    return tl::unexpected<Error>(first.error());
  }
  return Accepted{result ? Action::kStore : Action::kCollect, false};
}

void HubReduce::absorbed(const Arrival& arrival, Work& work) {
  const Result<Accepted> accepted = expect(arrival);
  ATOLL_ASSERT(accepted.has_value(), "{}", accepted.error().message);
  arrivals_.take(arrival.from, slot(arrival));
  window_.take(arrival.segment);
  if (arrival.step == kContribution && --to_collect_[arrival.segment] == 0) {
    combine(arrival.segment, work);
  }
  begin_segments(work);
}

bool HubReduce::is_given_results(uint32_t member) const {
  if (results_ == HubPlan::Results::kToRoot) return member == root_;
  return results_ == HubPlan::Results::kToAll;
}

uint64_t HubReduce::slot(const Arrival& arrival) const {
  return (uint64_t{arrival.segment} * kSteps + arrival.step) * world() + arrival.from;
}

Result<void> HubReduce::check_contribution(const Arrival& arrival) const {
  if (arrival.segment >= to_collect_.size()) {
    return fail(ErrorCode::kInvalidArgument,
                "participant {} sent its elements of segment {} to participant {}, who owns {} of "
                "{} segments",
                arrival.from, arrival.segment, request_.self, to_collect_.size(),
                layout_.segment_count());
  }
  return check_range(arrival, layout_.part(request_.self, arrival.segment));
}

Result<void> HubReduce::check_result(const Arrival& arrival) const {
  if (!is_given_results(request_.self)) {
    return fail(ErrorCode::kInvalidArgument,
                "participant {} sent a result of segment {} to participant {}, who is given none",
                arrival.from, arrival.segment, request_.self);
  }
  if (auto fits = check_range(arrival, layout_.part(arrival.from, arrival.segment)); !fits) {
    return fits;
  }
  if (!window_.has_begun(arrival.segment)) {
    return fail(ErrorCode::kInvalidArgument,
                "participant {} sent segment {} step {}, the result of a reduction that cannot "
                "have ended",
                arrival.from, arrival.segment, arrival.step);
  }
  return {};
}

void HubReduce::begin_segments(Work& work) {
  while (window_.may_begin()) {
    const uint32_t segment = window_.begin();
    for (uint32_t i = 1; i < world(); ++i) {
      const uint32_t owner = (request_.self + i) % world();
      const ElementRange part = layout_.part(owner, segment);
      if (part.empty()) continue;
      work.sends.push_back({owner, segment, kContribution, part, /*from_source=*/true});
    }
  }
}

void HubReduce::combine(uint32_t segment, Work& work) {
  const ElementRange part = layout_.part(request_.self, segment);
  work.combines.push_back({segment, part});
  for (uint32_t i = 1; i < world(); ++i) {
    const uint32_t member = (request_.self + i) % world();
    if (!is_given_results(member)) continue;
    work.sends.push_back({member, segment, kResult, part, /*from_source=*/false});
  }
}

std::unique_ptr<Schedule> make_star_all_reduce(const ScheduleRequest& request, uint32_t hub) {
  check_request(request);
  ATOLL_ASSERT(hub < request.world, "hub {} of {}", hub, request.world);
  HubPlan plan;
  plan.regions.assign(request.world, {});
  plan.regions[hub] = {0, request.count};
  return std::make_unique<HubReduce>(request, plan);
}

std::unique_ptr<Schedule> make_mesh_all_reduce(const ScheduleRequest& request,
                                               const std::vector<uint32_t>& shares) {
  HubPlan plan;
  plan.regions = regions_of_shares(request.count, shares);
  return std::make_unique<HubReduce>(request, plan);
}

std::unique_ptr<Schedule> make_reduce(const ScheduleRequest& request,
                                      const std::vector<uint32_t>& shares, uint32_t root) {
  HubPlan plan;
  plan.regions = regions_of_shares(request.count, shares);
  plan.results = HubPlan::Results::kToRoot;
  plan.root = root;
  return std::make_unique<HubReduce>(request, plan);
}

std::unique_ptr<Schedule> make_reduce_scatter(const ScheduleRequest& request,
                                              const std::vector<ElementRange>& regions) {
  HubPlan plan;
  plan.regions = regions;
  plan.results = HubPlan::Results::kToNobody;
  return std::make_unique<HubReduce>(request, plan);
}

}  // namespace atoll_core::collective
