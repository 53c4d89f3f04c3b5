#include "engine/collective_body.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/canary.h"
#include "base/limits.h"
#include "codec/codec.h"
#include "codec/stage.h"
#include "codec/tensor_list.h"
#include "collective/make_schedule.h"
#include "collective/segments.h"
#include "engine/average_weights.h"
#include "engine/input_backup.h"
#include "engine/kept_segments.h"
#include "engine/work_buffer.h"
#include "kernels/hash.h"
#include "topology/plan.h"

namespace atoll_core::engine {
namespace {

wire::CallDescription describe(const CollectiveCall& call) {
  wire::CallDescription description;
  description.kind = call.kind;
  description.type = call.type;
  description.reduce = call.reduce;
  description.tensors = static_cast<uint32_t>(call.tensors.size());
  std::vector<uint64_t> counts;
  for (const codec::TensorView& tensor : call.tensors) {
    description.count += tensor.count;
    counts.push_back(tensor.count);
  }
  const kernels::Digest layout = kernels::hash128(std::as_bytes(std::span(counts)));
  description.layout = {layout.high, layout.low};
  description.algorithm = call.options.algorithm;
  description.codec = codec::identity_codec().id();
  description.root = call.root;
  description.retry = call.options.retry;
  description.keep = call.options.keep && call.kind == wire::OpKind::kAllReduce;
  return description;
}

// Its result is the same on all participants, and small enough to be kept by all of them. With
// several shards per replica the groups of one call end alike, which nobody can know alone.
bool is_small(const CollectiveCall& call, uint64_t bytes, const Context& context) {
  const bool ends_alone = call.options.group != CallGroup::kShard ||
                          context.config.membership.self.shard_count == 1;
  return ends_alone && bytes <= limits::kSmallOpBytes;
}

// Its segments stand once they are complete on all.
bool keeps_segments(const CollectiveCall& call, bool small) {
  return call.options.keep && call.kind == wire::OpKind::kAllReduce && !small;
}

// With kept segments: in order, so that what is kept of the input has a bound.
constexpr uint32_t kKeptSegmentsInFlight = 6;
constexpr uint32_t kKeptSegmentsMax = 4 * kKeptSegmentsInFlight;  // collective/ring_all_reduce.h

// Small calls of all kinds are all-reduces: nobody returns before all have called. In a broadcast
// the others bring zero bytes, and the greatest of each byte is the root's.
bool reduces_bytes(const CollectiveCall& call, bool small) {
  return small && call.kind != wire::OpKind::kAllReduce;
}

class CollectiveBody final : public CallBody {
 public:
  CollectiveBody(CollectiveCall call, codec::TensorList tensors, bool small, Context& context,
                 LinkTable& links)
      : call_(std::move(call)),
        context_(context),
        links_(links),
        small_(small),
        keeps_(keeps_segments(call_, small)),
        type_(reduces_bytes(call_, small) ? DataType::kUint8 : call_.type),
        reduce_(reduces_bytes(call_, small) ? ReduceOp::kMax : call_.reduce),
        weights_(call_.kind == wire::OpKind::kAllReduce && reduce_ == ReduceOp::kAvg, type_,
                 call_.options.weight),
        caller_(std::move(tensors)),
        backup_(caller_, !small && overwrites_input(call_), context.backups),
        work_(type_) {}

  // Once, before the first attempt, of so many participants. An error: it may not be so much.
  std::optional<Error> reserve_backup(size_t world) {
    std::optional<BackupWindow> window;
    const uint64_t least = collective::SegmentLayout::kSegmentAlignment * size_of(type_);
    if (keeps_) {
      window = {kKeptSegmentsMax * uint64_t{world}, std::max<uint64_t>(chunk_bytes_max(), least)};
    }
    if (backup_.reserve(window)) return std::nullopt;
    return Error{ErrorCode::kOutOfMemory,
                 fmt::format("{} bytes to keep what an in-place call overwrites, beside {} of "
                             "other calls, exceed the limit of {}",
                             backup_.needed(), context_.backups.reserved(),
                             context_.backups.limit())};
  }

  void begin(const AttemptContext& attempt) override {
    attempt_ = attempt;
    stable_below_ = 0;
    kept_.begin();
    const bool keeps_old_work = broken(Canary::kSkipFence) && work_.bytes() != nullptr;
    if (small_ && !keeps_old_work) {
      const bool reads = call_.kind != wire::OpKind::kBroadcast || call_.root == attempt.self;
      work_.open(caller_, reads);
      if (weights_.scales()) codec::scale_sink(data(), data().all(), weights_.factor());
    }
    const std::vector<uint32_t> ring = topology::make_plan(world()).ring;
    weights_.begin(attempt_.participants, ring, index_of(attempt_.self), elements_left());
    schedule_ = make_schedule(ring);
    if (schedule_ == nullptr) return;
    collective::Work work;
    schedule_->start(work);
    carry_out(work, own_mark(), weights_.own());
    if (keeps_ && attempt_.participants.size() == 1) hear_mark(caller_.total_count());
  }

