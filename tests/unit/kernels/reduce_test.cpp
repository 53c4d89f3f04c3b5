// Every type, operator, count and placement on every SIMD target, bit for bit against the oracle.
#include "kernels/reduce.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/float_environment.h"
#include "kernels/reduce_scalar.h"
#include "kernels/target.h"
#include "unit/kernels/random_bits.h"

namespace atoll_core::kernels {
namespace {

using testing::RandomBits;

constexpr size_t kPadding = 64;

std::vector<uint64_t> interesting_counts() {
  std::vector<uint64_t> counts;
  for (uint64_t count = 0; count <= 70; ++count) counts.push_back(count);
  counts.insert(counts.end(), {127, 1000, 4099});
  return counts;
}

// Elements that begin anywhere, between random bytes that nobody may change.
struct PaddedElements {
  PaddedElements(RandomBits& random, DataType type, uint64_t count)
      : offset(random.below(kPadding)), bytes(count * size_of(type)), buffer(bytes + 2 * kPadding) {
    for (std::byte& byte : buffer) byte = static_cast<std::byte>(random.below(256));
    random.fill(begin(), count);
  }
  std::byte* begin() { return buffer.data() + offset; }

  size_t offset;
  size_t bytes;
  ByteBuffer buffer;
};

class ReduceOnEveryTarget : public ::testing::TestWithParam<DataType> {
 protected:
  void TearDown() override { force_simd_target(""); }
  FloatEnvironment environment_;
};

TEST_P(ReduceOnEveryTarget, EqualsTheOracleWhereverTheOperandsLie) {
  const DataType type = GetParam();
  RandomBits random(type, 100 + static_cast<uint64_t>(type));
  for (const uint64_t count : interesting_counts()) {
    for (const ReduceOp op : testing::all_ops(type)) {
      PaddedElements a(random, type, count);
      PaddedElements b(random, type, count);
      PaddedElements destination(random, type, count);
      ByteBuffer expected = destination.buffer;
      scalar::reduce(type, op, a.begin(), b.begin(), expected.data() + destination.offset, count);
      for (const std::string& target : supported_simd_targets()) {
        ASSERT_TRUE(force_simd_target(target));
        PaddedElements actual = destination;
        reduce(type, op, a.begin(), b.begin(), actual.begin(), count);
        ASSERT_EQ(actual.buffer, expected) << target << ", " << to_string(op) << " of " << count;
      }
    }
  }
}

TEST_P(ReduceOnEveryTarget, EqualsTheOracleInPlace) {
  const DataType type = GetParam();
  RandomBits random(type, 200 + static_cast<uint64_t>(type));
  for (const uint64_t count : interesting_counts()) {
    for (const ReduceOp op : testing::all_ops(type)) {
      const PaddedElements a(random, type, count);
      const PaddedElements b(random, type, count);
      for (const std::string& target : supported_simd_targets()) {
        ASSERT_TRUE(force_simd_target(target));
        const auto expect = [&](PaddedElements expected, PaddedElements actual,
                                const std::byte* left, const std::byte* right, auto call) {
          scalar::reduce(type, op, left, right, expected.begin(), count);
          call(actual);
          ASSERT_EQ(actual.buffer, expected.buffer) << target << ", " << to_string(op);
        };
        PaddedElements left = a;
        PaddedElements right = b;
        expect(a, a, left.begin(), right.begin(), [&](PaddedElements& actual) {
          reduce(type, op, actual.begin(), right.begin(), actual.begin(), count);
        });
        expect(b, b, left.begin(), right.begin(), [&](PaddedElements& actual) {
          reduce(type, op, left.begin(), actual.begin(), actual.begin(), count);
        });
        expect(a, a, left.begin(), left.begin(), [&](PaddedElements& actual) {
          reduce(type, op, actual.begin(), actual.begin(), actual.begin(), count);
        });
      }
    }
  }
}

TEST_P(ReduceOnEveryTarget, DoesNotDependOnTheOrderOfOperands) {
  const DataType type = GetParam();
  constexpr uint64_t kCount = 4099;
  RandomBits random(type, 300 + static_cast<uint64_t>(type));
  const ByteBuffer a = random.elements(kCount);
  const ByteBuffer b = random.elements(kCount);
  for (const std::string& target : supported_simd_targets()) {
    ASSERT_TRUE(force_simd_target(target));
    for (const ReduceOp op : testing::all_ops(type)) {
      ByteBuffer forward(a.size());
      ByteBuffer backward(a.size());
      reduce(type, op, a.data(), b.data(), forward.data(), kCount);
      reduce(type, op, b.data(), a.data(), backward.data(), kCount);
      ASSERT_EQ(forward, backward) << target << ", " << to_string(op);
    }
  }
}

TEST_P(ReduceOnEveryTarget, DivisionEqualsTheOracle) {
  const DataType type = GetParam();
  RandomBits random(type, 400 + static_cast<uint64_t>(type));
  const double divisors[] = {1,   2,      3,        7,        10,      64,       1000, 1.5,
                             0.3, 1.0e10, 1.0e-310, 1.0e-320, 1.0e300, INFINITY, 0,    -3};
  for (const double divisor : divisors) {
    for (const uint64_t count : interesting_counts()) {
      const PaddedElements values(random, type, count);
      PaddedElements expected = values;
      scalar::divide(type, expected.begin(), count, divisor);
      for (const std::string& target : supported_simd_targets()) {
        ASSERT_TRUE(force_simd_target(target));
        PaddedElements actual = values;
        divide(type, actual.begin(), count, divisor);
        ASSERT_EQ(actual.buffer, expected.buffer) << target << ", " << count << " / " << divisor;
      }
    }
  }
}

TEST_P(ReduceOnEveryTarget, ScalingEqualsTheOracle) {
  const DataType type = GetParam();
  if (type < DataType::kFloat16) GTEST_SKIP() << "integers are not scaled";
  RandomBits random(type, 500 + static_cast<uint64_t>(type));
  for (const double factor : {0.0, 1.0, 2.0, 0.1, 1.0e10, 1.0e-30, 1.0e-300, 3.0e38}) {
    for (const uint64_t count : interesting_counts()) {
      PaddedElements source(random, type, count);
      const PaddedElements destination(random, type, count);
      PaddedElements expected = destination;
      scalar::scale(type, source.begin(), expected.begin(), count, factor);
      PaddedElements expected_in_place = source;
      scalar::scale(type, source.begin(), expected_in_place.begin(), count, factor);
      for (const std::string& target : supported_simd_targets()) {
        ASSERT_TRUE(force_simd_target(target));
        PaddedElements actual = destination;
        scale(type, source.begin(), actual.begin(), count, factor);
        ASSERT_EQ(actual.buffer, expected.buffer) << target << ", " << count << " * " << factor;
        PaddedElements in_place = source;
        scale(type, in_place.begin(), in_place.begin(), count, factor);
        ASSERT_EQ(in_place.buffer, expected_in_place.buffer) << target << ", in place";
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, ReduceOnEveryTarget, ::testing::ValuesIn(testing::all_types()),
                         [](const auto& type) { return std::string(to_string(type.param)); });

// All float16 and bfloat16 values pass through the vector conversions of each target.
TEST(ReduceExhaustively, SixteenBitFloatsTimesOneAreThemselves) {
  FloatEnvironment environment;
  constexpr uint64_t kCount = 0x10000;
  std::vector<uint16_t> values(kCount);
  for (uint64_t i = 0; i < kCount; ++i) values[i] = static_cast<uint16_t>(i);
  const auto expect = [&](DataType type, uint16_t one, uint16_t infinity, uint16_t nan) {
    const std::vector<uint16_t> ones(kCount, one);
    std::vector<uint16_t> expected = values;
    for (uint16_t& value : expected) value = (value & 0x7FFF) > infinity ? nan : value;
    for (const std::string& target : supported_simd_targets()) {
      ASSERT_TRUE(force_simd_target(target));
      std::vector<uint16_t> actual(kCount);
      reduce(type, ReduceOp::kProd, values.data(), ones.data(), actual.data(), kCount);
      EXPECT_EQ(actual, expected) << target;
    }
  };
  expect(DataType::kFloat16, 0x3C00, 0x7C00, 0x7E00);
  expect(DataType::kBfloat16, 0x3F80, 0x7F80, 0x7FC0);
  force_simd_target("");
}

}  // namespace
}  // namespace atoll_core::kernels
