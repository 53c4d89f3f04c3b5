// The collectives that `atoll bench` measures, one row each: what to call, what must come out, and
// what the links carry. Another collective is another row.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <atoll/atoll.h>

namespace atoll_cli {

// One call of one peer. In place when the pointers are equal.
struct BenchCall {
  atollComm_t comm = nullptr;
  uint64_t root = 0;  // peer id of rank 0
  const float* send = nullptr;
  float* receive = nullptr;
  uint64_t count = 0;
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
};

struct BenchCollective {
  const char* name;
  const char* summary;
  const char* operation;  // as the table shows it
  bool has_data;          // otherwise neither sizes nor places, and one call in flight
  atollResult_t (*run)(const BenchCall& call, atollOpInfo_t* info);
  atollResult_t (*begin)(const BenchCall& call, atollRequest_t* request);  // null: cannot
  // Elements of a result that are not what they must be, up to float error.
  uint64_t (*count_wrong)(const float* result, uint64_t count, uint32_t world, uint32_t salt);
  // What every link must carry at least, per byte of the size: busbw = algbw * this.
  double (*bus_share)(uint32_t world);
};

const std::vector<BenchCollective>& bench_collectives();

// What a call may ask for by name, in the columns of the table.
struct BenchAlgorithm {
  const char* name;
  atollAlgorithm_t value;
};
// Empty, or a sentence that says what there is.
std::string find_bench_algorithm(const std::string& name, atollAlgorithm_t& algorithm);
std::string check_bench_wire(const std::string& name);

}  // namespace atoll_cli