  void abandon() override {
    schedule_.reset();
    failure_.reset();
    backup_.restore();
    if (!broken(Canary::kSkipFence)) work_.close();
  }

  bool may_begin_again() const override {
    return small_ || !call_.options.input_disposable || !writes_in_place(call_);
  }

  Result<void> abandon_from(uint64_t kept_below) override {
    if (!keeps_ && kept_below > 0) return CallBody::abandon_from(kept_below);
    Result<ContributedRange> range = range_to(kept_below, attempt_.participants);
    if (!range) return tl::unexpected<Error>(range.error());
    if (auto kept = kept_.keep(std::move(*range), complete_below()); !kept) return kept;
    backup_.drop_below(kept_below);
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
    backup_.drop_below(kept_.thaw(complete_below()));
    if (schedule_ == nullptr) return;
    collective::Work work;
    schedule_->release(work);
    carry_out(work, own_mark(), weights_.own());
  }

  KeptProgress kept_progress() const override {
    return keeps_ ? kept_.progress(complete_below()) : KeptProgress{};
  }

  Result<link::Placement> place(PeerId from, const wire::FrameHeader& header) override {
    collective::Arrival arrival;
    Result<collective::Accepted> accepted = expect(from, header, arrival);
    if (!accepted) return tl::unexpected<Error>(accepted.error());
    // A small call may return while a connection still holds half of a chunk that has come over
    // another one: nothing is received straight into its buffer.
    if (accepted->action == collective::Action::kStore && !small_ && !header.weighted) {
      const ElementRange range = absolute(arrival.range);
      if (caller_.contiguous(range) && keep(range)) {
        link::Placement placement{link::Placement::Kind::kDirect, {}};
        caller_.for_each_sink_span(
            range, [&](MutableByteSpan span) { placement.destination = span; });
        return placement;
      }
    }
    return link::Placement{link::Placement::Kind::kScratch, {}};
  }

  Result<void> deliver(PeerId from, const wire::FrameHeader& header, ByteSpan payload) override {
    collective::Arrival arrival;
    Result<collective::Accepted> accepted = expect(from, header, arrival);
    if (!accepted) return tl::unexpected<Error>(accepted.error());
    Result<WeightList> weights = weights_.read(header, payload);
    if (!weights) return tl::unexpected<Error>(weights.error());
    const bool reduced = accepted->action == collective::Action::kReduce;
    context_.trace(reduced ? "scatter.receive" : "gather.receive");
    const ElementRange range = absolute(arrival.range);
    if (!keep(range)) return {};
    uint64_t mark = header.argument;
    const ByteSpan elements = payload.first(payload.size() - weights_.bytes_after(header));
    if (reduced) {
      *weights = weights_.with_own(header.step, *weights);
      reduce(range, elements);
      if (accepted->finish) finish(range, header.step, *weights);
      mark = std::min(mark, own_mark());
    } else {
      weights_.heard_in_gather(header.step, *weights);
      const bool placed = !small_ && !header.weighted && caller_.contiguous(range);
      if (!placed) codec::copy_in(data(), range, elements);
    }
    bytes_received_ += payload.size();
    ++progress_;
    collective::Work work;
    schedule_->absorbed(arrival, work);
    // What is final has been through all participants.
    if (!reduced || accepted->finish) hear_mark(mark);
    carry_out(work, mark, *weights);
    return {};
  }

  void on_plan(const wire::SyncPlan&) override {}

  bool complete() const override { return schedule_ == nullptr || schedule_->complete(); }
  bool small() const override { return small_; }
  const Error* failure() const override { return failure_ ? &*failure_ : nullptr; }

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
    if (small_) work_.copy_to(caller_);
    CollectiveInfo info{contributors, attempts, bytes_sent_, bytes_received_, {}, 0, {}};
    Result<ContributedRange> last = range_to(caller_.total_count(), contributors);
    if (!last) return tl::unexpected<Error>(last.error());
    info.weights = last->weights;
    info.weight = last->weight;
    info.ranges = kept_.ranges();
    info.ranges.push_back(std::move(*last));
    return info;
  }

  std::shared_ptr<const ByteBuffer> result() const override { return work_.bytes(); }

  WeightList weights(const std::vector<PeerId>& contributors) const override {
    return weights_.of(contributors).value_or(WeightList());
  }

