#include "engine/collective_body.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "base/assert.h"
#include "codec/codec.h"
#include "codec/stage.h"
#include "codec/tensor_list.h"
#include "collective/make_schedule.h"
#include "engine/input_backup.h"
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
  return description;
}

class CollectiveBody final : public CallBody {
 public:
  CollectiveBody(CollectiveCall call, codec::TensorList tensors, Context& context,
                 LinkTable& links)
      : call_(std::move(call)),
        context_(context),
        links_(links),
        tensors_(std::move(tensors)),
        backup_(tensors_, call_.kind == wire::OpKind::kAllReduce &&
                              !call_.options.input_disposable && in_place(call_)) {}

  void begin(const AttemptContext& attempt) override {
    attempt_ = attempt;
    schedule_ = make_schedule();
    if (schedule_ == nullptr) return;
    collective::Work work;
    schedule_->start(work);
    carry_out(work);
  }

  void abandon() override {
    schedule_.reset();
    backup_.restore();
  }

  Result<link::Placement> place(PeerId from, const wire::FrameHeader& header) override {
    collective::Arrival arrival;
    Result<collective::Accepted> accepted = expect(from, header, arrival);
    if (!accepted) return tl::unexpected<Error>(accepted.error());
    if (accepted->action == collective::Action::kStore) {
      if (tensors_.contiguous(arrival.range)) {
        backup_.keep(arrival.range);
        link::Placement placement{link::Placement::Kind::kDirect, {}};
        tensors_.for_each_sink_span(
            arrival.range, [&](MutableByteSpan span) { placement.destination = span; });
        return placement;
      }
    }
    return link::Placement{link::Placement::Kind::kScratch, {}};
  }

  Result<void> deliver(PeerId from, const wire::FrameHeader& header, ByteSpan payload) override {
    collective::Arrival arrival;
    Result<collective::Accepted> accepted = expect(from, header, arrival);
    if (!accepted) return tl::unexpected<Error>(accepted.error());
    const bool reduced = accepted->action == collective::Action::kReduce;
    context_.trace(reduced ? "scatter.receive" : "gather.receive");
    backup_.keep(arrival.range);
    if (reduced) {
      codec::reduce_in(tensors_, arrival.range, call_.reduce, codec::Side::kSource, payload);
      if (accepted->finish && call_.reduce == ReduceOp::kAvg) {
        codec::divide_sink(tensors_, arrival.range,
                           static_cast<double>(attempt_.participants.size()));
      }
    } else if (!tensors_.contiguous(arrival.range)) {
      codec::copy_in(tensors_, arrival.range, payload);  // else it was placed there
    }
    bytes_received_ += payload.size();
    ++progress_;
    collective::Work work;
    schedule_->absorbed(arrival, work);
    carry_out(work);
    return {};
  }

  void on_plan(const wire::SyncPlan&) override {}

  bool complete() const override { return schedule_ == nullptr || schedule_->complete(); }
  const Error* failure() const override { return nullptr; }

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

  Result<CallInfo> commit(const wire::Verdict& verdict, uint32_t attempts) override {
    return CollectiveInfo{verdict.contributors, attempts, bytes_sent_, bytes_received_};
  }

 private:
  static bool in_place(const CollectiveCall& call) {
    return std::any_of(call.tensors.begin(), call.tensors.end(), [](const auto& tensor) {
      return tensor.count > 0 && tensor.in_place();
    });
  }

  uint32_t index_of(PeerId peer) const {
    const auto& peers = attempt_.participants;
    return static_cast<uint32_t>(std::find(peers.begin(), peers.end(), peer) - peers.begin());
  }

  std::unique_ptr<collective::Schedule> make_schedule() const {
    if (call_.kind == wire::OpKind::kBarrier) return nullptr;
    collective::ScheduleRequest request;
    request.world = static_cast<uint32_t>(attempt_.participants.size());
    request.self = index_of(attempt_.self);
    request.count = tensors_.total_count();
    request.element_bytes = static_cast<uint32_t>(size_of(call_.type));
    request.chunk_bytes_max = context_.config.chunk_bytes;
    const std::vector<uint32_t> ring = topology::make_plan(request.world).ring;
    if (call_.kind == wire::OpKind::kBroadcast) {
      return collective::make_ring_broadcast(request, ring, index_of(call_.root));
    }
    return collective::make_ring_all_reduce(request, ring);
  }

  Result<collective::Accepted> expect(PeerId from, const wire::FrameHeader& header,
                                      collective::Arrival& arrival) const {
    const uint64_t end = header.element_offset + header.element_count;
    const bool sane = schedule_ != nullptr && header.kind == wire::FrameKind::kData &&
                      end >= header.element_offset && end <= tensors_.total_count() &&
                      header.payload_bytes == header.element_count * size_of(call_.type);
    if (!sane) {
      return fail(ErrorCode::kInternalError, "peer {} sent a {} frame that is no part of {}",
                  to_string(from), wire::to_string(header.kind), to_string(attempt_.id));
    }
    arrival = {index_of(from), header.segment, header.step, {header.element_offset, end}};
    return schedule_->expect(arrival);
  }

  void carry_out(const collective::Work& work) {
    for (const ElementRange& range : work.copies) codec::copy_across(tensors_, range);
    for (const collective::Transfer& transfer : work.sends) {
      link::OutFrame frame;
      frame.header.kind = wire::FrameKind::kData;
      frame.header.attempt = attempt_.id;
      frame.header.segment = transfer.segment;
      frame.header.step = transfer.step;
      frame.header.element_offset = transfer.range.begin;
      frame.header.element_count = static_cast<uint32_t>(transfer.range.count());
      frame.header.fingerprint = attempt_.fingerprint;
      frame.header.payload_bytes =
          static_cast<uint32_t>(transfer.range.count() * size_of(call_.type));
      codec::append_spans(tensors_,
                          transfer.from_source ? codec::Side::kSource : codec::Side::kSink,
                          transfer.range, frame.payload);
      bytes_sent_ += frame.header.payload_bytes;
      links_.send_chunk(attempt_.participants[transfer.to], std::move(frame));
    }
  }

  const CollectiveCall call_;
  Context& context_;
  LinkTable& links_;
  const codec::TensorList tensors_;
  InputBackup backup_;
  AttemptContext attempt_;
  std::unique_ptr<collective::Schedule> schedule_;
  uint64_t bytes_sent_ = 0;
  uint64_t bytes_received_ = 0;
  uint64_t progress_ = 0;
};

}  // namespace

Result<CallLedger::NewCall> make_collective(CallId call, CollectiveCall arguments,
                                            Context& context, LinkTable& links) {
  auto tensors = codec::TensorList::create(arguments.type, arguments.tensors);
  if (!tensors) return tl::unexpected<Error>(tensors.error());
  CallLedger::NewCall open;
  open.call = call;
  open.options = arguments.options;
  open.description = describe(arguments);
  open.body = std::make_unique<CollectiveBody>(std::move(arguments), std::move(*tensors), context,
                                               links);
  return open;
}

}  // namespace atoll_core::engine
