#include "engine/collective_body.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/canary.h"
#include "base/limits.h"
#include "codec/tensor_list.h"
#include "collective/segments.h"
#include "engine/call_blocks.h"
#include "engine/collective_data.h"
#include "engine/collective_traits.h"
#include "engine/kept_segments.h"
#include "engine/schedule_choice.h"

namespace atoll_core::engine {
namespace {

// With kept segments: in order, so that what is kept of the input has a bound.
constexpr uint32_t kKeptSegmentsInFlight = 6;
constexpr uint32_t kKeptSegmentsMax = 4 * kKeptSegmentsInFlight;  // collective/ring_all_reduce.h

CollectiveData::Traits data_traits(const CollectiveCall& call, bool small) {
  CollectiveData::Traits traits;
  traits.type = reduces_bytes(call, small) ? DataType::kUint8 : call.type;
  traits.reduce = reduces_bytes(call, small) ? ReduceOp::kMax : call.reduce;
  traits.average = wire::reduces(call.kind) && traits.reduce == ReduceOp::kAvg;
  traits.weight = call.options.weight;
  traits.small = small;
  traits.extra = small && call.kind == wire::OpKind::kSend ? 1 : 0;
  traits.keeps_input = !small && overwrites_input(call);
  return traits;
}

class CollectiveBody final : public CallBody {
 public:
  // `sinks`: memory of tensors whose results are not the caller's.
  CollectiveBody(CollectiveCall call, codec::TensorList tensors, bool small,
                 std::unique_ptr<std::byte[]> sinks, Context& context, LinkTable& links)
      : call_(std::move(call)),
        sinks_(std::move(sinks)),
        context_(context),
        links_(links),
        small_(small),
        keeps_(keeps_segments(call_, small)),
        data_(data_traits(call_, small), std::move(tensors), context) {}

  // Once, before the first attempt, of so many participants. An error: it may not be so much.
  std::optional<Error> reserve_backup(size_t world) {
    std::optional<BackupWindow> window;
    if (keeps_) {
      window = {kKeptSegmentsMax * uint64_t{world},
                std::max(chunk_bytes_configured(), chunk_bytes_least())};
    }
    if (data_.backup().reserve(window)) return std::nullopt;
    return Error{ErrorCode::kOutOfMemory,
                 fmt::format("{} bytes to keep what an in-place call overwrites, beside {} of "
                             "other calls, exceed the limit of {}",
                             data_.backup().needed(), context_.backups.reserved(),
                             context_.backups.limit())};
  }

  void begin(AttemptContext attempt) override {
    attempt_ = std::move(attempt);
    stable_below_ = 0;
    kept_.begin();
    const bool keeps_old_copy = broken(Canary::kSkipFence) && data_.has_copy();
    const ElementRange brings = brought_by(call_, attempt_.self, data_.caller().total_count());
    if (small_ && !keeps_old_copy && !data_.open_over_caller(brings)) data_.open_copy(brings);
    heard_of_.assign(attempt_.participants.size(), 0);
    begin_schedule();
    if (schedule_ == nullptr) return;
    collective::Work work;
    schedule_->start(work);
    carry_out(work, {own_mark(), data_.weights().own(), {}, 0});
    if (keeps_ && attempt_.participants.size() == 1) hear_mark(data_.caller().total_count());
  }

  void abandon() override {
    schedule_.reset();
    data_.restore();
  }

  bool may_begin_again() const override {
    return small_ || !call_.options.input_disposable || !writes_in_place(call_);
  }

  Result<void> abandon_from(uint64_t kept_below) override {
    if (!keeps_ && kept_below > 0) return CallBody::abandon_from(kept_below);
    Result<ContributedRange> range = range_to(kept_below, attempt_.participants);
    if (!range) return tl::unexpected<Error>(range.error());
    if (auto kept = kept_.keep(std::move(*range), complete_below()); !kept) return kept;
    data_.backup().drop_below(kept_below);
    abandon();
    return {};
  }

  KeptProgress freeze() override {
    if (!keeps_) return {};
    if (schedule_ != nullptr) schedule_->hold();
    return kept_.freeze(complete_below());
  }