  Result<void> take_result(ByteSpan payload, bool weighted,
                           const std::vector<PeerId>& contributors) override {
    const size_t after = weighted ? contributors.size() * kWeightBytes : 0;
    const uint64_t bytes = work_.bytes_for(caller_);
    if (!small_ || (weighted && !weights_.used()) || payload.size() != bytes + after) {
      return fail(ErrorCode::kInternalError, "a result of {} bytes, {} of weights, for {}",
                  payload.size(), after, to_string(attempt_.id));
    }
    Result<WeightList> weights = decode_weights(payload.last(after));
    if (!weights) return tl::unexpected<Error>(weights.error());
    weights_.set_all(contributors, std::move(*weights));
    work_.open_with(caller_, payload.first(bytes));
    schedule_.reset();
    bytes_received_ += payload.size();
    ++progress_;
    return {};
  }

  uint64_t stable_below() const override { return stable_below_; }

 private:
  // And has to give it back when it fails.
  static bool overwrites_input(const CollectiveCall& call) {
    return writes_in_place(call) && !call.options.input_disposable;
  }

  static bool writes_in_place(const CollectiveCall& call) {
    if (call.kind != wire::OpKind::kAllReduce) return false;
    return std::any_of(call.tensors.begin(), call.tensors.end(), [](const auto& tensor) {
      return tensor.count > 0 && tensor.in_place();
    });
  }

  // What the schedule's ranges are ranges of.
  const codec::TensorList& data() const { return small_ ? work_.tensors() : caller_; }

  uint32_t world() const { return static_cast<uint32_t>(attempt_.participants.size()); }

  // An attempt is about what the ones before it have not made; its schedule counts from there.
  uint64_t elements_left() const { return data().total_count() - kept_.base(); }
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
    if (keeps_) backup_.drop_below(kept_.heard(mark, complete_below()));
  }

  // What this attempt has made, up to `end`.
  Result<ContributedRange> range_to(uint64_t end, const std::vector<PeerId>& contributors) const {
    ContributedRange range{end, contributors, 0, {}};
    if (end == kept_.base()) {  // with nothing to send nobody may have heard of the weights
      range.weights.assign(contributors.size(), 0);
      return range;
    }
    const Result<WeightList> weights = weights_.of(contributors);
    if (!weights) return tl::unexpected<Error>(weights.error());
    range.weights = spelled_out(*weights, contributors.size());
    range.weight = total_weight(*weights, contributors.size());
    return range;
  }

  uint32_t chunk_bytes_max() const {
    constexpr uint32_t kMost = limits::kChunkBytes - limits::kPeers * kWeightBytes;
    return std::min<uint32_t>(context_.config.chunk_bytes, kMost);
  }

  uint32_t index_of(PeerId peer) const {
    const auto& peers = attempt_.participants;
    return static_cast<uint32_t>(std::find(peers.begin(), peers.end(), peer) - peers.begin());
  }

  std::unique_ptr<collective::Schedule> make_schedule(const std::vector<uint32_t>& ring) const {
    if (call_.kind == wire::OpKind::kBarrier && !small_) return nullptr;
    collective::ScheduleRequest request;
    request.world = world();
    request.self = index_of(attempt_.self);
    request.count = elements_left();
    request.element_bytes = static_cast<uint32_t>(size_of(type_));
    request.chunk_bytes_max = chunk_bytes_max();
    request.in_order = keeps_;
    if (keeps_) request.segments_in_flight = kKeptSegmentsInFlight;
    if (call_.kind == wire::OpKind::kBroadcast && !small_) {
      return collective::make_ring_broadcast(request, ring, index_of(call_.root));
    }
    return collective::make_ring_all_reduce(request, ring);
  }

  Result<collective::Accepted> expect(PeerId from, const wire::FrameHeader& header,
                                      collective::Arrival& arrival) const {
    const uint64_t end = header.element_offset + header.element_count;
    const bool sane = schedule_ != nullptr && header.kind == wire::FrameKind::kData &&
                      header.element_offset >= kept_.base() && end >= header.element_offset &&
                      end <= data().total_count() &&
                      header.payload_bytes == header.element_count * size_of(type_) +
                                                  weights_.bytes_after(header);
    if (!sane) {
      return fail(ErrorCode::kInternalError, "peer {} sent a {} frame that is no part of {}",
                  to_string(from), wire::to_string(header.kind), to_string(attempt_.id));
    }
    arrival = {index_of(from), header.segment, header.step,
               {header.element_offset - kept_.base(), end - kept_.base()}};
    return schedule_->expect(arrival);
  }

