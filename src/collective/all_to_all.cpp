#include "collective/all_to_all.h"

#include "base/assert.h"

namespace atoll_core::collective {
namespace {

const std::vector<ElementRange>& checked(const std::vector<ElementRange>& blocks,
                                         const ScheduleRequest& request) {
  ATOLL_ASSERT(blocks.size() == request.world, "{} blocks for {} participants", blocks.size(),
               request.world);
  for (const ElementRange& block : blocks) {
    ATOLL_ASSERT(block.begin <= block.end && block.end <= request.count, "elements {} to {} of {}",
                 block.begin, block.end, request.count);
  }
  return blocks;
}

}  // namespace

AllToAll::Cut::Cut(const ElementRange& block, const ScheduleRequest& request)
    : block_(block),
      layout_(block.count(), 1, request.element_bytes, request.chunk_bytes_max) {}

ElementRange AllToAll::Cut::chunk(uint32_t segment) const {
  if (block_.empty()) return block_;
  const ElementRange within = layout_.segment(segment);
  return {block_.begin + within.begin, block_.begin + within.end};
}

AllToAll::AllToAll(const ScheduleRequest& request, const PairBlocks& blocks)
    : request_(check_request(request)),
      sent_(cut(checked(blocks.sent, request), request)),
      received_(cut(checked(blocks.received, request), request)),
      own_(blocks.received[request.self]),
      arrivals_(request.world, slots()) {
  for (uint32_t member = 0; member < request_.world; ++member) {
    const uint32_t chunks = received_[member].chunks();
    first_slot_.push_back(member == 0 ? 0 : first_slot_.back() + received_[member - 1].chunks());
    missing_.push_back(member == request_.self ? 0 : chunks);
    if (member != request_.self) arrivals_.expect(member, chunks);
  }
}

void AllToAll::start(Work& work) {
  ATOLL_ASSERT(!started_, "participant {} was started twice", request_.self);
  started_ = true;
  if (!own_.empty()) work.copies.push_back(own_);
  begin_distances(work);
}

Result<Accepted> AllToAll::expect(const Arrival& arrival) const {
  if (auto other = check_other(arrival, request_.world, request_.self); !other) {
    return tl::unexpected<Error>(other.error());
  }
  const Cut& cut = received_[arrival.from];
  if (arrival.segment >= cut.chunks() || arrival.step != 0) {
    return fail(ErrorCode::kInvalidArgument,
                "participant {} sent segment {} step {} of a block of {} segments and one step",
                arrival.from, arrival.segment, arrival.step, cut.chunks());
  }
  const ElementRange chunk = cut.chunk(arrival.segment);
  const bool fits = arrival.range == chunk;
  if (!fits) {
    return fail(ErrorCode::kInvalidArgument,
                "participant {} sent elements {} to {} as segment {}, which are elements {} to {}",
                arrival.from, arrival.range.begin, arrival.range.end, arrival.segment, chunk.begin,
                chunk.end);
  }
  const uint64_t slot = first_slot_[arrival.from] + arrival.segment;
  if (auto first = check_first(arrival, arrivals_.arrived(slot)); !first) {
    return tl::unexpected<Error>(first.error());
  }
  return Accepted{Action::kStore, false};
}

void AllToAll::absorbed(const Arrival& arrival, Work& work) {
  const Result<Accepted> accepted = expect(arrival);
  ATOLL_ASSERT(accepted.has_value(), "{}", accepted.error().message);
  arrivals_.take(arrival.from, first_slot_[arrival.from] + arrival.segment);
  --missing_[arrival.from];
  begin_distances(work);
}

std::vector<AllToAll::Cut> AllToAll::cut(const std::vector<ElementRange>& blocks,
                                         const ScheduleRequest& request) {
  std::vector<Cut> cuts;
  cuts.reserve(blocks.size());
  for (const ElementRange& block : blocks) cuts.emplace_back(block, request);
  return cuts;
}

uint64_t AllToAll::slots() const {
  uint64_t slots = 0;
  for (const Cut& cut : received_) slots += cut.chunks();
  return slots;
}

void AllToAll::begin_distances(Work& work) {
  const auto bytes_at = [this](uint32_t distance) {
    return sent_[after(distance)].count() * request_.element_bytes;
  };
  while (heard_ < begun_ && missing_[before(heard_ + 1)] == 0) bytes_ahead_ -= bytes_at(++heard_);
  while (begun_ + 1 < request_.world) {
    const uint64_t bytes = bytes_at(begun_ + 1);
    const bool few = begun_ < heard_ + kDistancesAhead;
    if (!few && bytes_ahead_ + bytes > kBytesAhead) return;
    const uint32_t to = after(++begun_);
    bytes_ahead_ += bytes;
    for (uint32_t i = 0; i < sent_[to].chunks(); ++i) {
      work.sends.push_back({to, i, 0, sent_[to].chunk(i), /*from_source=*/true});
    }
    // What has come before it was due.
    while (heard_ < begun_ && missing_[before(heard_ + 1)] == 0) bytes_ahead_ -= bytes_at(++heard_);
  }
}

std::unique_ptr<Schedule> make_all_to_all(const ScheduleRequest& request,
                                          const PairBlocks& blocks) {
  return std::make_unique<AllToAll>(request, blocks);
}

}  // namespace atoll_core::collective
