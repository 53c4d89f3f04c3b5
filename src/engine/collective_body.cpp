#include "engine/collective_body.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/limits.h"
#include "collective/segments.h"
#include "engine/call_blocks.h"
#include "engine/collective_traits.h"

namespace atoll_core::engine {
namespace {

// With kept segments: in order, so that what is kept of the input has a bound.
constexpr uint32_t kKeptSegmentsInFlight = 6;

}  // namespace

CollectiveBody::CollectiveBody(CollectiveParts parts, Context& context, LinkTable& links)
    : call_(std::move(parts.call)),
      sinks_(std::move(parts.sinks)),
      kind_(parts.carried_out_as),
      extra_(parts.traits.extra),
      context_(context),
      links_(links),
      data_(parts.traits, std::move(parts.tensors), context) {}

std::optional<Error> CollectiveBody::reserve_backup(size_t world) {
  if (data_.backup().reserve(backup_window(world))) return std::nullopt;
  return Error{ErrorCode::kOutOfMemory,
               fmt::format("{} bytes to keep what an in-place call overwrites, beside {} of other "
                           "calls, exceed the limit of {}",
                           data_.backup().needed(), context_.backups.reserved(),
                           context_.backups.limit())};
}

// ---- an attempt --------------------------------------------------------------------------------

void CollectiveBody::begin(AttemptContext attempt) {
  attempt_ = std::move(attempt);
  open_attempt();
  if (moves_data()) begin_schedule();
  if (schedule_ == nullptr) return;
  collective::Work work;
  schedule_->start(work);
  carry_out(work, own_say());
  begun();
}

void CollectiveBody::abandon() {
  schedule_.reset();
  data_.restore();
}

bool CollectiveBody::may_begin_again() const {
  return !call_.options.input_disposable || !writes_in_place(call_);
}

Result<CallInfo> CollectiveBody::commit(const std::vector<PeerId>& contributors,
                                        uint32_t attempts) {
  const uint64_t count = data_.caller().total_count();
  const uint64_t end = result_count(call_, count);
  hand_over(given_to(call_, attempt_.self, count));
  for (const auto& block : missing_blocks(call_, attempt_.self, contributors, count)) {
    data_.clear_caller(block);
  }
  CollectiveInfo info{contributors, attempts, bytes_sent_, bytes_received_, {}, 0, {}, {}};
  const bool received = call_.kind == wire::OpKind::kSend && call_.receiver == attempt_.self;
  if (received) info.sender = call_.root;
  Result<ContributedRange> last = range_to(end, contributors);
  if (!last) return tl::unexpected<Error>(last.error());
  info.weights = last->weights;
  info.weight = last->weight;
  info.ranges = ranges_before();
  info.ranges.push_back(std::move(*last));
  return info;
}

Result<ContributedRange> CollectiveBody::range_to(uint64_t end,
                                                  const std::vector<PeerId>& contributors) const {
  ContributedRange range{end, contributors, 0, {}};
  if (end == base()) {  // with nothing to send nobody may have heard of the weights
    range.weights.assign(contributors.size(), 0);
    return range;
  }
  const Result<WeightList> weights = data_.weights().of(contributors);
  if (!weights) return tl::unexpected<Error>(weights.error());
  range.weights = spelled_out(*weights, contributors.size());
  range.weight = total_weight(*weights, contributors.size());
  return range;
}

void CollectiveBody::note_result(size_t bytes) {
  schedule_.reset();
  bytes_received_ += bytes;
  ++progress_;
}

wire::ToCoordinator CollectiveBody::done_message() const {
  return wire::OpDone{attempt_.id.op, attempt_.id.epoch, describe(call_)};
}

std::vector<PeerId> CollectiveBody::senders() const {
  std::vector<PeerId> peers;
  if (schedule_ == nullptr) return peers;
  for (const uint32_t member : schedule_->awaited()) {
    peers.push_back(attempt_.participants[member]);
  }
  return peers;
}

// ---- chunks ------------------------------------------------------------------------------------

Result<link::Placement> CollectiveBody::place(PeerId from, const wire::FrameHeader& header) {
  if (!agrees(index_of(from), header)) return link::Placement{};
  collective::Arrival arrival;
  Result<collective::Accepted> accepted = expect(from, header, arrival);
  if (!accepted) return tl::unexpected<Error>(accepted.error());
  return data_.place(accepted->action, absolute(arrival.range), arrival.from, header);
}

Result<void> CollectiveBody::deliver(PeerId from, const wire::FrameHeader& header,
                                     const link::Payload& payload) {
  if (!agrees(index_of(from), header)) return {};
  collective::Arrival arrival;
  Result<collective::Accepted> accepted = expect(from, header, arrival);
  if (!accepted) return tl::unexpected<Error>(accepted.error());
  Result<WeightList> weights = data_.weights().read(header, payload.bytes);
  if (!weights) return tl::unexpected<Error>(weights.error());
  link::Payload elements = payload;
  if (const size_t after = data_.weights().bytes_after(header); after > 0) {
    elements = {payload.bytes.first(payload.bytes.size() - after), nullptr};
  }
  Said said{header.detail, std::move(*weights), absolute(arrival.range), 0};
  const bool as_it_came = accepted->action == collective::Action::kStore && !header.weighted;
  if (as_it_came) said.checksum = header.payload_checksum;
  if (!data_.take(*accepted, absolute(arrival.range), arrival.from, header, elements, own_reach(),
                  said)) {
    return {};
  }
  bytes_received_ += payload.bytes.size();
  ++progress_;
  collective::Work work;
  schedule_->absorbed(arrival, work);
  hear(arrival.from, said.reach,
       accepted->action == collective::Action::kStore || accepted->finish);
  carry_out(work, std::move(said));
  return {};
}

// What is final has been through all participants.
void CollectiveBody::hear(uint32_t, uint64_t reach, bool of_result) {
  if (of_result) hear_reach(reach);
}

Result<collective::Accepted> CollectiveBody::expect(PeerId from, const wire::FrameHeader& header,
                                                    collective::Arrival& arrival) const {
  const uint64_t end = header.element_offset + header.element_count;
  const uint64_t first = base();
  const uint32_t sender = index_of(from);
  const uint64_t origin = sender < world() ? first_from(sender) : 0;
  const bool sane = schedule_ != nullptr && header.kind == wire::FrameKind::kData &&
                    header.element_offset >= first && end >= header.element_offset &&
                    end <= elements().total_count() - origin &&
                    header.payload_bytes == header.element_count * size_of(data_.type()) +
                                                data_.weights().bytes_after(header);
  if (!sane) {
    return fail(ErrorCode::kInternalError, "peer {} sent a {} frame that is no part of {}",
                to_string(from), wire::to_string(header.kind), to_string(attempt_.id));
  }
  arrival = {sender, header.segment, header.step,
             {origin + header.element_offset - first, origin + end - first}};
  return schedule_->expect(arrival);
}

void CollectiveBody::carry_out(const collective::Work& work, Said said) {
  // A result that is complete everywhere at once stands with kept segments.
  for (const ElementRange& range : work.copies) {
    data_.take_own(absolute(range), keeps_segments());
  }
  for (const collective::Combine& one : work.combines) {
    if (!data_.combine(absolute(one.range), own_reach(), said)) return;
    hear_reach(said.reach);
  }
  // What goes to several is read once.
  const bool goes_alone = said.weights.empty() && !work.combines.empty();
  if (goes_alone && work.sends.size() > 1) said.checksum = data_.checksum_of(said.range);
  const Said own = own_say();
  for (collective::Transfer transfer : work.sends) {
    transfer.range = absolute(transfer.range);
    send(transfer, transfer.from_source ? own : said);
  }
}

void CollectiveBody::send(const collective::Transfer& transfer, const Said& says) {
  link::OutFrame frame;
  frame.header.kind = wire::FrameKind::kData;
  frame.header.attempt = attempt_.id;
  frame.header.segment = transfer.segment;
  frame.header.step = transfer.step;
  frame.header.element_offset = transfer.range.begin - first_to(transfer.to);
  frame.header.element_count = static_cast<uint32_t>(transfer.range.count());
  frame.header.fingerprint = attempt_.fingerprint;
  frame.header.detail = reach_to(transfer.to, says.reach);
  data_.append_payload(transfer, says, frame);
  bytes_sent_ += frame.header.payload_bytes;
  links_.send_chunk(attempt_.participants[transfer.to], std::move(frame));
}

// ---- its schedule ------------------------------------------------------------------------------

uint32_t CollectiveBody::index_of(PeerId peer) const {
  const auto& peers = attempt_.participants;
  return static_cast<uint32_t>(std::find(peers.begin(), peers.end(), peer) - peers.begin());
}

uint32_t CollectiveBody::chunk_bytes_max() const {
  const uint32_t planned = attempt_.plan->pipelining.chunk_bytes;
  return planned == 0 ? chunk_bytes_configured() : std::min(planned, chunk_bytes_configured());
}

uint32_t CollectiveBody::chunk_bytes_configured() const {
  constexpr uint32_t kMost = limits::kChunkBytes - limits::kPeers * kWeightBytes;
  return std::min<uint32_t>(context_.config.chunk_bytes, kMost);
}

uint32_t CollectiveBody::chunk_bytes_least() const {
  constexpr uint64_t kElements = collective::SegmentLayout::kSegmentAlignment;
  return static_cast<uint32_t>(kElements * size_of(data_.type()));
}

ScheduleNeeds CollectiveBody::needs() const {
  ScheduleNeeds needs;
  needs.kind = kind_;
  needs.asked = static_cast<topology::Algorithm>(call_.options.algorithm);
  needs.keeps_segments = keeps_segments();
  needs.weighted = data_.weights().used();
  if (call_.root) needs.root = index_of(call_.root);
  needs.blocks.reserve(attempt_.participants.size());
  for (const PeerId peer : attempt_.participants) needs.blocks.push_back(travelling_block(peer));
  if (kind_ != wire::OpKind::kAllToAll) return needs;
  for (const PeerId peer : attempt_.participants) {
    needs.pairs.sent.push_back(sent_to(call_, peer, attempt_.self));
    needs.pairs.received.push_back(received_from(call_, peer));
  }
  return needs;
}

// Of what has blocks: whose are sent, received or reduced as one.
ElementRange CollectiveBody::travelling_block(PeerId peer) const {
  const uint64_t count = elements().total_count();
  if (call_.kind != wire::OpKind::kSend) return block_of(call_, peer, count);
  // What is beyond the caller's elements is the receiver's.
  const uint64_t sent = count - extra_;
  return peer == call_.root ? ElementRange{0, sent} : ElementRange{sent, count};
}

void CollectiveBody::begin_schedule() {
  const topology::Plan& plan = *attempt_.plan;
  const ScheduleNeeds needs = this->needs();
  const topology::Algorithm algorithm =
      choose_algorithm(needs, plan, elements().total_bytes());
  algorithm_chosen(algorithm == topology::Algorithm::kStar, self() == plan.hub);
  if (algorithm == topology::Algorithm::kRing) {
    data_.begin_ring(attempt_, plan.ring, self(), elements_left());
  } else {
    data_.begin_collecting(attempt_, self(), std::max(chunk_bytes_max(), chunk_bytes_least()));
  }
  if (algorithm == topology::Algorithm::kDirect) data_.keep_source();
  trace_schedule(algorithm);
  schedule_ = make_schedule(needs, algorithm, plan, schedule_request(algorithm));
}

collective::ScheduleRequest CollectiveBody::schedule_request(topology::Algorithm algorithm) const {
  collective::ScheduleRequest request;
  request.world = world();
  request.self = self();
  request.count = elements_left();
  request.element_bytes = static_cast<uint32_t>(size_of(data_.type()));
  request.chunk_bytes_max = chunk_bytes_max();
  request.in_order = keeps_segments();
  if (const uint32_t planned = segments_in_flight(algorithm)) {
    request.segments_in_flight = planned;
  }
  if (keeps_segments()) request.segments_in_flight = kKeptSegmentsInFlight;
  return request;
}

// 0: as always. What owners have to keep of others is bounded, however much a ring may pass on.
uint32_t CollectiveBody::segments_in_flight(topology::Algorithm algorithm) const {
  constexpr uint64_t kKeptByOwners = 32u << 20;
  const uint32_t planned = attempt_.plan->pipelining.segments_in_flight;
  if (algorithm == topology::Algorithm::kRing) return planned;
  const uint64_t of_a_segment = uint64_t{chunk_bytes_max()} * world();
  const uint64_t most = std::max<uint64_t>(kKeptByOwners / of_a_segment, 1);
  return static_cast<uint32_t>(std::min<uint64_t>(planned, most));
}

void CollectiveBody::trace_schedule(topology::Algorithm algorithm) const {
  using wire::OpKind;
  const bool exchanges = kind_ == OpKind::kAllGather || kind_ == OpKind::kSend ||
                         kind_ == OpKind::kGather || kind_ == OpKind::kScatter ||
                         kind_ == OpKind::kAllToAll;
  if (exchanges) return context_.trace("exchange.begin");
  if (kind_ != OpKind::kAllReduce && kind_ != OpKind::kBroadcast) {
    return context_.trace("parts.begin");
  }
  switch (algorithm) {
    case topology::Algorithm::kStar: return context_.trace("star.begin");
    case topology::Algorithm::kMesh: return context_.trace("mesh.begin");
    case topology::Algorithm::kDirect: return context_.trace("direct.begin");
    case topology::Algorithm::kRing:
    case topology::Algorithm::kAuto: break;
  }
  context_.trace("ring.begin");
}

}  // namespace atoll_core::engine
