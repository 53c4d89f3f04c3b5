#include "tools/atoll/bench/collective.h"

#include "tools/atoll/bench/values.h"

namespace atoll_cli {
namespace {

// ---- calls -------------------------------------------------------------------------------------

uint32_t tensors_of(const BenchCall& call) { return static_cast<uint32_t>(call.tensors.size()); }

atollResult_t all_reduce(const BenchCall& call, atollOpInfo_t* info) {
  if (!call.tensors.empty()) {
    return atollAllReduceBatch(call.tensors.data(), tensors_of(call), atollFloat32, atollSum,
                               call.comm, &call.options, info);
  }
  return atollAllReduce(call.send, call.receive, call.count, atollFloat32, atollSum, call.comm,
                        &call.options, info);
}

atollResult_t begin_all_reduce(const BenchCall& call, atollRequest_t* request) {
  if (!call.tensors.empty()) {
    return atollAllReduceBatchAsync(call.tensors.data(), tensors_of(call), atollFloat32, atollSum,
                                    call.comm, &call.options, request);
  }
  return atollAllReduceAsync(call.send, call.receive, call.count, atollFloat32, atollSum,
                             call.comm, &call.options, request);
}

atollResult_t broadcast(const BenchCall& call, atollOpInfo_t* info) {
  return atollBroadcast(call.send, call.receive, call.count, atollFloat32, call.root, call.comm,
                        &call.options, info);
}

atollResult_t begin_broadcast(const BenchCall& call, atollRequest_t* request) {
  return atollBroadcastAsync(call.send, call.receive, call.count, atollFloat32, call.root,
                             call.comm, &call.options, request);
}

atollResult_t reduce_scatter(const BenchCall& call, atollOpInfo_t* info) {
  return atollReduceScatter(call.send, call.receive, call.count, atollFloat32, atollSum, call.comm,
                            &call.options, info);
}

atollResult_t begin_reduce_scatter(const BenchCall& call, atollRequest_t* request) {
  return atollReduceScatterAsync(call.send, call.receive, call.count, atollFloat32, atollSum,
                                 call.comm, &call.options, request);
}

atollResult_t all_gather(const BenchCall& call, atollOpInfo_t* info) {
  return atollAllGather(call.send, call.receive, call.count, atollFloat32, call.comm,
                        &call.options, info);
}

atollResult_t begin_all_gather(const BenchCall& call, atollRequest_t* request) {
  return atollAllGatherAsync(call.send, call.receive, call.count, atollFloat32, call.comm,
                             &call.options, request);
}

atollResult_t reduce(const BenchCall& call, atollOpInfo_t* info) {
  return atollReduce(call.send, call.receive, call.count, atollFloat32, atollSum, call.root,
                     call.comm, &call.options, info);
}

atollResult_t begin_reduce(const BenchCall& call, atollRequest_t* request) {
  return atollReduceAsync(call.send, call.receive, call.count, atollFloat32, atollSum, call.root,
                          call.comm, &call.options, request);
}

atollResult_t gather(const BenchCall& call, atollOpInfo_t* info) {
  return atollGather(call.send, call.receive, call.count, atollFloat32, call.root, call.comm,
                     &call.options, info);
}

atollResult_t begin_gather(const BenchCall& call, atollRequest_t* request) {
  return atollGatherAsync(call.send, call.receive, call.count, atollFloat32, call.root, call.comm,
                          &call.options, request);
}

atollResult_t scatter(const BenchCall& call, atollOpInfo_t* info) {
  return atollScatter(call.send, call.receive, call.count, atollFloat32, call.root, call.comm,
                      &call.options, info);
}

atollResult_t begin_scatter(const BenchCall& call, atollRequest_t* request) {
  return atollScatterAsync(call.send, call.receive, call.count, atollFloat32, call.root, call.comm,
                           &call.options, request);
}

atollResult_t all_to_all(const BenchCall& call, atollOpInfo_t* info) {
  return atollAllToAll(call.send, call.receive, call.count, atollFloat32, call.comm, &call.options,
                       info);
}

atollResult_t begin_all_to_all(const BenchCall& call, atollRequest_t* request) {
  return atollAllToAllAsync(call.send, call.receive, call.count, atollFloat32, call.comm,
                            &call.options, request);
}

// To the next rank, while the previous one's comes.
atollResult_t send_receive(const BenchCall& call, atollOpInfo_t* info) {
  atollRequest_t sent = nullptr;
  atollResult_t result = atollSendAsync(call.send, call.count, atollFloat32, call.next, call.comm,
                                        &call.options, &sent);
  if (result != atollSuccess) return result;
  result = atollRecv(call.receive, call.count, atollFloat32, call.previous, call.comm,
                     &call.options, info);
  if (result != atollSuccess) {  // its sentence is what is told
    atollCancel(sent);
    atollWait(sent, nullptr);
    return result;
  }
  return atollWait(sent, nullptr);
}

atollResult_t barrier(const BenchCall& call, atollOpInfo_t*) {
  return atollBarrier(call.comm, &call.options);
}

// ---- parts -------------------------------------------------------------------------------------

void send_own(BenchPart& part) {
  part.send_begin = part.rank * part.block;
  part.send_end = part.send_begin + part.block;
}
void receive_own(BenchPart& part) {
  part.receive_begin = part.rank * part.block;
  part.receive_end = part.receive_begin + part.block;
}
void send_all(BenchPart& part) { part.send_end = part.count; }
void receive_all(BenchPart& part) { part.receive_end = part.count; }
void whole(BenchPart& part) { send_all(part), receive_all(part); }

void divide_reduce_scatter(BenchPart& part) { send_all(part), receive_own(part); }
void divide_all_gather(BenchPart& part) { send_own(part), receive_all(part); }
void divide_reduce(BenchPart& part) {
  send_all(part);
  if (part.rank == 0) receive_all(part);
}
void divide_gather(BenchPart& part) {
  send_own(part);
  if (part.rank == 0) receive_all(part);
}
void divide_scatter(BenchPart& part) {
  if (part.rank == 0) send_all(part);
  receive_own(part);
}

// ---- results -----------------------------------------------------------------------------------

uint64_t count_not_sums(const float* result, const BenchPart& part, uint32_t salt) {
  uint64_t wrong = 0;
  for (uint64_t i = part.receive_begin; i < part.receive_end; ++i) {
    wrong += is_bench_sum(result[i - part.receive_begin], part.world, salt, i) ? 0 : 1;
  }
  return wrong;
}

template <class FromRank>
uint64_t count_not_from(const float* result, const BenchPart& part, uint32_t salt,
                        const FromRank& from) {
  uint64_t wrong = 0;
  for (uint64_t i = part.receive_begin; i < part.receive_end; ++i) {
    wrong += result[i - part.receive_begin] == bench_value(from(i), salt, i) ? 0 : 1;
  }
  return wrong;
}

uint64_t count_not_from_root(const float* result, const BenchPart& part, uint32_t salt) {
  return count_not_from(result, part, salt, [](uint64_t) { return 0u; });
}

uint64_t count_not_from_owners(const float* result, const BenchPart& part, uint32_t salt) {
  return count_not_from(result, part, salt,
                        [&](uint64_t i) { return static_cast<uint32_t>(i / part.block); });
}

// Block j is what rank j has for this one.
uint64_t count_not_for_this_one(const float* result, const BenchPart& part, uint32_t salt) {
  uint64_t wrong = 0;
  for (uint64_t i = 0; i < part.receive_end; ++i) {
    const auto from = static_cast<uint32_t>(i / part.block);
    const uint64_t sent_as = part.rank * part.block + i % part.block;
    wrong += result[i] == bench_value(from, salt, sent_as) ? 0 : 1;
  }
  return wrong;
}

uint64_t count_not_from_previous(const float* result, const BenchPart& part, uint32_t salt) {
  const uint32_t previous = (part.rank + part.world - 1) % part.world;
  return count_not_from(result, part, salt, [&](uint64_t) { return previous; });
}

uint32_t all_peers(uint32_t world) { return world; }
uint32_t two_peers(uint32_t) { return 2; }

// As nccl-tests has them.
double reduced_everywhere(uint32_t world) { return 2.0 * (world - 1) / world; }
double all_but_own(uint32_t world) { return static_cast<double>(world - 1) / world; }
double once(uint32_t) { return 1; }

constexpr BenchAlgorithm kAlgorithms[] = {{"auto", atollAlgorithmAuto},
                                          {"ring", atollAlgorithmRing},
                                          {"star", atollAlgorithmStar},
                                          {"mesh", atollAlgorithmMesh},
                                          {"direct", atollAlgorithmDirect}};
constexpr const char* kWires[] = {"fp32"};

std::string refuse(const char* what, const std::string& name, const std::string& known) {
  return "there is no " + std::string(what) + " '" + name + "'; there is: " + known;
}

}  // namespace

const std::vector<BenchCollective>& bench_collectives() {
  using Data = BenchCollective::Data;
  static const std::vector<BenchCollective> kAll = {
      {"all-reduce", "The sum over all peers, on all peers", "sum", Data::kWhole, true, true,
       true, all_reduce, begin_all_reduce, whole, count_not_sums, all_peers, reduced_everywhere},
      {"broadcast", "What the first peer has, on all peers", "none", Data::kWhole, true, true,
       false, broadcast, begin_broadcast, whole, count_not_from_root, all_peers, once},
      {"reduce-scatter", "Of the sum over all peers, to each its block", "sum", Data::kBlocks, true,
       false, false, reduce_scatter, begin_reduce_scatter, divide_reduce_scatter, count_not_sums,
       all_peers, all_but_own},
      {"all-gather", "The blocks of all peers, on all peers", "none", Data::kBlocks, true, true,
       false, all_gather, begin_all_gather, divide_all_gather, count_not_from_owners, all_peers,
       all_but_own},
      {"reduce", "The sum over all peers, on the first", "sum", Data::kWhole, true, false, false,
       reduce, begin_reduce, divide_reduce, count_not_sums, all_peers, once},
      {"gather", "The blocks of all peers, on the first", "none", Data::kBlocks, true, false,
       false, gather, begin_gather, divide_gather, count_not_from_owners, all_peers, all_but_own},
      {"scatter", "Of what the first peer has, to each its block", "none", Data::kBlocks, true,
       false, false, scatter, begin_scatter, divide_scatter, count_not_from_root, all_peers,
       all_but_own},
      {"all-to-all", "From each peer to each its block", "none", Data::kBlocks, false, false, false,
       all_to_all, begin_all_to_all, whole, count_not_for_this_one, all_peers, all_but_own},
      {"send-receive", "From each peer to the next, all at once", "none", Data::kWhole, false,
       false, false, send_receive, nullptr, whole, count_not_from_previous, two_peers, once},
      {"barrier", "All peers have come", "none", Data::kNone, false, true, false, barrier, nullptr,
       whole, nullptr, all_peers, once},
  };
  return kAll;
}

std::string find_bench_algorithm(const std::string& name, atollAlgorithm_t& algorithm) {
  std::string known;
  for (const BenchAlgorithm& one : kAlgorithms) {
    if (name == one.name) {
      algorithm = one.value;
      return "";
    }
    known += (known.empty() ? "" : ", ") + std::string(one.name);
  }
  return refuse("algorithm", name, known);
}

std::string check_bench_wire(const std::string& name) {
  std::string known;
  for (const char* one : kWires) {
    if (name == one) return "";
    known += (known.empty() ? "" : ", ") + std::string(one);
  }
  return refuse("wire format", name, known);
}

}  // namespace atoll_cli
