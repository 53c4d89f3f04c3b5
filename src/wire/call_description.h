// What a collective call is: its kind and its arguments.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/element.h"
#include "base/ids.h"
#include "wire/view.h"

namespace atoll_core::wire {

enum class OpKind : uint8_t {
  kAllReduce = 0,
  kBroadcast = 1,
  kBarrier = 2,
  kSync = 3,  // a state sync is a call like any other
  kReduceScatter = 4,
  kAllGather = 5,
  kReduce = 6,
  kGather = 7,
  kScatter = 8,
  kSend = 9,  // of one peer to one, on both
  kAllToAll = 10,
};
inline constexpr OpKind kLastOpKind = OpKind::kAllToAll;
std::string_view to_string(OpKind kind);  // "all-reduce"
// One participant has what the others get, or gets what they have: without it there is no result.
bool has_root(OpKind kind);
bool reduces(OpKind kind);
// Each participant has a block of the elements, whose sizes are the same on all of them.
bool has_blocks(OpKind kind);

// The arguments of a call that must be the same on all participants. Of an all-to-all each pair has
// counts of its own, which travel with its data.
struct CallDescription {
  OpKind kind = OpKind::kAllReduce;
  DataType type = DataType::kFloat32;
  ReduceOp reduce = ReduceOp::kSum;
  uint64_t count = 0;          // elements of all tensors together
  uint32_t tensors = 1;
  ContentDigest layout;        // of the counts of the tensors of a batch, and what callers say
  uint32_t algorithm = 0;
  uint32_t codec = 0;
  PeerId root;                 // where has_root(kind), and the sender of a send
  bool retry = true;
  bool keep = false;           // large all-reduces: segments that are complete everywhere stand
  // Elements of each block, which `layout` is of, too. Told only where the participants differ, in
  // what is about this call alone: there may be as many as peers.
  std::vector<uint64_t> counts;
  bool operator==(const CallDescription&) const = default;
};

// Folds a description to what every data frame carries. Never 0.
uint64_t fingerprint(const CallDescription& call);
// "count 5 here, 6 there; type float32 here, int8 there", empty when equal.
std::string describe_difference(const CallDescription& here, const CallDescription& there);
std::string to_string(const CallDescription& call);

}  // namespace atoll_core::wire
