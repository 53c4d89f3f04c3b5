// One round of a worker: the collective calls that all members make in this order, each result
// checked against what its contributors must have given.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <atoll/atoll.h>

#include "tools/atoll/stress/options.h"
#include "tools/atoll/stress/state.h"
#include "tools/atoll/stress/values.h"
#include "tools/atoll/stress/watchdog.h"

namespace atoll_cli {

// What the members of a view share, and what one round has led to so far.
struct RoundFacts {
  uint64_t self = 0;
  std::vector<uint64_t> members;
  uint64_t salt = 0;
  uint64_t results = 0;  // a hash of all results
  uint64_t retries = 0;  // attempts beyond the first
  std::vector<double> step_ms;  // of a soak: how long each step took
};

class StressRound {
 public:
  StressRound(atollComm_t comm, StressState& state, StressWatchdog& dog,
              const StressWorkerOptions& options);

  // atollSuccess when all calls have succeeded; otherwise the first result that is none. `corrupt`
  // is for tests of the checks.
  atollResult_t run(bool corrupt);
  // The same for a round of a soak: an update, a state sync, and so many steps of a large call and
  // small ones with tags that no step has had before.
  atollResult_t run_steps(uint32_t steps);
  const RoundFacts& facts() const { return facts_; }
  // What the last failed call has said.
  const std::string& sentence() const { return sentence_; }

 private:
  struct SmallCall {
    std::vector<int32_t> values;
    std::vector<uint64_t> contributors;
    CallKey key;
    atollOpInfo_t info = ATOLL_OP_INFO_INITIALIZER;
    atollRequest_t request = nullptr;
    atollResult_t result = atollSuccess;
  };

  atollResult_t update();
  atollResult_t sync();
  atollResult_t agree_on_salt();
  atollResult_t batch();
  atollResult_t large_in_place(uint64_t place, bool corrupt);
  atollResult_t large_out_of_place();
  atollResult_t small_ones(uint64_t first_place, uint64_t first_tag);
  atollResult_t broadcast();
  atollResult_t reduce_scatter();
  atollResult_t all_gather();
  atollResult_t all_to_all();
  uint64_t crossing_elements(uint64_t from, uint64_t to) const;
  atollResult_t pass_on();
  uint64_t block_elements() const;
  size_t own_rank() const;

  Milliseconds call_limit() const;
  atollOpOptions_t op_options(uint64_t tag = 0) const;
  atollOpInfo_t op_info();
  CallKey key(uint64_t place) const { return CallKey{facts_.salt, place}; }
  atollResult_t keep_sentence(atollResult_t result);
  std::vector<uint64_t> contributors_of(const char* call, const atollOpInfo_t& info);
  template <class T>
  void check_sum(const char* call, const std::vector<T>& values,
                 const std::vector<uint64_t>& contributors, const CallKey& key);
  template <class T>
  void check_intact(const char* call, const std::vector<T>& values, const CallKey& key);

  atollComm_t comm_;
  StressState& state_;
  StressWatchdog& dog_;
  const StressWorkerOptions& options_;
  RoundFacts facts_;
  std::string sentence_;
  uint64_t next_salt_ = 1;
  std::vector<uint64_t> contributor_ids_;
  std::vector<float> tensors_[3];
  std::vector<float> floats_;
  std::vector<int64_t> input_;
  std::vector<int64_t> output_;
  std::vector<SmallCall> small_;
};

}  // namespace atoll_cli
