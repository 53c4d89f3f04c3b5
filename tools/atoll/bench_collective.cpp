#include "bench_collective.h"

#include "bench_values.h"

namespace atoll_cli {
namespace {

atollResult_t all_reduce(const BenchCall& call, atollOpInfo_t* info) {
  return atollAllReduce(call.send, call.receive, call.count, atollFloat32, atollSum, call.comm,
                        &call.options, info);
}

atollResult_t begin_all_reduce(const BenchCall& call, atollRequest_t* request) {
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

atollResult_t barrier(const BenchCall& call, atollOpInfo_t*) {
  return atollBarrier(call.comm, &call.options);
}

uint64_t count_not_from_root(const float* result, uint64_t count, uint32_t, uint32_t salt) {
  uint64_t wrong = 0;
  for (uint64_t i = 0; i < count; ++i) wrong += result[i] == bench_value(0, salt, i) ? 0 : 1;
  return wrong;
}

// As nccl-tests has them.
double reduced_everywhere(uint32_t world) { return 2.0 * (world - 1) / world; }
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
  static const std::vector<BenchCollective> kAll = {
      {"all-reduce", "The sum over all peers, on all peers", "sum", true, all_reduce,
       begin_all_reduce, count_wrong_sums, reduced_everywhere},
      {"broadcast", "What the first peer has, on all peers", "none", true, broadcast,
       begin_broadcast, count_not_from_root, once},
      {"barrier", "All peers have come", "none", false, barrier, nullptr, nullptr, once},
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
