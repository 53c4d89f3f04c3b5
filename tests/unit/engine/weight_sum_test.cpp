// Sums of weights: exact, and the same in any order.
#include "engine/weight_sum.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace atoll_core::engine {
namespace {

TEST(WeightSum, OneWeightIsItself) {
  for (const double weight : {0.0, 1.0, 0.5, 0.1, 1.0 / 3, 3.25, 1e9 + 0.1, 0x1p-12 * 1.1, 0x1p50,
                              0x1p-64, 1234567.891}) {
    EXPECT_EQ(WeightSum::of(weight).value(), weight);
  }
  EXPECT_EQ(WeightSum::of(0x1p-65).value(), 0.0);
  EXPECT_EQ(WeightSum::of(1.5 * 0x1p-64).value(), 0x1p-64);
  EXPECT_EQ(WeightSum::of_ones(4096).value(), 4096.0);
  EXPECT_EQ(WeightSum::of_ones(1), WeightSum::of(1.0));
}

TEST(WeightSum, DoesNotDependOnTheOrder) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<double> weights;
    long double wide = 0;
    for (int i = 0; i < 50; ++i) {
      const auto part = std::ldexp(static_cast<double>(random() >> 11), -53);
      weights.push_back(std::ldexp(part, static_cast<int>(random() % 60) - 12));
      wide += weights.back();
    }
    WeightSum first;
    for (const double weight : weights) first += WeightSum::of(weight);
    std::shuffle(weights.begin(), weights.end(), random);
    WeightSum second;
    for (const double weight : weights) second += WeightSum::of(weight);
    ASSERT_EQ(first, second);
    ASSERT_NEAR(first.value(), static_cast<double>(wide), std::ldexp(first.value(), -50));
  }
}

TEST(WeightSum, CarriesAndRoundsToEven) {
  WeightSum sum = WeightSum::of(0.75);
  sum += WeightSum::of(0.75);
  EXPECT_EQ(sum.value(), 1.5);
  // 2^53 + 1 lies half-way between two doubles; the least bit more decides.
  WeightSum tie = WeightSum::of_ones(uint64_t{1} << 53);
  tie += WeightSum::of(1.0);
  EXPECT_EQ(tie.value(), 0x1p53);
  tie += WeightSum::of(0x1p-64);
  EXPECT_EQ(tie.value(), 0x1p53 + 2);
  WeightSum odd = WeightSum::of_ones((uint64_t{1} << 53) + 3);
  EXPECT_EQ(odd.value(), 0x1p53 + 4);
}

}  // namespace
}  // namespace atoll_core::engine
