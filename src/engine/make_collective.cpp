#include "engine/make_collective.h"

#include <memory>
#include <new>
#include <utility>

#include <fmt/format.h>

#include "codec/tensor_list.h"
#include "engine/call_blocks.h"
#include "engine/collective_kinds.h"
#include "engine/collective_traits.h"

namespace atoll_core::engine {
namespace {

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

std::unique_ptr<CollectiveBody> make_body(CollectiveParts parts, bool small, Context& context,
                                          LinkTable& links) {
  const wire::OpKind as = parts.carried_out_as;
  const bool gathered = as == wire::OpKind::kAllGather || as == wire::OpKind::kSend;
  if (small && gathered) return std::make_unique<GatheredBody>(std::move(parts), context, links);
  if (small) return std::make_unique<SmallBody>(std::move(parts), context, links);
  if (keeps_segments(parts.call, small)) {
    return std::make_unique<KeepingBody>(std::move(parts), context, links);
  }
  if (parts.call.kind == wire::OpKind::kBarrier) {
    return std::make_unique<MeetingBody>(std::move(parts), context, links);
  }
  if (as == wire::OpKind::kAllToAll) {
    return std::make_unique<CrossingBody>(std::move(parts), context, links);
  }
  return std::make_unique<LargeBody>(std::move(parts), context, links);
}

}  // namespace

Result<NewCall> make_collective(CallId call, CollectiveCall arguments, CallNames::Place place,
                                PeerId self, Context& context, LinkTable& links) {
  auto tensors = codec::TensorList::create(arguments.type, arguments.tensors);
  if (!tensors) return tl::unexpected<Error>(tensors.error());
  const uint64_t bytes = tensors->total_bytes();
  NewCall open;
  open.call = call;
  open.options = arguments.options;
  open.description = describe(arguments);
  open.block_counts = block_counts(arguments, tensors->total_count());
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
  const CollectiveData::Traits traits = data_traits(arguments, small);
  const wire::OpKind as = carried_out_as(arguments, bytes, small);
  auto body = make_body({std::move(arguments), std::move(*tensors), traits, as, std::move(sinks)},
                        small, context, links);
  if (auto refused = body->reserve_backup(place.members.size())) open.doomed = std::move(refused);
  open.body = std::move(body);
  open.place = std::move(place);
  return open;
}

}  // namespace atoll_core::engine
