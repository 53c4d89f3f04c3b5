#include "engine/call_blocks.h"

#include <algorithm>
#include <numeric>

namespace atoll_core::engine {

using wire::OpKind;

std::vector<uint64_t> block_counts(const CollectiveCall& call, uint64_t count) {
  if (!wire::has_blocks(call.kind)) return {};
  const size_t blocks = call.owners.size();
  if (call.counts.empty()) return std::vector<uint64_t>(blocks, count / blocks);
  const uint64_t elements = std::accumulate(call.counts.begin(), call.counts.end(), uint64_t{0});
  const uint64_t units = elements == 0 ? 0 : count / elements;  // of an element
  std::vector<uint64_t> counts = call.counts;
  for (uint64_t& one : counts) one *= units;
  return counts;
}

ElementRange block_of(const CollectiveCall& call, PeerId peer, uint64_t count) {
  const auto found = std::find(call.owners.begin(), call.owners.end(), peer);
  if (!wire::has_blocks(call.kind) || found == call.owners.end()) return {0, 0};
  const std::vector<uint64_t> counts = block_counts(call, count);
  const auto own = counts.begin() + (found - call.owners.begin());
  const uint64_t begin = std::accumulate(counts.begin(), own, uint64_t{0});
  return {begin, begin + *own};
}

ElementRange received_from(const CollectiveCall& call, PeerId peer) {
  uint64_t begin = 0;
  for (size_t i = 0; i < call.owners.size(); begin += call.counts[i++]) {
    if (call.owners[i] == peer) return {begin, begin + call.counts[i]};
  }
  return {begin, begin};
}

ElementRange sent_to(const CollectiveCall& call, PeerId peer, PeerId self) {
  if (peer == self) return received_from(call, self);
  uint64_t begin = result_count(call, 0);
  for (size_t i = 0; i < call.owners.size(); ++i) {
    if (call.owners[i] == peer) return {begin, begin + call.counts_sent[i]};
    if (call.owners[i] != self) begin += call.counts_sent[i];
  }
  return {begin, begin};
}

uint64_t result_count(const CollectiveCall& call, uint64_t count) {
  if (call.kind != OpKind::kAllToAll) return count;
  return std::accumulate(call.counts.begin(), call.counts.end(), uint64_t{0});
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
    case OpKind::kAllToAll: return {result_count(call, count), count};
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
    case OpKind::kAllToAll: return {0, result_count(call, count)};
    case OpKind::kBarrier:
    case OpKind::kSync: break;
  }
  return {0, 0};
}

std::vector<ElementRange> missing_blocks(const CollectiveCall& call, PeerId peer,
                                         const std::vector<PeerId>& contributors, uint64_t count) {
  std::vector<ElementRange> missing;
  const bool from_all = call.kind == OpKind::kAllToAll;
  const bool gathers = call.kind == OpKind::kAllGather || call.kind == OpKind::kGather || from_all;
  if (!gathers || given_to(call, peer, count).empty()) return missing;
  const std::vector<uint64_t> counts = from_all ? call.counts : block_counts(call, count);
  uint64_t begin = 0;
  for (size_t i = 0; i < counts.size(); begin += counts[i++]) {
    const bool brought = std::find(contributors.begin(), contributors.end(), call.owners[i]) !=
                         contributors.end();
    if (!brought) missing.push_back({begin, begin + counts[i]});
  }
  return missing;
}

}  // namespace atoll_core::engine
