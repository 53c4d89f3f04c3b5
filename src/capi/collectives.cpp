#include "capi/collective_call.h"
#include "capi/guard.h"

namespace capi = atoll_core::capi;
using capi::Started;
using capi::asynchronous;
using capi::blocking;
using Kind = atoll_core::peer::CollectiveKind;

namespace {

constexpr auto kWaits = atoll_core::peer::Caller::kWaits;

}  // namespace

atollResult_t atollAllReduce(const void* sendbuff, void* recvbuff, uint64_t count,
                             atollDataType_t datatype, atollRedOp_t op, atollComm_t comm,
                             const atollOpOptions_t* options, atollOpInfo_t* info) {
  return blocking(info, "atollAllReduce", [&]() -> Started {
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
  return blocking(info, "atollAllReduceBatch", [&]() -> Started {
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
  return blocking(info, "atollBroadcast", [&]() -> Started {
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

atollResult_t atollReduceScatter(const void* sendbuff, void* recvbuff, uint64_t count,
                                 atollDataType_t datatype, atollRedOp_t op, atollComm_t comm,
                                 const atollOpOptions_t* options, atollOpInfo_t* info) {
  return blocking(info, "atollReduceScatter", [&]() -> Started {
    const capi::PartArguments part{sendbuff, recvbuff, count, datatype, op, 0};
    return capi::start_parts(Kind::kReduceScatter, part, comm, options,
                             {"atollReduceScatter", kWaits});
  });
}

atollResult_t atollReduceScatterAsync(const void* sendbuff, void* recvbuff, uint64_t count,
                                      atollDataType_t datatype, atollRedOp_t op, atollComm_t comm,
                                      const atollOpOptions_t* options, atollRequest_t* request) {
  return asynchronous(request, "atollReduceScatterAsync", [&]() -> Started {
    const capi::PartArguments part{sendbuff, recvbuff, count, datatype, op, 0};
    return capi::start_parts(Kind::kReduceScatter, part, comm, options,
                             {"atollReduceScatterAsync"});
  });
}

atollResult_t atollAllGather(const void* sendbuff, void* recvbuff, uint64_t count,
                             atollDataType_t datatype, atollComm_t comm,
                             const atollOpOptions_t* options, atollOpInfo_t* info) {
  return blocking(info, "atollAllGather", [&]() -> Started {
    const capi::PartArguments part{sendbuff, recvbuff, count, datatype, atollSum, 0};
    return capi::start_parts(Kind::kAllGather, part, comm, options, {"atollAllGather", kWaits});
  });
}

atollResult_t atollAllGatherAsync(const void* sendbuff, void* recvbuff, uint64_t count,
                                  atollDataType_t datatype, atollComm_t comm,
                                  const atollOpOptions_t* options, atollRequest_t* request) {
  return asynchronous(request, "atollAllGatherAsync", [&]() -> Started {
    const capi::PartArguments part{sendbuff, recvbuff, count, datatype, atollSum, 0};
    return capi::start_parts(Kind::kAllGather, part, comm, options, {"atollAllGatherAsync"});
  });
}

atollResult_t atollReduce(const void* sendbuff, void* recvbuff, uint64_t count,
                          atollDataType_t datatype, atollRedOp_t op, uint64_t root,
                          atollComm_t comm, const atollOpOptions_t* options, atollOpInfo_t* info) {
  return blocking(info, "atollReduce", [&]() -> Started {
    const capi::PartArguments part{sendbuff, recvbuff, count, datatype, op, root};
    return capi::start_parts(Kind::kReduce, part, comm, options, {"atollReduce", kWaits});
  });
}

atollResult_t atollReduceAsync(const void* sendbuff, void* recvbuff, uint64_t count,
                               atollDataType_t datatype, atollRedOp_t op, uint64_t root,
                               atollComm_t comm, const atollOpOptions_t* options,
                               atollRequest_t* request) {
  return asynchronous(request, "atollReduceAsync", [&]() -> Started {
    const capi::PartArguments part{sendbuff, recvbuff, count, datatype, op, root};
    return capi::start_parts(Kind::kReduce, part, comm, options, {"atollReduceAsync"});
  });
}

atollResult_t atollGather(const void* sendbuff, void* recvbuff, uint64_t count,
                          atollDataType_t datatype, uint64_t root, atollComm_t comm,
                          const atollOpOptions_t* options, atollOpInfo_t* info) {
  return blocking(info, "atollGather", [&]() -> Started {
    const capi::PartArguments part{sendbuff, recvbuff, count, datatype, atollSum, root};
    return capi::start_parts(Kind::kGather, part, comm, options, {"atollGather", kWaits});
  });
}

atollResult_t atollGatherAsync(const void* sendbuff, void* recvbuff, uint64_t count,
                               atollDataType_t datatype, uint64_t root, atollComm_t comm,
                               const atollOpOptions_t* options, atollRequest_t* request) {
  return asynchronous(request, "atollGatherAsync", [&]() -> Started {
    const capi::PartArguments part{sendbuff, recvbuff, count, datatype, atollSum, root};
    return capi::start_parts(Kind::kGather, part, comm, options, {"atollGatherAsync"});
  });
}

atollResult_t atollScatter(const void* sendbuff, void* recvbuff, uint64_t count,
                           atollDataType_t datatype, uint64_t root, atollComm_t comm,
                           const atollOpOptions_t* options, atollOpInfo_t* info) {
  return blocking(info, "atollScatter", [&]() -> Started {
    const capi::PartArguments part{sendbuff, recvbuff, count, datatype, atollSum, root};
    return capi::start_parts(Kind::kScatter, part, comm, options, {"atollScatter", kWaits});
  });
}

atollResult_t atollScatterAsync(const void* sendbuff, void* recvbuff, uint64_t count,
                                atollDataType_t datatype, uint64_t root, atollComm_t comm,
                                const atollOpOptions_t* options, atollRequest_t* request) {
  return asynchronous(request, "atollScatterAsync", [&]() -> Started {
    const capi::PartArguments part{sendbuff, recvbuff, count, datatype, atollSum, root};
    return capi::start_parts(Kind::kScatter, part, comm, options, {"atollScatterAsync"});
  });
}

atollResult_t atollSend(const void* sendbuff, uint64_t count, atollDataType_t datatype,
                        uint64_t peer, atollComm_t comm, const atollOpOptions_t* options,
                        atollOpInfo_t* info) {
  return blocking(info, "atollSend", [&]() -> Started {
    const capi::PartArguments part{sendbuff, nullptr, count, datatype, atollSum, peer};
    return capi::start_parts(Kind::kSend, part, comm, options, {"atollSend", kWaits});
  });
}

atollResult_t atollSendAsync(const void* sendbuff, uint64_t count, atollDataType_t datatype,
                             uint64_t peer, atollComm_t comm, const atollOpOptions_t* options,
                             atollRequest_t* request) {
  return asynchronous(request, "atollSendAsync", [&]() -> Started {
    const capi::PartArguments part{sendbuff, nullptr, count, datatype, atollSum, peer};
    return capi::start_parts(Kind::kSend, part, comm, options, {"atollSendAsync"});
  });
}

atollResult_t atollRecv(void* recvbuff, uint64_t count, atollDataType_t datatype, uint64_t peer,
                        atollComm_t comm, const atollOpOptions_t* options, atollOpInfo_t* info) {
  return blocking(info, "atollRecv", [&]() -> Started {
    const capi::PartArguments part{nullptr, recvbuff, count, datatype, atollSum, peer};
    return capi::start_receive(part, comm, options, {"atollRecv", kWaits});
  });
}

atollResult_t atollRecvAsync(void* recvbuff, uint64_t count, atollDataType_t datatype,
                             uint64_t peer, atollComm_t comm, const atollOpOptions_t* options,
                             atollRequest_t* request) {
  return asynchronous(request, "atollRecvAsync", [&]() -> Started {
    const capi::PartArguments part{nullptr, recvbuff, count, datatype, atollSum, peer};
    return capi::start_receive(part, comm, options, {"atollRecvAsync"});
  });
}

atollResult_t atollBarrier(atollComm_t comm, const atollOpOptions_t* options) {
  return blocking(nullptr, "atollBarrier", [&]() -> Started {
    return capi::start_barrier(comm, options, {"atollBarrier", kWaits});
  });
}

atollResult_t atollBarrierAsync(atollComm_t comm, const atollOpOptions_t* options,
                                atollRequest_t* request) {
  return asynchronous(request, "atollBarrierAsync", [&]() -> Started {
    return capi::start_barrier(comm, options, {"atollBarrierAsync"});
  });
}
