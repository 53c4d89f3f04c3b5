#include "collective/ring_broadcast.h"

#include "base/assert.h"
#include "collective/arrivals.h"
#include "collective/ring.h"

namespace atoll_core::collective {

RingBroadcast::RingBroadcast(const ScheduleRequest& request, const std::vector<uint32_t>& ring,
                             uint32_t root)
    : world_(request.world),
      place_(checked_position(request, ring, request.self)),
      hops_((place_.index + world_ - checked_position(request, ring, root).index) % world_),
      layout_(request.count, 1, request.element_bytes, request.chunk_bytes_max) {
  if (!is_root()) arrived_.assign(layout_.segment_count(), false);
}

void RingBroadcast::start(Work& work) {
  ATOLL_ASSERT(!started_, "a broadcast {} hops from its root was started twice", hops_);
  started_ = true;
  if (!is_root() || layout_.segment_count() == 0) return;
  work.copies.push_back({0, layout_.segment(layout_.segment_count() - 1).end});
  for (uint32_t i = 0; !is_last() && i < layout_.segment_count(); ++i) {
    work.sends.push_back({place_.next, i, 0, layout_.segment(i), /*from_source=*/false});
  }
}

Result<Accepted> RingBroadcast::expect(const Arrival& arrival) const {
  if (is_root()) {
    return fail(ErrorCode::kInvalidArgument,
                "participant {} sent a chunk of a broadcast to the broadcast's root", arrival.from);
  }
  if (auto named = check_sender(arrival, place_.previous); !named) {
    return tl::unexpected<Error>(named.error());
  }
  if (arrival.segment >= layout_.segment_count() || arrival.step + 1 != hops_) {
    return fail(ErrorCode::kInvalidArgument,
                "participant {} sent segment {} step {} of a broadcast of {} segments whose step "
                "here is {}",
                arrival.from, arrival.segment, arrival.step, layout_.segment_count(), hops_ - 1);
  }
  if (auto fits = check_range(arrival, layout_.segment(arrival.segment)); !fits) {
    return tl::unexpected<Error>(fits.error());
  }
  if (arrived_[arrival.segment]) {
    return fail(ErrorCode::kInvalidArgument, "participant {} sent segment {} step {} twice",
                arrival.from, arrival.segment, arrival.step);
  }
  return Accepted{Action::kStore, false};
}

void RingBroadcast::absorbed(const Arrival& arrival, Work& work) {
  const Result<Accepted> accepted = expect(arrival);
  ATOLL_ASSERT(accepted.has_value(), "{}", accepted.error().message);
  arrived_[arrival.segment] = true;
  ++chunks_absorbed_;
  if (is_last()) return;
  work.sends.push_back(
      {place_.next, arrival.segment, hops_, arrival.range, /*from_source=*/false});
}

bool RingBroadcast::complete() const { return started_ && chunks_absorbed_ == arrived_.size(); }

std::vector<uint32_t> RingBroadcast::awaited() const {
  if (chunks_absorbed_ == arrived_.size()) return {};
  return {place_.previous};
}

std::unique_ptr<Schedule> make_ring_broadcast(const ScheduleRequest& request,
                                              const std::vector<uint32_t>& ring, uint32_t root) {
  return std::make_unique<RingBroadcast>(request, ring, root);
}

}  // namespace atoll_core::collective
