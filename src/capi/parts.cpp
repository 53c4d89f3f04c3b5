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

atollResult_t atollReduceScatterV(const void* sendbuff, void* recvbuff, const uint64_t* counts,
                                  uint32_t peers, atollDataType_t datatype, atollRedOp_t op,
                                  atollComm_t comm, const atollOpOptions_t* options,
                                  atollOpInfo_t* info) {
  return blocking(info, "atollReduceScatterV", [&]() -> Started {
    const capi::PartArguments part{sendbuff, recvbuff, 0, datatype, op, 0,
                                   {true, counts, peers}};
    return capi::start_parts(Kind::kReduceScatter, part, comm, options,
                             {"atollReduceScatterV", kWaits});
  });
}

atollResult_t atollReduceScatterVAsync(const void* sendbuff, void* recvbuff,
                                       const uint64_t* counts, uint32_t peers,
                                       atollDataType_t datatype, atollRedOp_t op,
                                       atollComm_t comm, const atollOpOptions_t* options,
                                       atollRequest_t* request) {
  return asynchronous(request, "atollReduceScatterVAsync", [&]() -> Started {
    const capi::PartArguments part{sendbuff, recvbuff, 0, datatype, op, 0,
                                   {true, counts, peers}};
    return capi::start_parts(Kind::kReduceScatter, part, comm, options,
                             {"atollReduceScatterVAsync"});
  });
}

atollResult_t atollAllGatherV(const void* sendbuff, void* recvbuff, const uint64_t* counts,
                              uint32_t peers, atollDataType_t datatype, atollComm_t comm,
                              const atollOpOptions_t* options, atollOpInfo_t* info) {
  return blocking(info, "atollAllGatherV", [&]() -> Started {
    const capi::PartArguments part{sendbuff, recvbuff, 0, datatype, atollSum, 0,
                                   {true, counts, peers}};
    return capi::start_parts(Kind::kAllGather, part, comm, options, {"atollAllGatherV", kWaits});
  });
}

atollResult_t atollAllGatherVAsync(const void* sendbuff, void* recvbuff, const uint64_t* counts,
                                   uint32_t peers, atollDataType_t datatype, atollComm_t comm,
                                   const atollOpOptions_t* options, atollRequest_t* request) {
  return asynchronous(request, "atollAllGatherVAsync", [&]() -> Started {
    const capi::PartArguments part{sendbuff, recvbuff, 0, datatype, atollSum, 0,
                                   {true, counts, peers}};
    return capi::start_parts(Kind::kAllGather, part, comm, options, {"atollAllGatherVAsync"});
  });
}

atollResult_t atollGatherV(const void* sendbuff, void* recvbuff, const uint64_t* counts,
                           uint32_t peers, atollDataType_t datatype, uint64_t root,
                           atollComm_t comm, const atollOpOptions_t* options,
                           atollOpInfo_t* info) {
  return blocking(info, "atollGatherV", [&]() -> Started {
    const capi::PartArguments part{sendbuff, recvbuff, 0, datatype, atollSum, root,
                                   {true, counts, peers}};
    return capi::start_parts(Kind::kGather, part, comm, options, {"atollGatherV", kWaits});
  });
}

atollResult_t atollGatherVAsync(const void* sendbuff, void* recvbuff, const uint64_t* counts,
                                uint32_t peers, atollDataType_t datatype, uint64_t root,
                                atollComm_t comm, const atollOpOptions_t* options,
                                atollRequest_t* request) {
  return asynchronous(request, "atollGatherVAsync", [&]() -> Started {
    const capi::PartArguments part{sendbuff, recvbuff, 0, datatype, atollSum, root,
                                   {true, counts, peers}};
    return capi::start_parts(Kind::kGather, part, comm, options, {"atollGatherVAsync"});
  });
}

atollResult_t atollScatterV(const void* sendbuff, void* recvbuff, const uint64_t* counts,
                            uint32_t peers, atollDataType_t datatype, uint64_t root,
                            atollComm_t comm, const atollOpOptions_t* options,
                            atollOpInfo_t* info) {
  return blocking(info, "atollScatterV", [&]() -> Started {
    const capi::PartArguments part{sendbuff, recvbuff, 0, datatype, atollSum, root,
                                   {true, counts, peers}};
    return capi::start_parts(Kind::kScatter, part, comm, options, {"atollScatterV", kWaits});
  });
}

