#include "collective/ring_all_reduce.h"

#include <algorithm>

#include "base/assert.h"
#include "collective/arrivals.h"
#include "collective/ring.h"

namespace atoll_core::collective {

RingAllReduce::RingAllReduce(const ScheduleRequest& request, const std::vector<uint32_t>& ring)
    : request_(request),
      place_(checked_position(request, ring, request.self)),
      layout_(request.count, request.world, request.element_bytes, request.chunk_bytes_max) {
  if (world() == 1) return;
  const uint32_t segments = layout_.segment_count();
  arrived_.assign(uint64_t{segments} * steps(), false);
  missing_.assign(segments, steps());
  for (uint32_t i = 0; i < segments; ++i) {
    if (layout_.segment(i).count() < world()) missing_[i] = chunks_of_short_segment(i);
    chunks_expected_ += missing_[i];
  }
}

void RingAllReduce::start(Work& work) {
  ATOLL_ASSERT(!started_, "participant {} was started twice", request_.self);
  started_ = true;
  if (request_.count == 0) return;
  if (world() == 1) {
    work.copies.push_back({0, request_.count});
    return;
  }
  for (uint32_t i = 0; i < request_.segments_in_flight; ++i) begin_next_segment(work);
}

Result<Accepted> RingAllReduce::expect(const Arrival& arrival) const {
  if (world() == 1) {
    return fail(ErrorCode::kInvalidArgument,
                "participant {} sent a chunk of an all-reduce that has one participant",
                arrival.from);
  }
  if (auto named = check_sender(arrival, place_.previous); !named) {
    return tl::unexpected<Error>(named.error());
  }
  if (arrival.segment >= layout_.segment_count() || arrival.step >= steps()) {
    return fail(ErrorCode::kInvalidArgument,
                "participant {} sent segment {} step {} of an all-reduce of {} segments and {} "
                "steps",
                arrival.from, arrival.segment, arrival.step, layout_.segment_count(), steps());
  }
  const ElementRange block = layout_.block(arrival.segment, block_received(arrival.step));
  if (auto fits = check_range(arrival, block); !fits) return tl::unexpected<Error>(fits.error());
  if (auto order = in_order(arrival); !order) return tl::unexpected<Error>(order.error());
  if (arrival.step + 1 < world()) return Accepted{Action::kReduce, arrival.step + 2 == world()};
  return Accepted{Action::kStore, false};
}

void RingAllReduce::absorbed(const Arrival& arrival, Work& work) {
  const Result<Accepted> accepted = expect(arrival);
  ATOLL_ASSERT(accepted.has_value(), "{}", accepted.error().message);
  arrived_[uint64_t{arrival.segment} * steps() + arrival.step] = true;
  ++chunks_absorbed_;
  if (arrival.step + 1 < steps()) {
    work.sends.push_back(
        {place_.next, arrival.segment, arrival.step + 1, arrival.range, /*from_source=*/false});
  }
  if (--missing_[arrival.segment] > 0) return;
  while (segments_whole_ < missing_.size() && missing_[segments_whole_] == 0) ++segments_whole_;
  if (request_.in_order) begin_segments_in_order(work);
  else begin_next_segment(work);
}

bool RingAllReduce::complete() const { return started_ && chunks_absorbed_ == chunks_expected_; }

uint64_t RingAllReduce::complete_below() const {
  if (complete()) return request_.count;
  return missing_.empty() ? 0 : layout_.segment(segments_whole_).begin;
}

void RingAllReduce::release(Work& work) {
  held_ = false;
  if (started_ && request_.in_order && world() > 1) begin_segments_in_order(work);
}

std::vector<uint32_t> RingAllReduce::awaited() const {
  if (chunks_absorbed_ == chunks_expected_) return {};
  return {place_.previous};
}

uint32_t RingAllReduce::block_received(uint32_t step) const {
  return (place_.index + 2 * world() - step - 1) % world();
}

uint32_t RingAllReduce::chunks_of_short_segment(uint32_t segment) const {
  uint32_t chunks = 0;
  for (uint32_t step = 0; step < steps(); ++step) {
    if (!layout_.block(segment, block_received(step)).empty()) ++chunks;
  }
  return chunks;
}

bool RingAllReduce::arrived(uint32_t segment, uint32_t step) const {
  return arrived_[uint64_t{segment} * steps() + step];
}

Result<void> RingAllReduce::in_order(const Arrival& arrival) const {
  if (arrived(arrival.segment, arrival.step)) {
    return fail(ErrorCode::kInvalidArgument, "participant {} sent segment {} step {} twice",
                arrival.from, arrival.segment, arrival.step);
  }
  // The walk of one's own block begins with one's own send; any other block has been here before
  // if this step is one of its second round.
  const bool own = arrival.step == world() - 1;
  const bool passed = own ? arrival.segment < segments_begun_
                          : arrival.step < world() ||
                                arrived(arrival.segment, arrival.step - world());
  if (!passed) {
    return fail(ErrorCode::kInvalidArgument,
                "participant {} sent segment {} step {}, the result of a reduction that cannot "
                "have ended",
                arrival.from, arrival.segment, arrival.step);
  }
  return {};
}

void RingAllReduce::begin_next_segment(Work& work) {
  if (segments_begun_ == layout_.segment_count()) return;
  const uint32_t segment = segments_begun_++;
  const ElementRange own = layout_.block(segment, place_.index);
  if (!own.empty()) work.sends.push_back({place_.next, segment, 0, own, /*from_source=*/true});
}

void RingAllReduce::begin_segments_in_order(Work& work) {
  const uint64_t end = std::min<uint64_t>(layout_.segment_count(),
                                          uint64_t{segments_whole_} + request_.segments_in_flight);
  while (!held_ && segments_begun_ < end) begin_next_segment(work);
}

std::unique_ptr<Schedule> make_ring_all_reduce(const ScheduleRequest& request,
                                               const std::vector<uint32_t>& ring) {
  return std::make_unique<RingAllReduce>(request, ring);
}

}  // namespace atoll_core::collective
