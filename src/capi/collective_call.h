// From the C arguments of a collective call to an engine call, and back.
#pragma once

#include <cstdint>
#include <memory>

#include "atoll/atoll.h"
#include "capi/comm.h"
#include "capi/request.h"
#include "peer/calls.h"

namespace atoll_core::capi {

// The arguments all collectives share, checked.
Result<peer::CallOptions> call_options(const atollOpOptions_t* options, const char* function);

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

// Of what peers bring or get in parts; `peer` is the root, or the other end of a send.
struct PartArguments {
  const void* send = nullptr;
  void* receive = nullptr;
  uint64_t count = 0;  // of a block, where there are blocks
  atollDataType_t type = atollFloat32;
  atollRedOp_t op = atollSum;
  uint64_t peer = 0;
};
Started start_parts(peer::CollectiveKind kind,
                                                  const PartArguments& arguments, atollComm_t comm,
                                                  const atollOpOptions_t* options,
                                                  const CallSite& site);
// As start_parts, of a send; this peer's part is to receive.
Started start_receive(const PartArguments& arguments,
                                                    atollComm_t comm,
                                                    const atollOpOptions_t* options,
                                                    const CallSite& site);

// Used by those above.
Result<void> check_weight(const peer::CallOptions& options, const char* function, bool average,
                          DataType type);
// The communicator outlives it.
std::unique_ptr<atollRequest> collective_request(atollComm_t comm,
                                                 std::shared_ptr<peer::Session> session,
                                                 std::shared_ptr<peer::AwaitedCall> call,
                                                 TimePoint started);

}  // namespace atoll_core::capi
