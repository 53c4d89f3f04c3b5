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

bool is_small(const CollectiveCall& call, uint64_t bytes, const Context& context) {
  const bool ends_alone = call.options.group != CallGroup::kShard ||
                          context.config.membership.self.shard_count == 1;
  return ends_alone && bytes <= limits::kSmallOpBytes;
}

bool keeps_segments(const CollectiveCall& call, bool small) {
  return call.options.keep && call.kind == wire::OpKind::kAllReduce && !small;
}

bool reduces_bytes(const CollectiveCall& call, bool small) {
  return small && call.kind != wire::OpKind::kAllReduce;
}

bool overwrites_input(const CollectiveCall& call) {
  return writes_in_place(call) && !call.options.input_disposable;
}

bool writes_in_place(const CollectiveCall& call) {
  if (call.kind != wire::OpKind::kAllReduce) return false;
  return std::any_of(call.tensors.begin(), call.tensors.end(), [](const auto& tensor) {
    return tensor.count > 0 && tensor.in_place();
  });
}

}  // namespace atoll_core::engine
