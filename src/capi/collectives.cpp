#include "capi/collective_call.h"
#include "capi/guard.h"

namespace capi = atoll_core::capi;
using atoll_core::Result;

namespace {

constexpr auto kWaits = atoll_core::peer::Caller::kWaits;

using Started = Result<std::unique_ptr<atollRequest>>;

// A blocking call: start, then wait.
template <class Start>
atollResult_t blocking(atollOpInfo_t* info, Start&& start) {
  return capi::guard([&]() -> Result<void> {
    Started request = start();
    if (!request) return tl::unexpected(request.error());
    return capi::wait_request(**request, info);
  });
}

template <class Start>
atollResult_t asynchronous(atollRequest_t* out, const char* function, Start&& start) {
  return capi::guard([&]() -> Result<void> {
    ATOLL_TRY(capi::require(out, function, "request"));
    *out = nullptr;
    Started request = start();
    if (!request) return tl::unexpected(request.error());
    *out = request->release();
    return {};
  });
}

}  // namespace

atollResult_t atollAllReduce(const void* sendbuff, void* recvbuff, uint64_t count,
                             atollDataType_t datatype, atollRedOp_t op, atollComm_t comm,
                             const atollOpOptions_t* options, atollOpInfo_t* info) {
  return blocking(info, [&]() -> Started {
    const atollTensor_t tensor = {sendbuff, recvbuff, count};
    return capi::start_all_reduce({&tensor, 1, datatype}, op, comm, options,
                                  {"atollAllReduce", kWaits});
  });
}

atollResult_t atollAllReduceAsync(const void* sendbuff, void* recvbuff, uint64_t count,
                                  atollDataType_t datatype, atollRedOp_t op, atollComm_t comm,
                                  const atollOpOptions_t* options, atollRequest_t* request) {
  return asynchronous(request, "atollAllReduceAsync", [&]() -> Started {
    const atollTensor_t tensor = {sendbuff, recvbuff, count};
    return capi::start_all_reduce({&tensor, 1, datatype}, op, comm, options,
                                  {"atollAllReduceAsync"});
  });
}

atollResult_t atollAllReduceBatch(const atollTensor_t* tensors, uint32_t tensor_count,
                                  atollDataType_t datatype, atollRedOp_t op, atollComm_t comm,
                                  const atollOpOptions_t* options, atollOpInfo_t* info) {
  return blocking(info, [&]() -> Started {
    return capi::start_all_reduce({tensors, tensor_count, datatype}, op, comm, options,
                                  {"atollAllReduceBatch", kWaits});
  });
}

atollResult_t atollAllReduceBatchAsync(const atollTensor_t* tensors, uint32_t tensor_count,
                                       atollDataType_t datatype, atollRedOp_t op, atollComm_t comm,
                                       const atollOpOptions_t* options, atollRequest_t* request) {
  return asynchronous(request, "atollAllReduceBatchAsync", [&]() -> Started {
    return capi::start_all_reduce({tensors, tensor_count, datatype}, op, comm, options,
                                  {"atollAllReduceBatchAsync"});
  });
}

atollResult_t atollBroadcast(const void* sendbuff, void* recvbuff, uint64_t count,
                             atollDataType_t datatype, uint64_t root, atollComm_t comm,
                             const atollOpOptions_t* options, atollOpInfo_t* info) {
  return blocking(info, [&]() -> Started {
    const atollTensor_t tensor = {sendbuff, recvbuff, count};
    return capi::start_broadcast({&tensor, 1, datatype}, root, comm, options,
                                 {"atollBroadcast", kWaits});
  });
}

atollResult_t atollBroadcastAsync(const void* sendbuff, void* recvbuff, uint64_t count,
                                  atollDataType_t datatype, uint64_t root, atollComm_t comm,
                                  const atollOpOptions_t* options, atollRequest_t* request) {
  return asynchronous(request, "atollBroadcastAsync", [&]() -> Started {
    const atollTensor_t tensor = {sendbuff, recvbuff, count};
    return capi::start_broadcast({&tensor, 1, datatype}, root, comm, options,
                                 {"atollBroadcastAsync"});
  });
}

atollResult_t atollBarrier(atollComm_t comm, const atollOpOptions_t* options) {
  return blocking(nullptr, [&]() -> Started {
    return capi::start_barrier(comm, options, {"atollBarrier", kWaits});
  });
}

// ---- requests ----------------------------------------------------------------------------------

atollResult_t atollWait(atollRequest_t request, atollOpInfo_t* info) {
  return capi::guard([&]() -> Result<void> {
    ATOLL_TRY(capi::require(request, "atollWait", "request"));
    const std::unique_ptr<atollRequest> owned(request);
    return capi::wait_request(*owned, info);
  });
}

atollResult_t atollTest(atollRequest_t request, atollOpInfo_t* info) {
  if (request != nullptr && !request->call->ended()) return atollInProgress;
  return atollWait(request, info);
}

atollResult_t atollCancel(atollRequest_t request) {
  return capi::guard([&]() -> Result<void> {
    ATOLL_TRY(capi::require(request, "atollCancel", "request"));
    request->session->cancel(request->call->id());
    return {};
  });
}
