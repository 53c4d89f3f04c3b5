// A collective call whose inputs and result follow from a plan, so that anybody can check anybody's
// result by value: what peer p brings at element i is a small number that depends on the plan, p
// and i, exact in every type.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "engine/call.h"
#include "simulate/random.h"

namespace atoll_core::simulate {

struct PlannedCall {
  wire::OpKind kind = wire::OpKind::kAllReduce;
  DataType type = DataType::kFloat32;
  ReduceOp reduce = ReduceOp::kSum;
  std::vector<uint64_t> counts{1000};  // one for each tensor
  bool in_place = false;
  PeerId root;      // the sender of a send
  PeerId receiver;  // of a send
  // Of what has blocks: whose they are; `counts` has one, of each block, or those of the first
  // ones, which are also those of the next ones. Of an all-to-all those between two owners, in
  // some order.
  std::vector<PeerId> owners;
  uint64_t salt = 1;
  bool weighted = false;  // if it is an average, peers have weights of their own
  engine::CallOptions options;
};

// What this peer brings, and gets, of a tensor; where there are blocks, these are the tensors.
bool brings(const PlannedCall& call, PeerId peer, size_t tensor);
bool gets(const PlannedCall& call, PeerId peer, size_t tensor);
bool has_blocks(const PlannedCall& call);
// The results of all are the same bits.
bool same_for_all(const PlannedCall& call);
uint64_t elements_of(const PlannedCall& call);
// Of the result, as `peer` counts them: of an all-to-all what comes to it, else all.
uint64_t result_elements(const PlannedCall& call, PeerId peer);
bool is_large(const PlannedCall& call);

// An all-reduce of any type, operator, size and placement; now and then a broadcast or a barrier.
PlannedCall random_call(Random& random, const std::vector<PeerId>& members, uint64_t count_max);

// The result of exactly these contributions, each once.
// `peer` gets.
ByteBuffer expected_result(const PlannedCall& call, PeerId peer,
                           const std::vector<engine::ContributedRange>& ranges);

// Never 0. Small enough for every type, and so spread over the elements that two sets of peers give
// the same result only where there are very few elements.
double contribution(const PlannedCall& call, PeerId peer, uint64_t element);

// 0, 1 or 2 in a weighted average, else 1.
double weight_of(const PlannedCall& call, PeerId peer);
double total_weight(const PlannedCall& call, const std::vector<PeerId>& contributors);

// The memory of one peer's part in a planned call, all of it of its own, so that a sanitizer sees
// every access that comes too late.
class CallMemory {
 public:
  CallMemory(const PlannedCall& call, PeerId self);

  // For Engine::collective; refers to this object's memory.
  engine::CollectiveCall arguments() const;

  // Empty, or what is wrong.
  std::string check_result(const std::vector<PeerId>& contributors) const;
  std::string check_result(const std::vector<engine::ContributedRange>& ranges) const;
  // The input is as it was.
  std::string check_intact() const;
  const PlannedCall& call() const { return call_; }
  // What this peer has got.
  ByteBuffer result() const;

 private:
  struct Tensor {
    ByteBuffer source;  // what the caller gave
    ByteBuffer sink;    // in place: both
    uint64_t count = 0;
    uint64_t first = 0;  // of what it brings
    bool brings = false;
    bool gets = false;
    bool in_place = false;
  };

  const PlannedCall call_;
  const PeerId self_;
  std::vector<std::unique_ptr<Tensor>> tensors_;
};

}  // namespace atoll_core::simulate