  void thaw() override {
    if (!keeps_) return;
    data_.backup().drop_below(kept_.thaw(complete_below()));
    if (schedule_ == nullptr) return;
    collective::Work work;
    schedule_->release(work);
    carry_out(work, {own_mark(), data_.weights().own(), {}, 0});
  }

  KeptProgress kept_progress() const override {
    return keeps_ ? kept_.progress(complete_below()) : KeptProgress{};
  }

  Result<link::Placement> place(PeerId from, const wire::FrameHeader& header) override {
    collective::Arrival arrival;
    Result<collective::Accepted> accepted = expect(from, header, arrival);
    if (!accepted) return tl::unexpected<Error>(accepted.error());
    return data_.place(accepted->action, absolute(arrival.range), arrival.from, header);
  }

  Result<void> deliver(PeerId from, const wire::FrameHeader& header,
                       const link::Payload& payload) override {
    collective::Arrival arrival;
    Result<collective::Accepted> accepted = expect(from, header, arrival);
    if (!accepted) return tl::unexpected<Error>(accepted.error());
    Result<WeightList> weights = data_.weights().read(header, payload.bytes);
    if (!weights) return tl::unexpected<Error>(weights.error());
    link::Payload elements = payload;
    if (const size_t after = data_.weights().bytes_after(header); after > 0) {
      elements = {payload.bytes.first(payload.bytes.size() - after), nullptr};
    }
    Said said{header.argument, std::move(*weights), absolute(arrival.range), 0};
    const bool as_it_came = accepted->action == collective::Action::kStore && !header.weighted;
    if (as_it_came) said.checksum = header.payload_checksum;
    if (!data_.take(*accepted, absolute(arrival.range), arrival.from, header, elements,
                    own_mark(), said)) {
      return {};
    }
    bytes_received_ += payload.bytes.size();
    ++progress_;
    collective::Work work;
    schedule_->absorbed(arrival, work);
    // What is final has been through all participants.
    const bool final = accepted->action == collective::Action::kStore || accepted->finish;
    if (gathers()) hear_of(arrival.from, said.mark);
    else if (final) hear_mark(said.mark);
    carry_out(work, std::move(said));
    return {};
  }

  void on_plan(const wire::SyncPlan&) override {}

  bool complete() const override { return schedule_ == nullptr || schedule_->complete(); }
  bool small() const override { return small_; }
  bool lends_input() const override { return data_.reads_caller() && answered_; }
  bool posts_late() const override {
    return small_ && elements().total_bytes() <= limits::kLatePostBytes;
  }
  const Error* failure() const override { return data_.failure() ? &*data_.failure() : nullptr; }

  wire::ToCoordinator done_message() const override {
    return wire::OpDone{attempt_.id.op, attempt_.id.epoch, describe(call_)};
  }

  std::vector<PeerId> senders() const override {
    std::vector<PeerId> peers;
    if (schedule_ == nullptr) return peers;
    for (const uint32_t member : schedule_->awaited()) {
      peers.push_back(attempt_.participants[member]);
    }
    return peers;
  }

  uint64_t progress() const override { return progress_; }
  Traffic traffic() const override { return {bytes_sent_, bytes_received_}; }

  Result<CallInfo> commit(const std::vector<PeerId>& contributors, uint32_t attempts) override {
    const uint64_t count = data_.caller().total_count();
    const ElementRange given = given_to(call_, attempt_.self, count);
    if (small_) data_.copy_to_caller(given);
    for (const auto& block : missing_blocks(call_, attempt_.self, contributors, count)) {
      data_.clear_caller(block);
    }
    CollectiveInfo info{contributors, attempts, bytes_sent_, bytes_received_, {}, 0, {}};
    Result<ContributedRange> last = range_to(count, contributors);
    if (!last) return tl::unexpected<Error>(last.error());
    info.weights = last->weights;
    info.weight = last->weight;
    info.ranges = kept_.ranges();
    info.ranges.push_back(std::move(*last));
    return info;
  }

  std::shared_ptr<const ByteBuffer> result() const override { return data_.copy(); }

  WeightList weights(const std::vector<PeerId>& contributors) const override {
    return data_.weights().of(contributors).value_or(WeightList());
  }

