#include "engine/collective_data.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/canary.h"
#include "codec/stage.h"
#include "wire/payload_checksum.h"

namespace atoll_core::engine {

CollectiveData::CollectiveData(const Traits& traits, codec::TensorList caller, Context& context)
    : traits_(traits),
      context_(context),
      weights_(traits.average, traits.type, traits.weight),
      caller_(std::move(caller)),
      backup_(caller_, traits.keeps_input, context.backups),
      contributions_(traits.small, context.received, context.buffers),
      work_(traits.type, traits.extra, context.buffers) {}

// ---- an attempt begins -------------------------------------------------------------------------

void CollectiveData::open_copy(const ElementRange& brings) {
  work_.open(caller_, brings);
  if (weights_.scales()) codec::scale_sink(elements(), elements().all(), weights_.factor());
}

bool CollectiveData::open_over_caller(const ElementRange& brings) {
  const auto& tensors = caller_.tensors();
  const bool as_it_is = tensors.size() == 1 && tensors.front().source != nullptr &&
                        caller_.type() == traits_.type && brings == caller_.all() &&
                        !brings.empty() && traits_.extra == 0 && !weights_.scales();
  if (as_it_is) work_.open_over(caller_);
  return as_it_is;
}

void CollectiveData::begin_ring(const AttemptContext& attempt, const std::vector<uint32_t>& ring,
                                uint32_t self, uint64_t count) {
  attempt_ = attempt.id;
  self_ = self;
  source_.reset();
  weights_.begin(attempt.participants, ring, self, count);
}

void CollectiveData::begin_collecting(const AttemptContext& attempt, uint32_t self,
                                      size_t chunk_bytes_max) {
  attempt_ = attempt.id;
  self_ = self;
  source_.reset();
  weights_.begin_collecting(attempt.participants);
  contributions_.begin(attempt.participants.size(), chunk_bytes_max);
}

void CollectiveData::keep_source() {
  source_ = context_.buffers.take(elements().total_bytes());
  if (scales_when_read()) {
    codec::scale_out(elements(), elements().all(), weights_.factor(), *source_);
  } else {
    codec::copy_out(elements(), codec::Side::kSource, elements().all(), *source_);
  }
}

// ---- chunks that come --------------------------------------------------------------------------

link::Placement CollectiveData::place(collective::Action action, const ElementRange& range,
                                      uint32_t from, const wire::FrameHeader& header) {
  link::Placement scratch{link::Placement::Kind::kScratch, {}};
  // A small call may return while a connection still holds half of a chunk that has come over
  // another one: nothing is received straight into its memory.
  if (traits_.small || header.weighted) return scratch;
  link::Placement direct{link::Placement::Kind::kDirect, {}};
  if (action == collective::Action::kCollect) {
    std::byte* to = contributions_.place(range, from, header.payload_bytes);
    if (to == nullptr) return scratch;
    direct.destination = {to, header.payload_bytes};
    return direct;
  }
  if (action != collective::Action::kStore || !caller_.contiguous(range) || !keep(range)) {
    return scratch;
  }
  caller_.for_each_sink_span(range, [&](MutableByteSpan span) { direct.destination = span; });
  return direct;
}

bool CollectiveData::take(const collective::Accepted& accepted, const ElementRange& range,
                          uint32_t from, const wire::FrameHeader& header,
                          const link::Payload& elements, uint64_t own_reach, Said& said) {
  if (accepted.action == collective::Action::kCollect) {
    context_.trace("scatter.receive");
    return collect(range, from, elements, said);
  }
  const bool reduced = accepted.action == collective::Action::kReduce;
  context_.trace(reduced ? "scatter.receive" : "gather.receive");
  if (!keep(range)) return false;
  if (reduced) {
    said.weights = weights_.with_own(header.step, said.weights);
    reduce(range, elements.bytes);
    if (accepted.finish) finish(range, header.step, said.weights);
    said.reach = std::min(said.reach, own_reach);
    return true;
  }
  weights_.heard_in_gather(header.step, said.weights);
  const bool placed = !traits_.small && !header.weighted && caller_.contiguous(range);
  if (!placed) store(range, elements);
  return true;
}

void CollectiveData::store(const ElementRange& range, const link::Payload& elements) {
  if (traits_.small && elements.holder != nullptr && range == this->elements().all()) {
    return work_.adopt(caller_, elements.holder);
  }
  if (traits_.small) work_.make_room(caller_);
  codec::copy_in(this->elements(), range, elements.bytes);
}

bool CollectiveData::collect(const ElementRange& range, uint32_t from,
                             const link::Payload& elements, const Said& said) {
  if (!contributions_.add(range, from, elements)) return fail_for_memory(range);
  Contributions::Chunk& chunk = contributions_.chunk(range);
  chunk.reach = std::min(chunk.reach, said.reach);
  if (!said.weights.empty()) chunk.parts[from].weight = said.weights.front();
  return true;
}

bool CollectiveData::combine(const ElementRange& range, uint64_t own_reach, Said& said) {
  if (!keep(range)) return false;
  if (traits_.small) work_.make_room(caller_);
  Contributions::Chunk& chunk = contributions_.chunk(range);
  chunk.parts[self_].weight = weights_.factor();
  std::vector<ByteSpan> parts;
  WeightList weights;
  for (const Contributions::Part& part : chunk.parts) {
    parts.push_back(part.elements);
    weights.push_back(part.weight);
  }
  codec::combine_in(elements(), range, traits_.reduce,
                    scales_when_read() ? weights_.factor() : 1.0, std::move(parts));
  said = Said{std::min(chunk.reach, own_reach), shortened(std::move(weights)), range, 0};
  contributions_.drop(range);
  finish(range, 0, said.weights);
  return true;
}

uint64_t CollectiveData::checksum_of(const ElementRange& range) const {
  std::vector<ByteSpan> parts;
  codec::append_spans(elements(), codec::Side::kSink, range, parts);
  return wire::payload_checksum_of(parts);
}

// ---- arithmetic --------------------------------------------------------------------------------

// What the range holds, until the verdict. False, now and from then on: the attempt has failed,
// and overwrites nothing any more.
bool CollectiveData::keep(const ElementRange& range) {
  if (failure_) return false;
  return backup_.keep(range) || fail_for_memory(range);
}

bool CollectiveData::fail_for_memory(const ElementRange& range) {
  failure_ = Error{ErrorCode::kOutOfMemory,
                   fmt::format("no memory to keep {} bytes of {} in", elements().bytes_of(range),
                               to_string(attempt_))};
  return false;
}

// The contributions of others meet this peer's, in the sink.
void CollectiveData::reduce(const ElementRange& range, ByteSpan elements) {
  if (scales_when_read()) {
    codec::reduce_scaled_in(this->elements(), range, traits_.reduce, weights_.factor(), elements);
  } else {
    codec::reduce_in(this->elements(), range, traits_.reduce, codec::Side::kSource, elements);
  }
}

// All contributions are in the sink, the last of others' came as `step`.
void CollectiveData::finish(const ElementRange& range, uint32_t step, const WeightList& weights) {
  if (!weights_.used()) return;
  const double total = weights_.heard_all(step, weights);
  if (total == 0) codec::clear_sink(elements(), range);
  else codec::divide_sink(elements(), range, total);
}

void CollectiveData::take_own(const ElementRange& range, bool stands) {
  if (traits_.small) work_.make_room(caller_);
  if (!weights_.scales()) return codec::copy_across(elements(), range);
  if (!stands && !keep(range)) return;
  codec::copy_across(elements(), range);
  if (!traits_.small) codec::scale_sink(elements(), range, weights_.factor());
  finish(range, 0, weights_.own());
}

// ---- chunks that go ----------------------------------------------------------------------------

void CollectiveData::append_payload(const collective::Transfer& transfer, const Said& said,
                                    link::OutFrame& frame) {
  const ByteSpan after = weights_.bytes_for(transfer.step, said.weights);
  const size_t bytes = elements().bytes_of(transfer.range);
  frame.header.weighted = !after.empty();
  frame.header.payload_bytes = static_cast<uint32_t>(bytes + after.size());
  if (source_ != nullptr) {
    const size_t begin = elements().bytes_of({0, transfer.range.begin});
    frame.payload.push_back(ByteSpan(*source_).subspan(begin, bytes));
    if (!after.empty()) frame.payload.push_back(after);
    frame.owned = weights_.keep_with(source_);
    return;
  }
  if (transfer.from_source && scales_when_read()) {
    auto scaled = std::make_shared<ByteBuffer>(bytes);
    codec::scale_out(elements(), transfer.range, weights_.factor(), *scaled);
    scaled->insert(scaled->end(), after.begin(), after.end());
    frame.payload.emplace_back(*scaled);
    frame.owned = std::move(scaled);
    return;
  }
  codec::append_spans(elements(),
                      transfer.from_source ? codec::Side::kSource : codec::Side::kSink,
                      transfer.range, frame.payload);
  // What goes on as it came need not be read once more.
  const bool as_it_came = !transfer.from_source && transfer.range == said.range && after.empty();
  if (as_it_came) frame.header.payload_checksum = said.checksum;
  if (!after.empty()) frame.payload.push_back(after);
  const bool lent = transfer.from_source && reads_caller();
  if (traits_.small && !lent) frame.owned = weights_.keep_with(work_.bytes());
}

// ---- an attempt ends ---------------------------------------------------------------------------

void CollectiveData::restore() {
  contributions_.forget();
  failure_.reset();
  backup_.restore();
  if (!broken(Canary::kSkipFence)) work_.close();
}

void CollectiveData::clear_caller(const ElementRange& range) const {
  codec::clear_sink(caller_, range);
}

Result<void> CollectiveData::take_result(ByteSpan payload, bool weighted,
                                         const std::vector<PeerId>& contributors) {
  const size_t after = weighted ? contributors.size() * kWeightBytes : 0;
  const uint64_t bytes = work_.bytes_for(caller_);
  if (!traits_.small || (weighted && !weights_.used()) || payload.size() != bytes + after) {
    return fail(ErrorCode::kInternalError, "a result of {} bytes, {} of weights, for {}",
                payload.size(), after, to_string(attempt_));
  }
  Result<WeightList> weights = decode_weights(payload.last(after));
  if (!weights) return tl::unexpected<Error>(weights.error());
  weights_.set_all(contributors, std::move(*weights));
  work_.open_with(caller_, payload.first(bytes));
  return {};
}

}  // namespace atoll_core::engine
