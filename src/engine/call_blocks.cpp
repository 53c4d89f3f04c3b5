#include "engine/call_blocks.h"

#include <algorithm>

namespace atoll_core::engine {

using wire::OpKind;

bool has_blocks(OpKind kind) {
  return kind == OpKind::kReduceScatter || kind == OpKind::kAllGather ||
         kind == OpKind::kGather || kind == OpKind::kScatter;
}

ElementRange block_of(const CollectiveCall& call, PeerId peer, uint64_t count) {
  if (!has_blocks(call.kind)) return {0, 0};
  const auto found = std::find(call.owners.begin(), call.owners.end(), peer);
  if (found == call.owners.end()) return {0, 0};
  const uint64_t block = count / call.owners.size();
  const auto index = static_cast<uint64_t>(found - call.owners.begin());
  return {index * block, (index + 1) * block};
}

ElementRange brought_by(const CollectiveCall& call, PeerId peer, uint64_t count) {
  const ElementRange all{0, count};
  switch (call.kind) {
    case OpKind::kAllReduce:
    case OpKind::kReduceScatter:
    case OpKind::kReduce: return all;
    case OpKind::kAllGather:
    case OpKind::kGather: return block_of(call, peer, count);
    case OpKind::kBroadcast:
    case OpKind::kScatter:
    case OpKind::kSend: return peer == call.root ? all : ElementRange{0, 0};
    case OpKind::kBarrier:
    case OpKind::kSync: break;
  }
  return {0, 0};
}

ElementRange given_to(const CollectiveCall& call, PeerId peer, uint64_t count) {
  const ElementRange all{0, count};
  switch (call.kind) {
    case OpKind::kAllReduce:
    case OpKind::kBroadcast:
    case OpKind::kAllGather: return all;
    case OpKind::kReduceScatter:
    case OpKind::kScatter: return block_of(call, peer, count);
    case OpKind::kReduce:
    case OpKind::kGather: return peer == call.root ? all : ElementRange{0, 0};
    case OpKind::kSend: return peer == call.root ? ElementRange{0, 0} : all;
    case OpKind::kBarrier:
    case OpKind::kSync: break;
  }
  return {0, 0};
}

std::vector<ElementRange> missing_blocks(const CollectiveCall& call, PeerId peer,
                                         const std::vector<PeerId>& contributors, uint64_t count) {
  std::vector<ElementRange> missing;
  const bool gathers = call.kind == OpKind::kAllGather || call.kind == OpKind::kGather;
  if (!gathers || given_to(call, peer, count).empty()) return missing;
  const uint64_t block = count / call.owners.size();
  for (uint64_t i = 0; i < call.owners.size(); ++i) {
    const bool brought = std::find(contributors.begin(), contributors.end(), call.owners[i]) !=
                         contributors.end();
    if (!brought) missing.push_back({i * block, (i + 1) * block});
  }
  return missing;
}

}  // namespace atoll_core::engine