  Result<void> take_result(ByteSpan payload, bool weighted,
                           const std::vector<PeerId>& contributors) override {
    if (auto taken = data_.take_result(payload, weighted, contributors); !taken) return taken;
    schedule_.reset();
    bytes_received_ += payload.size();
    ++progress_;
    return {};
  }

  uint64_t stable_below() const override { return stable_below_; }

 private:
  // What the schedule's ranges are ranges of.
  const codec::TensorList& elements() const { return data_.elements(); }

  uint32_t world() const { return static_cast<uint32_t>(attempt_.participants.size()); }

  // An attempt is about what the ones before it have not made; its schedule counts from there.
  uint64_t elements_left() const { return elements().total_count() - kept_.base(); }
  ElementRange absolute(const ElementRange& of_schedule) const {
    return {of_schedule.begin + kept_.base(), of_schedule.end + kept_.base()};
  }
  uint64_t complete_below() const {
    return kept_.base() + (schedule_ == nullptr ? 0 : schedule_->complete_below());
  }

  // What this peer says with its data: of small calls how many have ended here, of those that keep
  // segments how much is complete here.
  uint64_t own_mark() const {
    return keeps_ ? kept_.mark(complete_below()) : attempt_.ended_below;
  }
  // All participants have said at least this.
  void hear_mark(uint64_t mark) {
    if (small_) stable_below_ = std::max(stable_below_, mark);
    if (keeps_) data_.backup().drop_below(kept_.heard(mark, complete_below()));
  }

  // It is carried out by sending to each other what is not added up.
  bool gathers() const {
    return kind() == wire::OpKind::kAllGather || kind() == wire::OpKind::kSend;
  }
  // The same, where each chunk comes straight from the one who says it.
  void hear_of(uint32_t participant, uint64_t mark) {
    heard_of_[participant] = std::max(heard_of_[participant], mark);
    if (!complete()) return;
    uint64_t least = own_mark();
    for (uint32_t i = 0; i < heard_of_.size(); ++i) {
      if (i != index_of(attempt_.self)) least = std::min(least, heard_of_[i]);
    }
    hear_mark(least);
  }

  // What this attempt has made, up to `end`.
  Result<ContributedRange> range_to(uint64_t end, const std::vector<PeerId>& contributors) const {
    ContributedRange range{end, contributors, 0, {}};
    if (end == kept_.base()) {  // with nothing to send nobody may have heard of the weights
      range.weights.assign(contributors.size(), 0);
      return range;
    }
    const Result<WeightList> weights = data_.weights().of(contributors);
    if (!weights) return tl::unexpected<Error>(weights.error());
    range.weights = spelled_out(*weights, contributors.size());
    range.weight = total_weight(*weights, contributors.size());
    return range;
  }

  // By the plan of the attempt.
  uint32_t chunk_bytes_max() const {
    const uint32_t planned = attempt_.plan->pipelining.chunk_bytes;
    return planned == 0 ? chunk_bytes_configured() : std::min(planned, chunk_bytes_configured());
  }

  uint32_t chunk_bytes_configured() const {
    constexpr uint32_t kMost = limits::kChunkBytes - limits::kPeers * kWeightBytes;
    return std::min<uint32_t>(context_.config.chunk_bytes, kMost);
  }

  // What a chunk has in any case.
  uint32_t chunk_bytes_least() const {
    constexpr uint64_t kElements = collective::SegmentLayout::kSegmentAlignment;
    return static_cast<uint32_t>(kElements * size_of(data_.type()));
  }

  uint32_t index_of(PeerId peer) const {
    const auto& peers = attempt_.participants;
    return static_cast<uint32_t>(std::find(peers.begin(), peers.end(), peer) - peers.begin());
  }

  bool direct() const { return algorithm_ == topology::Algorithm::kDirect; }

  wire::OpKind kind() const {
    return carried_out_as(call_, data_.caller().total_bytes(), small_);
  }

  ScheduleNeeds needs() const {
    ScheduleNeeds needs;
    needs.kind = kind();
    needs.asked = static_cast<topology::Algorithm>(call_.options.algorithm);
    needs.keeps_segments = keeps_;
    needs.weighted = data_.weights().used();
    if (call_.root) needs.root = index_of(call_.root);
    needs.blocks.reserve(attempt_.participants.size());
    for (const PeerId peer : attempt_.participants) needs.blocks.push_back(travelling_block(peer));
    return needs;
  }

