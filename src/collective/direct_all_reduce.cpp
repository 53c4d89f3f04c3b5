#include "collective/direct_all_reduce.h"

#include "base/assert.h"

namespace atoll_core::collective {

DirectAllReduce::DirectAllReduce(const ScheduleRequest& request)
    : request_(check_request(request)),
      layout_(request.count, 1, request.element_bytes, request.chunk_bytes_max),
      arrivals_(world(), uint64_t{layout_.segment_count()} * world()),
      window_(layout_.segment_count(), request.segments_in_flight),
      to_collect_(layout_.segment_count(), world() - 1) {
  if (world() == 1) return;
  window_.expect(world() - 1, layout_.segment_count());
  for (uint32_t member = 0; member < world(); ++member) {
    if (member != request_.self) arrivals_.expect(member, layout_.segment_count());
  }
}

void DirectAllReduce::start(Work& work) {
  ATOLL_ASSERT(!started_, "participant {} was started twice", request_.self);
  started_ = true;
  if (world() > 1) return begin_segments(work);
  if (request_.count > 0) work.copies.push_back({0, request_.count});
}

Result<Accepted> DirectAllReduce::expect(const Arrival& arrival) const {
  if (auto other = check_other(arrival, world(), request_.self); !other) {
    return tl::unexpected<Error>(other.error());
  }
  if (arrival.segment >= layout_.segment_count() || arrival.step != 0) {
    return fail(ErrorCode::kInvalidArgument,
                "participant {} sent segment {} step {} of a direct all-reduce of {} segments and "
                "one step",
                arrival.from, arrival.segment, arrival.step, layout_.segment_count());
  }
  if (auto fits = check_range(arrival, layout_.segment(arrival.segment)); !fits) {
    return tl::unexpected<Error>(fits.error());
  }
  if (auto first = check_first(arrival, arrivals_.arrived(slot(arrival))); !first) {
    return tl::unexpected<Error>(first.error());
  }
  return Accepted{Action::kCollect, false};
}

void DirectAllReduce::absorbed(const Arrival& arrival, Work& work) {
  const Result<Accepted> accepted = expect(arrival);
  ATOLL_ASSERT(accepted.has_value(), "{}", accepted.error().message);
  arrivals_.take(arrival.from, slot(arrival));
  window_.take(arrival.segment);
  if (--to_collect_[arrival.segment] == 0) {
    work.combines.push_back({arrival.segment, arrival.range});
  }
  begin_segments(work);
}

uint64_t DirectAllReduce::slot(const Arrival& arrival) const {
  return uint64_t{arrival.segment} * world() + arrival.from;
}

void DirectAllReduce::begin_segments(Work& work) {
  while (window_.may_begin()) {
    const uint32_t segment = window_.begin();
    for (uint32_t i = 1; i < world(); ++i) {
      const uint32_t to = (request_.self + i) % world();
      work.sends.push_back({to, segment, 0, layout_.segment(segment), /*from_source=*/true});
    }
  }
}

std::unique_ptr<Schedule> make_direct_all_reduce(const ScheduleRequest& request) {
  return std::make_unique<DirectAllReduce>(request);
}

}  // namespace atoll_core::collective
