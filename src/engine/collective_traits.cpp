#include "engine/collective_traits.h"

#include <algorithm>
#include <span>
#include <vector>

#include "base/limits.h"
#include "codec/codec.h"
#include "kernels/hash.h"

namespace atoll_core::engine {

wire::CallDescription describe(const CollectiveCall& call) {
  wire::CallDescription description;
  description.kind = call.kind;
  description.type = call.type;
  description.reduce = call.reduce;
  description.tensors = static_cast<uint32_t>(call.tensors.size());
  std::vector<uint64_t> counts;
  counts.reserve(call.tensors.size() + 1);
  // The counts of an all-to-all are each pair's own matter.
  const bool same_for_all = call.kind != wire::OpKind::kAllToAll;
  if (!same_for_all) description.tensors = 1;
  for (const codec::TensorView& tensor : call.tensors) {
    if (!same_for_all) break;
    description.count += tensor.count;
    counts.push_back(tensor.count);
  }
  counts.push_back(call.owners.size());
  if (same_for_all) counts.insert(counts.end(), call.counts.begin(), call.counts.end());
  if (call.options.layout != 0) counts.push_back(call.options.layout);
  const kernels::Digest layout = kernels::hash128(std::as_bytes(std::span(counts)));
  description.layout = {layout.high, layout.low};
  description.algorithm = call.options.algorithm;
  description.codec = codec::identity_codec().id();
  description.root = call.root;
  // Nobody but the two knows of a send: when one dies there is nobody to go on with.
  description.retry = call.options.retry && call.kind != wire::OpKind::kSend;
  description.keep = call.options.keep && call.kind == wire::OpKind::kAllReduce;
  return description;
}

bool is_small(const CollectiveCall& call, uint64_t bytes, const Context& context) {
  const bool ends_alone = call.kind == wire::OpKind::kSend ||
                          call.options.group != CallGroup::kShard ||
                          context.config.membership.self.shard_count == 1;
  const bool same_for_all = call.kind == wire::OpKind::kAllReduce ||
                            call.kind == wire::OpKind::kBroadcast ||
                            call.kind == wire::OpKind::kAllGather ||
                            call.kind == wire::OpKind::kBarrier ||
                            call.kind == wire::OpKind::kSend;
  if (call.kind == wire::OpKind::kAllToAll) return false;  // nobody knows of all parts
  return ends_alone && bytes <= (same_for_all ? limits::kSmallOpBytes : limits::kSmallPartsBytes);
}

wire::OpKind carried_out_as(const CollectiveCall& call, uint64_t bytes, bool small) {
  using wire::OpKind;
  if (!small) {
    // So short that some would own nothing of it.
    const bool short_reduce = call.kind == OpKind::kReduce && bytes <= limits::kSmallPartsBytes;
    return short_reduce ? OpKind::kAllReduce : call.kind;
  }
  if (call.kind == OpKind::kSend) return OpKind::kSend;
  const bool gathers = call.kind == OpKind::kAllGather || call.kind == OpKind::kGather;
  // Who has nothing to send would not be heard of.
  const bool all_send = bytes > 0 && std::count(call.counts.begin(), call.counts.end(), 0) == 0;
  return gathers && all_send ? OpKind::kAllGather : OpKind::kAllReduce;
}

bool keeps_segments(const CollectiveCall& call, bool small) {
  return call.options.keep && call.kind == wire::OpKind::kAllReduce && !small;
}

bool reduces_bytes(const CollectiveCall& call, bool small) {
  return small && !wire::reduces(call.kind);
}

bool overwrites_input(const CollectiveCall& call) {
  return writes_in_place(call) && !call.options.input_disposable;
}

bool writes_in_place(const CollectiveCall& call) {
  if (!wire::reduces(call.kind)) return false;
  return std::any_of(call.tensors.begin(), call.tensors.end(), [](const auto& tensor) {
    return tensor.count > 0 && tensor.in_place() && tensor.sink != nullptr;
  });
}

}  // namespace atoll_core::engine