  // Of what has blocks: whose are sent, received or reduced as one.
  ElementRange travelling_block(PeerId peer) const {
    const uint64_t count = elements().total_count();
    if (call_.kind != wire::OpKind::kSend) return block_of(call_, peer, count);
    // The last one is the receiver's, when it is small.
    const uint64_t sent = count - (small_ ? 1 : 0);
    return peer == call_.root ? ElementRange{0, sent} : ElementRange{sent, count};
  }

  void begin_schedule() {
    const topology::Plan& plan = *attempt_.plan;
    const uint32_t self = index_of(attempt_.self);
    const ScheduleNeeds needs = this->needs();
    algorithm_ = choose_algorithm(needs, plan, elements().total_bytes());
    // A hub keeps its input to itself, and its answer tells others that theirs has come.
    const bool star = algorithm_ == topology::Algorithm::kStar;
    answered_ = star && self != plan.hub;
    if (data_.reads_caller() && !star) data_.open_copy(elements().all());
    if (algorithm_ == topology::Algorithm::kRing) {
      data_.begin_ring(attempt_, plan.ring, self, elements_left());
    } else {
      data_.begin_collecting(attempt_, self, std::max(chunk_bytes_max(), chunk_bytes_least()));
    }
    if (direct()) data_.keep_source();
    if (call_.kind == wire::OpKind::kBarrier && !small_) return;
    collective::ScheduleRequest request;
    request.world = world();
    request.self = self;
    request.count = elements_left();
    request.element_bytes = static_cast<uint32_t>(size_of(data_.type()));
    request.chunk_bytes_max = chunk_bytes_max();
    request.in_order = keeps_;
    if (const uint32_t planned = segments_in_flight(plan.pipelining)) {
      request.segments_in_flight = planned;
    }
    if (keeps_) request.segments_in_flight = kKeptSegmentsInFlight;
    trace_schedule();
    schedule_ = make_schedule(needs, algorithm_, plan, request);
  }

  // 0: as always. What owners have to keep of others is bounded, however much a ring may pass on.
  uint32_t segments_in_flight(const topology::Pipelining& planned) const {
    constexpr uint64_t kKeptByOwners = 32u << 20;
    if (algorithm_ == topology::Algorithm::kRing) return planned.segments_in_flight;
    const uint64_t of_a_segment = uint64_t{chunk_bytes_max()} * world();
    const uint64_t most = std::max<uint64_t>(kKeptByOwners / of_a_segment, 1);
    return static_cast<uint32_t>(std::min<uint64_t>(planned.segments_in_flight, most));
  }

  void trace_schedule() const {
    if (gathers() || kind() == wire::OpKind::kGather || kind() == wire::OpKind::kScatter) {
      return context_.trace("exchange.begin");
    }
    if (kind() != wire::OpKind::kAllReduce && kind() != wire::OpKind::kBroadcast) {
      return context_.trace("parts.begin");
    }
    switch (algorithm_) {
      case topology::Algorithm::kStar: return context_.trace("star.begin");
      case topology::Algorithm::kMesh: return context_.trace("mesh.begin");
      case topology::Algorithm::kDirect: return context_.trace("direct.begin");
      case topology::Algorithm::kRing:
      case topology::Algorithm::kAuto: break;
    }
    context_.trace("ring.begin");
  }

  Result<collective::Accepted> expect(PeerId from, const wire::FrameHeader& header,
                                      collective::Arrival& arrival) const {
    const uint64_t end = header.element_offset + header.element_count;
    const bool sane = schedule_ != nullptr && header.kind == wire::FrameKind::kData &&
                      header.element_offset >= kept_.base() && end >= header.element_offset &&
                      end <= elements().total_count() &&
                      header.payload_bytes == header.element_count * size_of(data_.type()) +
                                                  data_.weights().bytes_after(header);
    if (!sane) {
      return fail(ErrorCode::kInternalError, "peer {} sent a {} frame that is no part of {}",
                  to_string(from), wire::to_string(header.kind), to_string(attempt_.id));
    }
    arrival = {index_of(from), header.segment, header.step,
               {header.element_offset - kept_.base(), end - kept_.base()}};
    return schedule_->expect(arrival);
  }

