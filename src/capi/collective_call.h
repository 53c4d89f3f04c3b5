// From the C arguments of a collective call to an engine call, and back.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "atoll/atoll.h"
#include "capi/comm.h"
#include "capi/request.h"
#include "peer/calls.h"

namespace atoll_core::capi {

// The arguments all collectives share, checked.
Result<peer::CallOptions> call_options(const atollOpOptions_t* options, const char* function);

// What the caller's thread does next; of options that call_options() has taken.
peer::Caller caller_of(const atollOpOptions_t* options, const CallSite& site);

struct TensorArguments {
  const atollTensor_t* tensors = nullptr;
  uint32_t tensor_count = 0;
  atollDataType_t type = atollFloat32;
  bool source_needed = true;  // false: this peer's sendbuff is not read
};

// Starts a checked call.
Started start_all_reduce(const TensorArguments& tensors,
                                                       atollRedOp_t op, atollComm_t comm,
                                                       const atollOpOptions_t* options,
                                                       const CallSite& site);
Started start_broadcast(const TensorArguments& tensors,
                                                      uint64_t root, atollComm_t comm,
                                                      const atollOpOptions_t* options,
                                                      const CallSite& site);
Started start_barrier(atollComm_t comm,
                                                    const atollOpOptions_t* options,
                                                    const CallSite& site);

// The list of counts of a call with uneven blocks.
struct UnevenCounts {
  bool given = false;
  const uint64_t* counts = nullptr;
  uint32_t peers = 0;  // how many there are
};

// Of what peers bring or get in parts; `peer` is the root, or the other end of a send.
struct PartArguments {
  const void* send = nullptr;
  void* receive = nullptr;
  uint64_t count = 0;  // of a block, where there are blocks
  atollDataType_t type = atollFloat32;
  atollRedOp_t op = atollSum;
  uint64_t peer = 0;
  UnevenCounts counts{};  // in the place of `count`
};
Started start_parts(peer::CollectiveKind kind,
                                                  const PartArguments& arguments, atollComm_t comm,
                                                  const atollOpOptions_t* options,
                                                  const CallSite& site);
// As start_parts, of a send; this peer's part is to receive.
// From whoever sends, if `from_any`.
Started start_receive(const PartArguments& arguments,
                                                    atollComm_t comm,
                                                    const atollOpOptions_t* options,
                                                    const CallSite& site, bool from_any = false);

// All-to-all; of `arguments` the count, or in its place what goes and what comes, by peer.
Started start_all_to_all(const PartArguments& arguments, const UnevenCounts& received,
                         atollComm_t comm, const atollOpOptions_t* options, const CallSite& site);

// Used by those above.
// Kind, type, operator and options.
Result<peer::CollectiveCall> checked_call(peer::CollectiveKind kind,
                                          const PartArguments& arguments,
                                          const atollOpOptions_t* options, const char* function);
// By the view of the last update; an error before the first one.
Result<std::vector<PeerId>> owners_of_blocks(const peer::View& view, PeerId self,
                                             peer::CallGroup group, const char* function);
// Elements of each of `blocks`. `name`: of the argument, if they are uneven.
Result<std::vector<uint64_t>> counts_of_blocks(uint64_t count, const UnevenCounts& uneven,
                                               size_t blocks, DataType type, const char* function,
                                               const char* name);
inline bool all_equal(const std::vector<uint64_t>& counts) {
  return std::equal(counts.begin() + 1, counts.end(), counts.begin());
}
Result<void> check_weight(const peer::CallOptions& options, const char* function, bool average,
                          DataType type);
// The communicator outlives it.
std::unique_ptr<atollRequest> collective_request(atollComm_t comm,
                                                 std::shared_ptr<peer::Session> session,
                                                 std::shared_ptr<peer::AwaitedCall> call,
                                                 TimePoint started);

}  // namespace atoll_core::capi
