#include "collective/exchange.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"

namespace atoll_core::collective {
namespace {

void check_disjoint(std::vector<ElementRange> received) {
  std::sort(received.begin(), received.end(),
            [](const auto& one, const auto& other) { return one.begin < other.begin; });
  for (size_t i = 1; i < received.size(); ++i) {
    ATOLL_ASSERT(received[i - 1].end <= received[i].begin,
                 "elements {} to {} and {} to {} are for one receiver", received[i - 1].begin,
                 received[i - 1].end, received[i].begin, received[i].end);
  }
}

}  // namespace

ElementRange Exchange::Cut::chunk(uint32_t segment) const {
  const ElementRange within = layout.segment(segment - first_segment);
  return {block.range.begin + within.begin, block.range.begin + within.end};
}

Exchange::Exchange(const ScheduleRequest& request, const std::vector<Block>& blocks)
    : request_(check_request(request)),
      cuts_(cut(request, blocks)),
      arrivals_(request.world, segment_count()) {
  std::vector<ElementRange> received;
  for (const Cut& cut : cuts_) {
    const Block& block = cut.block;
    const uint32_t chunks = cut.layout.segment_count();
    if (block.to != kAllMembers) paced_ = false;
    if (is_for(block, request_.self)) {
      received.push_back(block.range);
      if (block.from != request_.self) arrivals_.expect(block.from, chunks);
    }
    if (block.from != request_.self || block.to == request_.self) continue;
    for (uint32_t i = 0; i < chunks; ++i) to_send_.push_back(cut.first_segment + i);
  }
  check_disjoint(std::move(received));
}

void Exchange::start(Work& work) {
  ATOLL_ASSERT(!started_, "participant {} was started twice", request_.self);
  started_ = true;
  for (const Cut& cut : cuts_) {
    if (cut.block.from != request_.self || !is_for(cut.block, request_.self)) continue;
    work.copies.push_back(cut.block.range);
  }
  begin_chunks(work);
}

Result<Accepted> Exchange::expect(const Arrival& arrival) const {
  if (auto other = check_other(arrival, request_.world, request_.self); !other) {
    return tl::unexpected<Error>(other.error());
  }
  if (arrival.segment >= segment_count() || arrival.step != 0) {
    return fail(ErrorCode::kInvalidArgument,
                "participant {} sent segment {} step {} of an exchange of {} segments and one step",
                arrival.from, arrival.segment, arrival.step, segment_count());
  }
  const Cut& cut = cut_of(arrival.segment);
  if (cut.block.from != arrival.from || !is_for(cut.block, request_.self)) {
    return fail(ErrorCode::kInvalidArgument,
                "participant {} sent segment {} to participant {}, which is of elements that "
                "participant {} sends to {}",
                arrival.from, arrival.segment, request_.self, cut.block.from,
                cut.block.to == kAllMembers ? "all" : fmt::format("participant {}", cut.block.to));
  }
  if (auto fits = check_range(arrival, cut.chunk(arrival.segment)); !fits) {
    return tl::unexpected<Error>(fits.error());
  }
  if (auto first = check_first(arrival, arrivals_.arrived(arrival.segment)); !first) {
    return tl::unexpected<Error>(first.error());
  }
  return Accepted{Action::kStore, false};
}

void Exchange::absorbed(const Arrival& arrival, Work& work) {
  const Result<Accepted> accepted = expect(arrival);
  ATOLL_ASSERT(accepted.has_value(), "{}", accepted.error().message);
  arrivals_.take(arrival.from, arrival.segment);
  begin_chunks(work);
}

std::vector<Exchange::Cut> Exchange::cut(const ScheduleRequest& request,
                                         const std::vector<Block>& blocks) {
  std::vector<Cut> cuts;
  uint64_t segments = 0;
  for (const Block& block : blocks) {
    const bool to_known = block.to == kAllMembers || block.to < request.world;
    ATOLL_ASSERT(block.from < request.world && to_known && block.range.begin <= block.range.end &&
                     block.range.end <= request.count,
                 "elements {} to {} of {} from {} to {}", block.range.begin, block.range.end,
                 request.count, block.from, block.to);
    if (block.range.empty()) continue;
    const SegmentLayout layout(block.range.count(), 1, request.element_bytes,
                               request.chunk_bytes_max);
    cuts.push_back({block, layout, static_cast<uint32_t>(segments)});
    segments += layout.segment_count();
    ATOLL_ASSERT(segments <= std::numeric_limits<uint32_t>::max(), "{} chunks of {} blocks",
                 segments, blocks.size());
  }
  return cuts;
}

bool Exchange::is_for(const Block& block, uint32_t member) const {
  return block.to == kAllMembers || block.to == member;
}

uint32_t Exchange::segment_count() const {
  return cuts_.empty() ? 0 : cuts_.back().first_segment + cuts_.back().layout.segment_count();
}

const Exchange::Cut& Exchange::cut_of(uint32_t segment) const {
  const auto after =
      std::upper_bound(cuts_.begin(), cuts_.end(), segment,
                       [](uint32_t at, const Cut& cut) { return at < cut.first_segment; });
  return *std::prev(after);
}

uint64_t Exchange::may_have_begun() const {
  if (!paced_ || arrivals_.all()) return to_send_.size();
  const uint64_t portion = arrivals_.absorbed() * to_send_.size() / arrivals_.expected();
  return std::min<uint64_t>(to_send_.size(), portion + request_.segments_in_flight);
}

void Exchange::begin_chunks(Work& work) {
  for (const uint64_t end = may_have_begun(); begun_ < end; ++begun_) {
    const uint32_t segment = to_send_[begun_];
    send_chunk(cut_of(segment), segment, work);
  }
}

void Exchange::send_chunk(const Cut& cut, uint32_t segment, Work& work) const {
  for (uint32_t i = 1; i < request_.world; ++i) {
    const uint32_t to = (request_.self + i) % request_.world;
    if (!is_for(cut.block, to)) continue;
    work.sends.push_back({to, segment, 0, cut.chunk(segment), /*from_source=*/true});
  }
}

std::unique_ptr<Schedule> make_exchange(const ScheduleRequest& request,
                                        const std::vector<Block>& blocks) {
  return std::make_unique<Exchange>(request, blocks);
}

}  // namespace atoll_core::collective