atollResult_t atollScatterVAsync(const void* sendbuff, void* recvbuff, const uint64_t* counts,
                                 uint32_t peers, atollDataType_t datatype, uint64_t root,
                                 atollComm_t comm, const atollOpOptions_t* options,
                                 atollRequest_t* request) {
  return asynchronous(request, "atollScatterVAsync", [&]() -> Started {
    const capi::PartArguments part{sendbuff, recvbuff, 0, datatype, atollSum, root,
                                   {true, counts, peers}};
    return capi::start_parts(Kind::kScatter, part, comm, options, {"atollScatterVAsync"});
  });
}

atollResult_t atollAllToAll(const void* sendbuff, void* recvbuff, uint64_t count,
                            atollDataType_t datatype, atollComm_t comm,
                            const atollOpOptions_t* options, atollOpInfo_t* info) {
  return blocking(info, "atollAllToAll", [&]() -> Started {
    const capi::PartArguments part{sendbuff, recvbuff, count, datatype, atollSum, 0};
    return capi::start_all_to_all(part, {}, comm, options, {"atollAllToAll", kWaits});
  });
}

atollResult_t atollAllToAllAsync(const void* sendbuff, void* recvbuff, uint64_t count,
                                 atollDataType_t datatype, atollComm_t comm,
                                 const atollOpOptions_t* options, atollRequest_t* request) {
  return asynchronous(request, "atollAllToAllAsync", [&]() -> Started {
    const capi::PartArguments part{sendbuff, recvbuff, count, datatype, atollSum, 0};
    return capi::start_all_to_all(part, {}, comm, options, {"atollAllToAllAsync"});
  });
}

atollResult_t atollAllToAllV(const void* sendbuff, void* recvbuff, const uint64_t* send_counts,
                             const uint64_t* recv_counts, uint32_t peers,
                             atollDataType_t datatype, atollComm_t comm,
                             const atollOpOptions_t* options, atollOpInfo_t* info) {
  return blocking(info, "atollAllToAllV", [&]() -> Started {
    const capi::PartArguments part{sendbuff, recvbuff, 0, datatype, atollSum, 0,
                                   {true, send_counts, peers}};
    return capi::start_all_to_all(part, {true, recv_counts, peers}, comm, options,
                                  {"atollAllToAllV", kWaits});
  });
}

atollResult_t atollAllToAllVAsync(const void* sendbuff, void* recvbuff,
                                  const uint64_t* send_counts, const uint64_t* recv_counts,
                                  uint32_t peers, atollDataType_t datatype, atollComm_t comm,
                                  const atollOpOptions_t* options, atollRequest_t* request) {
  return asynchronous(request, "atollAllToAllVAsync", [&]() -> Started {
    const capi::PartArguments part{sendbuff, recvbuff, 0, datatype, atollSum, 0,
                                   {true, send_counts, peers}};
    return capi::start_all_to_all(part, {true, recv_counts, peers}, comm, options,
                                  {"atollAllToAllVAsync"});
  });
}

atollResult_t atollRecvAny(void* recvbuff, uint64_t count, atollDataType_t datatype,
                           atollComm_t comm, const atollOpOptions_t* options,
                           atollOpInfo_t* info) {
  return blocking(info, "atollRecvAny", [&]() -> Started {
    const capi::PartArguments part{nullptr, recvbuff, count, datatype, atollSum, 0};
    return capi::start_receive(part, comm, options, {"atollRecvAny", kWaits}, true);
  });
}

atollResult_t atollRecvAnyAsync(void* recvbuff, uint64_t count, atollDataType_t datatype,
                                atollComm_t comm, const atollOpOptions_t* options,
                                atollRequest_t* request) {
  return asynchronous(request, "atollRecvAnyAsync", [&]() -> Started {
    const capi::PartArguments part{nullptr, recvbuff, count, datatype, atollSum, 0};
    return capi::start_receive(part, comm, options, {"atollRecvAnyAsync"}, true);
  });
}
