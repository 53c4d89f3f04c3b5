// Sums of weights: exact, and the same in any order; and how they travel.
#include "engine/weight_sum.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "base/limits.h"
#include "engine/average_weights.h"

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
  EXPECT_TRUE(WeightSum().is_zero());
  EXPECT_FALSE(WeightSum::of(0x1p-64).is_zero());
}

TEST(WeightSum, TravelsAsSixteenBytesAndIsBounded) {
  WeightSum sum = WeightSum::of_ones(3);
  sum += WeightSum::of(0.1);
  const WeightSum::Bytes bytes = sum.encode();
  EXPECT_EQ(bytes[0], std::byte{3});
  const Result<WeightSum> decoded = WeightSum::decode(bytes);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(*decoded, sum);
  WeightSum::Bytes most{};
  most.fill(std::byte{0xFF});
  EXPECT_FALSE(WeightSum::decode(most).has_value());
  const auto all = static_cast<uint64_t>(limits::kWeight) * limits::kPeers;
  EXPECT_TRUE(WeightSum::decode(WeightSum::of_ones(all).encode()).has_value());
  EXPECT_FALSE(WeightSum::decode(WeightSum::of_ones(all + 1).encode()).has_value());
}

TEST(AverageWeights, OnlyAnAverageTakesThem) {
  wire::FrameHeader header;
  header.step = 1;
  const WeightSum::Bytes bytes = WeightSum::of(2.5).encode();
  AverageWeights average(true, DataType::kFloat32, 1.0);
  AverageWeights sum(false, DataType::kFloat32, 1.0);
  average.begin(4, 100);
  sum.begin(4, 100);
  EXPECT_EQ(sum.read(header, bytes), WeightSum::of_ones(2));
  header.weighted = true;
  EXPECT_EQ(average.read(header, bytes), WeightSum::of(2.5));
  EXPECT_FALSE(average.read(header, ByteSpan(bytes).first(15)).has_value());
  EXPECT_FALSE(sum.read(header, bytes).has_value());
}

TEST(AverageWeights, SayNothingWhereTheyAreTheNumberOfPeers) {
  AverageWeights weights(true, DataType::kFloat32, 0.5);
  weights.begin(4, 100);
  EXPECT_TRUE(weights.scales());
  EXPECT_EQ(weights.bytes_for(0, weights.own()).size(), WeightSum::kBytes);
  EXPECT_TRUE(weights.bytes_for(1, weights.with_own(WeightSum::of(1.5))).empty());
  EXPECT_TRUE(weights.bytes_for(3, WeightSum::of(7)).empty());  // the gather: all own something
  weights.begin(4, 3);
  EXPECT_EQ(weights.bytes_for(3, WeightSum::of(7)).size(), WeightSum::kBytes);
  weights.heard_total(WeightSum::of(7));
  EXPECT_EQ(weights.total(), 7.0);
}

}  // namespace
}  // namespace atoll_core::engine