  // What is sent on says what `said` says; what begins here, what holds here.
  void carry_out(const collective::Work& work, Said said) {
    // A result that is complete everywhere at once stands with kept segments.
    for (const ElementRange& range : work.copies) data_.take_own(absolute(range), keeps_);
    for (const collective::Combine& one : work.combines) {
      if (!data_.combine(absolute(one.range), own_mark(), said)) return;
      hear_mark(said.mark);
    }
    // What goes to several is read once.
    const bool goes_alone = said.weights.empty() && !work.combines.empty();
    if (goes_alone && work.sends.size() > 1) said.checksum = data_.checksum_of(said.range);
    const Said own{own_mark(), data_.weights().own(), {}, 0};
    for (collective::Transfer transfer : work.sends) {
      transfer.range = absolute(transfer.range);
      link::OutFrame frame;
      frame.header.kind = wire::FrameKind::kData;
      frame.header.attempt = attempt_.id;
      frame.header.segment = transfer.segment;
      frame.header.step = transfer.step;
      frame.header.element_offset = transfer.range.begin;
      frame.header.element_count = static_cast<uint32_t>(transfer.range.count());
      frame.header.fingerprint = attempt_.fingerprint;
      const Said& says = transfer.from_source ? own : said;
      frame.header.argument = says.mark;
      data_.append_payload(transfer, says, frame);
      bytes_sent_ += frame.header.payload_bytes;
      links_.send_chunk(attempt_.participants[transfer.to], std::move(frame));
    }
  }

  const CollectiveCall call_;
  const std::unique_ptr<std::byte[]> sinks_;
  Context& context_;
  LinkTable& links_;
  const bool small_;
  const bool keeps_;
  CollectiveData data_;
  KeptSegments kept_;
  AttemptContext attempt_;
  topology::Algorithm algorithm_ = topology::Algorithm::kRing;
  bool answered_ = false;  // what this peer sends has arrived when the attempt is complete
  std::vector<uint64_t> heard_of_;  // by participant: what it said, where it says it to all
  std::unique_ptr<collective::Schedule> schedule_;
  uint64_t bytes_sent_ = 0;
  uint64_t bytes_received_ = 0;
  uint64_t progress_ = 0;
  uint64_t stable_below_ = 0;
};

// Where the parts of a reduction are made whose results the root gets: what of it is touched is
// what this peer reduces. Null: no memory.
std::unique_ptr<std::byte[]> give_sinks(CollectiveCall& call, uint64_t bytes) {
  std::unique_ptr<std::byte[]> memory(new (std::nothrow) std::byte[bytes]);
  std::byte* sink = memory.get();
  if (sink == nullptr) return memory;
  for (codec::TensorView& tensor : call.tensors) {
    tensor.sink = sink;
    sink += tensor.count * size_of(call.type);
  }
  return memory;
}

}  // namespace

Result<NewCall> make_collective(CallId call, CollectiveCall arguments,
                                            CallNames::Place place, PeerId self, Context& context,
                                            LinkTable& links) {
  auto tensors = codec::TensorList::create(arguments.type, arguments.tensors);
  if (!tensors) return tl::unexpected<Error>(tensors.error());
  const uint64_t bytes = tensors->total_bytes();
  NewCall open;
  open.call = call;
  open.options = arguments.options;
  open.description = describe(arguments);
  const bool small = is_small(arguments, bytes, context);
  std::unique_ptr<std::byte[]> sinks;
  if (arguments.kind == wire::OpKind::kReduce && self != arguments.root && !small && bytes > 0) {
    sinks = give_sinks(arguments, bytes);
    if (sinks == nullptr) {
      open.doomed = Error{ErrorCode::kOutOfMemory,
                          fmt::format("no address space for {} bytes of a reduction", bytes)};
    }
    tensors = codec::TensorList::create(arguments.type, arguments.tensors);
  }
  auto body = std::make_unique<CollectiveBody>(std::move(arguments), std::move(*tensors), small,
                                               std::move(sinks), context, links);
  if (auto refused = body->reserve_backup(place.members.size())) open.doomed = std::move(refused);
  open.body = std::move(body);
  open.place = std::move(place);
  return open;
}

}  // namespace atoll_core::engine