  // What the range holds, until the verdict. False, now and from then on: the attempt has failed,
  // and overwrites nothing any more.
  bool keep(const ElementRange& range) {
    if (failure_) return false;
    if (backup_.keep(range)) return true;
    failure_ = Error{ErrorCode::kOutOfMemory,
                     fmt::format("no memory for {} bytes of input that {} would overwrite",
                                 caller_.bytes_of(range), to_string(attempt_.id))};
    return false;
  }

  // The contributions of others meet this peer's, in the sink.
  void reduce(const ElementRange& range, ByteSpan elements) {
    if (weights_.scales() && !small_) {  // the copy of a small call is scaled already
      codec::reduce_scaled_in(data(), range, reduce_, weights_.factor(), elements);
    } else {
      codec::reduce_in(data(), range, reduce_, codec::Side::kSource, elements);
    }
  }

  // All contributions are in the sink, the last of others' came as `step`.
  void finish(const ElementRange& range, uint32_t step, const WeightList& weights) {
    if (!weights_.used()) return;
    const double total = weights_.heard_all(step, weights);
    if (total == 0) codec::clear_sink(data(), range);
    else codec::divide_sink(data(), range, total);
  }

  // This peer is alone.
  void take_own(const ElementRange& range) {
    if (!weights_.scales()) return codec::copy_across(data(), range);
    // Its result is complete everywhere at once: with kept segments it stands.
    if (!keeps_ && !keep(range)) return;
    codec::copy_across(data(), range);
    if (!small_) codec::scale_sink(data(), range, weights_.factor());
    finish(range, 0, weights_.own());
  }

  // What is sent on says `mark` and that `weights` are in it; what begins here, what holds here.
  void carry_out(const collective::Work& work, uint64_t mark, const WeightList& weights) {
    for (const ElementRange& range : work.copies) take_own(absolute(range));
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
      frame.header.argument = transfer.from_source ? own_mark() : mark;
      append_payload(transfer, transfer.from_source ? weights_.own() : weights, frame);
      bytes_sent_ += frame.header.payload_bytes;
      links_.send_chunk(attempt_.participants[transfer.to], std::move(frame));
    }
  }

  void append_payload(const collective::Transfer& transfer, const WeightList& weights,
                      link::OutFrame& frame) {
    const ByteSpan after = weights_.bytes_for(transfer.step, weights);
    const size_t bytes = data().bytes_of(transfer.range);
    frame.header.weighted = !after.empty();
    frame.header.payload_bytes = static_cast<uint32_t>(bytes + after.size());
    if (transfer.from_source && weights_.scales() && !small_) {
      auto scaled = std::make_shared<ByteBuffer>(bytes);
      codec::scale_out(data(), transfer.range, weights_.factor(), *scaled);
      scaled->insert(scaled->end(), after.begin(), after.end());
      frame.payload.emplace_back(*scaled);
      frame.owned = std::move(scaled);
      return;
    }
    codec::append_spans(data(),
                        transfer.from_source ? codec::Side::kSource : codec::Side::kSink,
                        transfer.range, frame.payload);
    if (!after.empty()) frame.payload.push_back(after);
    if (small_) frame.owned = weights_.keep_with(work_.bytes());
  }

  const CollectiveCall call_;
  Context& context_;
  LinkTable& links_;
  const bool small_;
  const bool keeps_;
  const DataType type_;    // of the elements that travel
  const ReduceOp reduce_;
  AverageWeights weights_;
  const codec::TensorList caller_;
  InputBackup backup_;  // of large calls
  KeptSegments kept_;
  std::optional<Error> failure_;
  WorkBuffer work_;     // of small calls
  AttemptContext attempt_;
  std::unique_ptr<collective::Schedule> schedule_;
  uint64_t bytes_sent_ = 0;
  uint64_t bytes_received_ = 0;
  uint64_t progress_ = 0;
  uint64_t stable_below_ = 0;
};

}  // namespace

Result<CallLedger::NewCall> make_collective(CallId call, CollectiveCall arguments, size_t world,
                                            Context& context, LinkTable& links) {
  auto tensors = codec::TensorList::create(arguments.type, arguments.tensors);
  if (!tensors) return tl::unexpected<Error>(tensors.error());
  CallLedger::NewCall open;
  open.call = call;
  open.options = arguments.options;
  open.description = describe(arguments);
  const bool small = is_small(arguments, tensors->total_bytes(), context);
  auto body = std::make_unique<CollectiveBody>(std::move(arguments), std::move(*tensors), small,
                                               context, links);
  open.doomed = body->reserve_backup(world);
  open.body = std::move(body);
  return open;
}

}  // namespace atoll_core::engine
