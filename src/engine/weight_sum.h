// A sum of weights that is the same whatever the order of its terms: 64 bits before the binary
// point and 64 after it. Weights of 2^-12 and more are taken as they are, smaller ones cut to a
// multiple of 2^-64.
#pragma once

#include <cstdint>

namespace atoll_core::engine {

class WeightSum {
 public:
  WeightSum() = default;
  // From 0 to limits::kWeight.
  static WeightSum of(double weight);
  static WeightSum of_ones(uint64_t count) { return {count, 0}; }

  WeightSum& operator+=(const WeightSum& other);
  bool operator==(const WeightSum&) const = default;
  // Rounded to nearest even.
  double value() const;

 private:
  WeightSum(uint64_t whole, uint64_t fraction) : whole_(whole), fraction_(fraction) {}

  uint64_t whole_ = 0;
  uint64_t fraction_ = 0;
};

}  // namespace atoll_core::engine
