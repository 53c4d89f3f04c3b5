// Synchronous DiLoCo (arXiv 2311.08105, Algorithm 1) on one flat fp32 vector; the communication is
// the caller's.
// A round:
//   begin_round(local)    pseudo-gradient = outer - local; the caller reduces it to its mean
//   finish_round(local)   outer step from the mean; local = outer
// or abandon_round() when the reduce failed, after which the round may be begun again.
//
// Invariants: outer parameters, momentum and round change only in finish_round and through the
// shared-state accessors, which are closed while a round is open. So a failed reduce leaves the
// shared state as it was. Two machines with the same state that finish a round from the same mean
// hold the same bits, whatever rounding mode or denormal flags their threads run with.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"

namespace atoll_core {

struct DilocoOptions {
  float learning_rate = 0.7f;
  float momentum = 0.9f;
  bool nesterov = true;
};

// The learning rate is finite and positive, the momentum in [0, 1).
Result<> validate(const DilocoOptions& options);

// The caller writes to output[0 … count) the mean over the replicas of their inputs.
struct ReduceRequest {
  const float* input = nullptr;
  float* output = nullptr;
  uint64_t count = 0;
};

class DilocoMachine {
 public:
  // Copies `parameters` as the outer parameters. Takes four times their memory; std::bad_alloc is
  // the caller's to catch.
  DilocoMachine(std::span<const float> parameters, const DilocoOptions& options);

  uint64_t count() const { return outer_.size(); }
  uint64_t round() const { return round_; }  // outer steps taken
  bool round_open() const { return round_open_; }

  // The request's memory is the machine's, and is good until the round is finished or abandoned.
  ReduceRequest begin_round(std::span<const float> local);

  // `local` becomes the new outer parameters. Returns the Euclidean norm of the mean.
  double finish_round(std::span<float> local);

  void abandon_round();

  // The shared state: what all replicas hold alike between rounds, its revision being round().
  std::span<float> shared_outer();
  std::span<float> shared_momentum();
  // After a sync wrote to the spans above.
  void adopt_round(uint64_t round);

  std::span<const float> outer() const { return outer_; }
  void copy_outer(std::span<float> local) const;

 private:
  void require(bool open, std::span<const float> local) const;

  DilocoOptions options_;
  std::vector<float> outer_;
  std::vector<float> momentum_;
  std::vector<float> pseudo_gradient_;
  std::vector<float> mean_;
  uint64_t round_ = 0;
  bool round_open_ = false;
};

}  // namespace atoll_core
