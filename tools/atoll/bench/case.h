// One row of the table, as one peer sees it: the same call many times, each from a common start.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "tools/atoll/bench/collective.h"
#include "tools/atoll/bench/cpu.h"
#include "tools/atoll/bench/options.h"
#include "tools/atoll/bench/start_line.h"

namespace atoll_cli {

// Where this peer stands in the run that is measured.
struct BenchSelf {
  atollComm_t comm = nullptr;
  uint32_t rank = 0;
  uint32_t world = 0;
  uint64_t root = 0;  // peer ids: of rank 0, and of those after and before this one
  uint64_t next = 0;
  uint64_t previous = 0;
};

struct BenchCaseFacts {
  std::vector<double> seconds;    // per iteration: from the common start to this peer's end
  std::vector<uint64_t> hashes;   // per iteration: of the results
  double cpu_seconds = 0;         // of this peer, all iterations
  uint64_t wrong = 0;             // elements, all iterations and warm-up
};

// Memory that is touched once, so that no page is first touched in a measured call.
class BenchBuffer {
 public:
  explicit BenchBuffer(uint64_t count) : values_(new float[count]()) {}
  float* data() { return values_.get(); }
  const float* data() const { return values_.get(); }

 private:
  std::unique_ptr<float[]> values_;
};

// How peers go through an iteration together.
struct BenchPace {
  std::function<double()> start;       // returns the time from which it counts
  std::function<void()> wait_for_all;  // until the call has returned on all
  std::function<void(unsigned)> progress;  // so many iterations are done
};

class BenchCase {
 public:
  BenchCase(const BenchOptions& options, const BenchSelf& self, uint64_t bytes, bool in_place);

  // Throws std::runtime_error with a sentence when a call fails.
  BenchCaseFacts run(const BenchPace& pace);

 private:
  const float* result(size_t slot) const { return outputs_[slot].data() + part_.receive_begin; }
  uint64_t result_count() const { return part_.receive_end - part_.receive_begin; }
  void prepare();
  void call();
  void call_together();
  void check(BenchCaseFacts& facts, bool timed);

  const BenchOptions& options_;
  const BenchSelf& self_;
  uint64_t count_;
  BenchPart part_;
  bool in_place_;
  BenchCpu cpu_;
  std::vector<BenchBuffer> inputs_;   // never written after the beginning
  std::vector<BenchBuffer> outputs_;  // in place: get the input before each call
  std::vector<BenchCall> calls_;
  uint64_t verified_hash_ = 0;  // of results whose every element was right
  bool verified_ = false;
};

// Throws std::runtime_error with the library's sentence.
void require_success(atollResult_t result, const char* what);

}  // namespace atoll_cli
