#include "state/fetch.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "base/assert.h"

namespace atoll_core::state {
namespace {

std::string describe(const wire::TensorSummary& tensor) {
  return fmt::format("{} ({} {})", tensor.name, tensor.count, to_string(tensor.type));
}

Result<void> check_tensors(const FetchPlan& plan, const StateTable& table) {
  if (plan.tensors.size() != table.tensors().size()) {
    return fail(ErrorCode::kMismatch, "the elected state has {} tensors, this one has {}",
                plan.tensors.size(), table.tensors().size());
  }
  std::vector<ContentDigest> digests;
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    const wire::TensorSummary& elected = plan.tensors[i];
    const StateTensor& here = table.tensors()[i];
    if (elected.name != here.name || elected.type != here.type || elected.count != here.count) {
      return fail(ErrorCode::kMismatch, "tensor {} of the elected state is {}, here it is {}", i,
                  describe(elected), describe({here.name, here.type, here.count, {}}));
    }
    if (elected.count == 0 &&
        elected.digest != tensor_digest(elected.name, elected.type, elected.count, {})) {
      return fail(ErrorCode::kStateConflict,
                  "tensor {} of the elected state is empty but its digest is of something else",
                  elected.name);
    }
    digests.push_back(elected.digest);
  }
  if (state_digest(digests) != plan.digest) {
    return fail(ErrorCode::kStateConflict,
                "the digest of elected revision {} does not follow from its tensors",
                plan.revision);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<FetchMachine>> FetchMachine::create(FetchPlan plan, StateTable& table,
                                                           StateDigests& digests) {
  ATOLL_ASSERT(digests.tensors.size() == table.tensors().size(), "digests of {} tensors, not {}",
               digests.tensors.size(), table.tensors().size());
  if (table.writing()) {
    return fail(ErrorCode::kInvalidUsage,
                "the state is being written to since revision {}; publish before a sync",
                table.revision());
  }
  if (plan.in_place && table.holds_content() && !plan.replaces_a_copy) {
    return fail(ErrorCode::kInvalidUsage,
                "revision {} of the state would be lost if it were overwritten in place",
                table.revision());
  }
  if (auto fits = check_tensors(plan, table); !fits) return tl::unexpected<Error>(fits.error());
  return std::unique_ptr<FetchMachine>(new FetchMachine(std::move(plan), table, digests));
}

FetchMachine::FetchMachine(FetchPlan plan, StateTable& table, StateDigests& digests)
    : plan_(std::move(plan)),
      table_(table),
      digests_(digests),
      holders_(plan_.holders, plan_.window) {
  for (uint32_t i = 0; i < plan_.tensors.size(); ++i) plan_tensor(i);
  check_holders();
}

void FetchMachine::take_requests(std::vector<FetchRequest>& out) {
  while (!queue_.empty()) {
    const Item item = queue_.front();
    const std::optional<PeerId> holder = holders_.pick(bytes_of(item));
    if (!holder) return;
    queue_.pop_front();
    outstanding_[item].holder = *holder;
    out.push_back({*holder, request_for(item)});
  }
}

Result<MutableByteSpan> FetchMachine::destination(PeerId from, const ResponseName& name,
                                                  uint64_t payload_bytes) {
  auto found = find(from, name);
  if (!found) return tl::unexpected<Error>(found.error());
  const Item item = (*found)->first;
  if (payload_bytes != bytes_of(item)) {
    return blame(*found, fmt::format("{} bytes instead of {}", payload_bytes, bytes_of(item)));
  }
  return place_of(item, (*found)->second);
}

Result<void> FetchMachine::on_response(PeerId from, const ResponseName& name, ByteSpan payload) {
  const Result<MutableByteSpan> place = destination(from, name, payload.size());
  if (!place) return tl::unexpected<Error>(place.error());
  const auto found = find(from, name).value();
  const Item item = found->first;
  const bool right = item.item == StateItem::kDigests ? accept_digests(item.tensor, payload)
                                                      : accept_chunk(item, payload);
  if (!right) return blame(found, "bytes that do not have the elected digest");
  if (item.item == StateItem::kChunks && payload.data() != place->data()) {
    std::memcpy(place->data(), payload.data(), payload.size());
  }
  counters_.bytes_received += payload.size();
  holders_.release(from, payload.size());
  outstanding_.erase(found);
  check_holders();
  return {};
}

void FetchMachine::on_refused(PeerId from, const ResponseName& name, const std::string& reason) {
  const auto found = find(from, name);
  if (!found) return;
  holders_.drop(from, fmt::format("peer {} refused: {}", to_string(from), reason));
  requeue(*found);
  check_holders();
}

void FetchMachine::on_holder_lost(PeerId peer) {
  holders_.drop(peer, fmt::format("peer {} was lost", to_string(peer)));
  for (auto at = outstanding_.begin(); at != outstanding_.end();) {
    const auto next = std::next(at);
    if (at->second.holder == peer) requeue(at);
    at = next;
  }
  check_holders();
}

bool FetchMachine::complete() const {
  return !failure_ && queue_.empty() && outstanding_.empty();
}

Result<StateDigests> FetchMachine::commit() {
  ATOLL_ASSERT(complete(), "{} parts of revision {} are missing",
               queue_.size() + outstanding_.size(), plan_.revision);
  StateDigests result = digests_;
  for (auto& [tensor, target] : targets_) {
    result.tensors[tensor] = {plan_.tensors[tensor].digest, std::move(target.chunks)};
  }
  std::vector<ContentDigest> tensors;
  for (size_t i = 0; i < result.tensors.size(); ++i) {
    const StateTensor& here = table_.tensors()[i];
    tensors.push_back(
        tensor_digest(here.name, here.type, here.count, result.tensors[i].chunks));
  }
  result.whole = state_digest(tensors);
  if (result.whole != plan_.digest) {
    return fail(ErrorCode::kInternalError,
                "what was fetched for revision {} does not add up to the elected digest",
                plan_.revision);
  }
  for (auto& [name, bytes] : differing_) {
    if (bytes == nullptr) continue;
    const MutableByteSpan place = table_.tensors()[name.tensor].chunk(name.chunk);
    std::memcpy(place.data(), bytes.get(), place.size());
    bytes.reset();
  }
  targets_.clear();
  table_.adopt(plan_.revision);
  digests_ = result;
  return result;
}

std::string FetchMachine::describe_difference(size_t ranges_max) const {
  std::string text;
  size_t ranges = 0;
  std::optional<uint32_t> tensor;
  for (auto at = differing_.begin(); at != differing_.end();) {
    const ChunkName first = at->first;
    ChunkName last = first;
    while (++at != differing_.end() && at->first == ChunkName{last.tensor, last.chunk + 1}) {
      last = at->first;
    }
    if (++ranges > ranges_max) continue;
    const uint64_t end = std::min<uint64_t>((last.chunk + 1) * kStateChunkBytes,
                                            table_.tensors()[first.tensor].bytes.size());
    if (tensor != first.tensor) {
      text += fmt::format("{}tensor {} bytes ", tensor ? "; " : "",
                          plan_.tensors[first.tensor].name);
      tensor = first.tensor;
    } else {
      text += ", ";
    }
    text += fmt::format("{} to {}", first.chunk * kStateChunkBytes, end);
  }
  if (ranges > ranges_max) text += fmt::format("; and {} more", ranges - ranges_max);
  return text;
}

void FetchMachine::plan_tensor(uint32_t tensor) {
  if (plan_.tensors[tensor].digest == digests_.tensors[tensor].whole) return;
  if (table_.tensors()[tensor].chunk_count() == 1) {
    targets_[tensor].chunks.resize(1);
    want_chunk(tensor, 0);
  } else {
    targets_[tensor] = {};
    queue_.push_back({tensor, StateItem::kDigests, 0});
  }
}

StateRequest FetchMachine::request_for(const Item& item) const {
  const uint64_t chunks =
      item.item == StateItem::kDigests ? table_.tensors()[item.tensor].chunk_count() : 1;
  return {item.tensor, item.item, item.chunk, static_cast<uint32_t>(chunks), plan_.revision};
}

uint64_t FetchMachine::bytes_of(const Item& item) const {
  const StateTensor& tensor = table_.tensors()[item.tensor];
  return item.item == StateItem::kDigests ? tensor.chunk_count() * kDigestBytes
                                          : tensor.chunk(item.chunk).size();
}

Result<FetchMachine::OutstandingItems::iterator> FetchMachine::find(PeerId from,
                                                                    const ResponseName& name) {
  const auto found = outstanding_.find({name.tensor, name.item, name.first_chunk});
  if (found == outstanding_.end() || found->second.holder != from ||
      request_for(found->first) != name) {
    return fail(ErrorCode::kInvalidArgument, "peer {} sent {}, which it was not asked for",
                to_string(from), to_string(name));
  }
  return found;
}

MutableByteSpan FetchMachine::place_of(const Item& item, Outstanding& outstanding) {
  const uint64_t bytes = bytes_of(item);
  if (item.item == StateItem::kDigests) {
    outstanding.digests.resize(bytes);
    return outstanding.digests;
  }
  if (plan_.in_place) {
    table_.mark_torn();
    digests_.tensors[item.tensor].chunks[item.chunk] = {};
    digests_.tensors[item.tensor].whole = {};
    digests_.whole = {};
    return table_.tensors()[item.tensor].chunk(item.chunk);
  }
  std::unique_ptr<std::byte[]>& aside = differing_[{item.tensor, item.chunk}];
  if (aside == nullptr) aside = std::make_unique_for_overwrite<std::byte[]>(bytes);
  return {aside.get(), bytes};
}

bool FetchMachine::accept_digests(uint32_t tensor, ByteSpan payload) {
  std::vector<ContentDigest> chunks = decode_digests(payload);
  const wire::TensorSummary& elected = plan_.tensors[tensor];
  if (tensor_digest(elected.name, elected.type, elected.count, chunks) != elected.digest) {
    return false;
  }
  for (uint64_t i = 0; i < chunks.size(); ++i) {
    if (chunks[i] != digests_.tensors[tensor].chunks[i]) want_chunk(tensor, i);
  }
  targets_[tensor].chunks = std::move(chunks);
  return true;
}

bool FetchMachine::accept_chunk(const Item& item, ByteSpan payload) {
  const ContentDigest digest = chunk_digest(payload);
  const wire::TensorSummary& elected = plan_.tensors[item.tensor];
  Target& target = targets_[item.tensor];
  if (target.chunks.size() == 1) {
    if (tensor_digest(elected.name, elected.type, elected.count, {&digest, 1}) != elected.digest) {
      return false;
    }
    target.chunks[0] = digest;
  } else if (target.chunks[item.chunk] != digest) {
    return false;
  }
  note_chunk(item, digest);
  return true;
}

void FetchMachine::note_chunk(const Item& item, const ContentDigest& digest) {
  ++counters_.chunks_received;
  const bool last = --targets_[item.tensor].chunks_missing == 0;
  if (last) ++counters_.tensors_received;
  if (!plan_.in_place) return;
  digests_.tensors[item.tensor].chunks[item.chunk] = digest;
  if (last) digests_.tensors[item.tensor].whole = plan_.tensors[item.tensor].digest;
}

void FetchMachine::want_chunk(uint32_t tensor, uint64_t chunk) {
  ++targets_[tensor].chunks_missing;
  differing_[{tensor, chunk}] = nullptr;
  queue_.push_back({tensor, StateItem::kChunks, chunk});
}

void FetchMachine::requeue(OutstandingItems::iterator found) {
  holders_.release(found->second.holder, bytes_of(found->first));
  queue_.push_front(found->first);
  outstanding_.erase(found);
}

tl::unexpected<Error> FetchMachine::blame(OutstandingItems::iterator found,
                                          const std::string& what) {
  const PeerId peer = found->second.holder;
  std::string sentence = fmt::format("peer {} sent {} for {}", to_string(peer), what,
                                     to_string(request_for(found->first)));
  holders_.drop(peer, sentence);
  requeue(found);
  check_holders();
  return tl::unexpected<Error>(Error{ErrorCode::kStateConflict, std::move(sentence)});
}

void FetchMachine::check_holders() {
  if (failure_ || queue_.empty() || !outstanding_.empty() || holders_.any_left()) return;
  failure_ = Error{ErrorCode::kPeerLost,
                   fmt::format("revision {} cannot be fetched, no holder of it is left: {}",
                               plan_.revision, holders_.why_dropped())};
}

}  // namespace atoll_core::state
