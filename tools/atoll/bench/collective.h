// The collectives that `atoll bench` measures, one row each: what to call, what must come out, and
// what the links carry. Another collective is another row.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <atoll/atoll.h>

namespace atoll_cli {

// What one peer brings and gets of the elements of a case.
struct BenchPart {
  uint32_t rank = 0;
  uint32_t world = 1;
  uint64_t count = 0;  // of the case; where peers have blocks, of all blocks together
  uint64_t block = 0;  // elements of one, or all
  uint64_t send_begin = 0, send_end = 0;
  uint64_t receive_begin = 0, receive_end = 0;
};

// One call of one peer.
struct BenchCall {
  atollComm_t comm = nullptr;
  uint64_t root = 0;   // peer id of rank 0
  uint64_t next = 0;   // of the rank after this one
  uint64_t previous = 0;
  const float* send = nullptr;
  float* receive = nullptr;
  uint64_t count = 0;  // as the call takes it
  std::vector<atollTensor_t> tensors;  // of a batch, in place of the three above
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
};

struct BenchCollective {
  const char* name;
  const char* summary;
  const char* operation;  // as the table shows it
  // kNone: neither sizes nor places, and one call in flight.
  enum class Data { kNone, kWhole, kBlocks } data;
  bool in_place;  // can be
  bool one_result;  // the same on all peers
  bool batches;     // can be of several tensors
  atollResult_t (*run)(const BenchCall& call, atollOpInfo_t* info);
  atollResult_t (*begin)(const BenchCall& call, atollRequest_t* request);  // null: cannot
  // Sets what the part sends and receives.
  void (*divide)(BenchPart& part);
  // Elements of a result, which begins at part.receive_begin, that are not what they must be, up to
  // float error.
  uint64_t (*count_wrong)(const float* result, const BenchPart& part, uint32_t salt);
  // How many contribute to a result.
  uint32_t (*contributors)(uint32_t world);
  // What every link must carry at least, per byte of the size: busbw = algbw * this.
  double (*bus_share)(uint32_t world);

  bool has_data() const { return data != Data::kNone; }
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
