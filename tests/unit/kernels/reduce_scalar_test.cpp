// The oracle itself, against plain arithmetic in wider types.
#include "kernels/reduce_scalar.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/convert.h"
#include "kernels/reduce.h"
#include "unit/kernels/random_bits.h"
#include "unit/kernels/rounding.h"

namespace atoll_core::kernels {
namespace {

using testing::RandomBits;
using testing::round_to_bfloat16;
using testing::round_to_float16;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

template <class T>
T reduce_one(DataType type, ReduceOp op, T a, T b) {
  T result;
  scalar::reduce(type, op, &a, &b, &result, 1);
  return result;
}

template <class T>
T divide_one(DataType type, T value, double divisor) {
  scalar::divide(type, &value, 1, divisor);
  return value;
}

template <class T>
void expect_8_bit_integers(DataType type) {
  for (int a = std::numeric_limits<T>::min(); a <= std::numeric_limits<T>::max(); ++a) {
    for (int b = std::numeric_limits<T>::min(); b <= std::numeric_limits<T>::max(); ++b) {
      const T x = static_cast<T>(a);
      const T y = static_cast<T>(b);
      ASSERT_EQ(reduce_one<T>(type, ReduceOp::kSum, x, y), static_cast<T>(a + b));
      ASSERT_EQ(reduce_one<T>(type, ReduceOp::kProd, x, y), static_cast<T>(a * b));
      ASSERT_EQ(reduce_one<T>(type, ReduceOp::kMin, x, y), static_cast<T>(a < b ? a : b));
      ASSERT_EQ(reduce_one<T>(type, ReduceOp::kMax, x, y), static_cast<T>(a < b ? b : a));
      ASSERT_EQ(reduce_one<T>(type, ReduceOp::kBitAnd, x, y), static_cast<T>(a & b));
      ASSERT_EQ(reduce_one<T>(type, ReduceOp::kBitOr, x, y), static_cast<T>(a | b));
      ASSERT_EQ(reduce_one<T>(type, ReduceOp::kBitXor, x, y), static_cast<T>(a ^ b));
    }
  }
}

TEST(ReduceScalar, AllPairsOf8BitIntegers) {
  expect_8_bit_integers<int8_t>(DataType::kInt8);
  expect_8_bit_integers<uint8_t>(DataType::kUint8);
}

TEST(ReduceScalar, WideIntegersWrap) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  EXPECT_EQ(reduce_one<int64_t>(DataType::kInt64, ReduceOp::kSum, kMost, 1), kLeast);
  EXPECT_EQ(reduce_one<int64_t>(DataType::kInt64, ReduceOp::kProd, kLeast, -1), kLeast);
  EXPECT_EQ(reduce_one<int64_t>(DataType::kInt64, ReduceOp::kMin, -1, 1), -1);
  EXPECT_EQ(reduce_one<uint64_t>(DataType::kUint64, ReduceOp::kMax, ~uint64_t{0}, 1), ~uint64_t{0});
  EXPECT_EQ(reduce_one<uint64_t>(DataType::kUint64, ReduceOp::kProd, uint64_t{1} << 63, 3),
            uint64_t{1} << 63);
  EXPECT_EQ(reduce_one<uint16_t>(DataType::kUint16, ReduceOp::kProd, 0xFFFF, 0xFFFF), 1);
  EXPECT_EQ(reduce_one<int32_t>(DataType::kInt32, ReduceOp::kAvg, 7, -9), -2);
  EXPECT_EQ(reduce_one<uint32_t>(DataType::kUint32, ReduceOp::kSum, 0xFFFFFFFF, 2), 1u);
  EXPECT_EQ(reduce_one<int16_t>(DataType::kInt16, ReduceOp::kSum, 32767, 1), -32768);
}

TEST(ReduceScalar, BitsOfWideIntegers) {
  EXPECT_EQ(reduce_one<uint64_t>(DataType::kUint64, ReduceOp::kBitAnd, 0xF0F0'0000'0000'FFFF,
                                 0xFF00'0000'0001'0F0F), 0xF000'0000'0000'0F0F);
  EXPECT_EQ(reduce_one<uint32_t>(DataType::kUint32, ReduceOp::kBitOr, 0x8000'0001, 0x0000'00F0),
            0x8000'00F1);
  EXPECT_EQ(reduce_one<int64_t>(DataType::kInt64, ReduceOp::kBitXor, -1, 5), ~int64_t{5});
  EXPECT_EQ(reduce_one<int16_t>(DataType::kInt16, ReduceOp::kBitAnd, -2, 0x7FFF), 0x7FFE);
}

// Rounding the exact or double result once equals rounding through float32: 24 and 53 bits are
// more than twice the precision of the narrow formats, and 53 more than twice that of float32.
TEST(ReduceScalar, NarrowFloatsEqualArithmeticInDouble) {
  RandomBits halves(DataType::kFloat16, 21);
  RandomBits brains(DataType::kBfloat16, 22);
  for (int i = 0; i < 100000; ++i) {
    for (const ReduceOp op : {ReduceOp::kSum, ReduceOp::kProd}) {
      const auto exact = [op](double a, double b) { return op == ReduceOp::kSum ? a + b : a * b; };
      const auto half_a = static_cast<uint16_t>(halves.element());
      const auto half_b = static_cast<uint16_t>(halves.element());
      const double half = exact(float16_to_float(half_a), float16_to_float(half_b));
      ASSERT_EQ(reduce_one<uint16_t>(DataType::kFloat16, op, half_a, half_b),
                float_to_float16(static_cast<float>(round_to_float16(half))));
      const auto brain_a = static_cast<uint16_t>(brains.element());
      const auto brain_b = static_cast<uint16_t>(brains.element());
      const double brain = exact(bfloat16_to_float(brain_a), bfloat16_to_float(brain_b));
      if (std::abs(brain) < 0x1p-120) continue;  // float32 has subnormals there, and rounds twice
      ASSERT_EQ(reduce_one<uint16_t>(DataType::kBfloat16, op, brain_a, brain_b),
                float_to_bfloat16(static_cast<float>(round_to_bfloat16(brain))));
    }
  }
}

TEST(ReduceScalar, Float32EqualsArithmeticInDouble) {
  RandomBits random(DataType::kFloat32, 23);
  for (int i = 0; i < 100000; ++i) {
    const auto a = std::bit_cast<float>(static_cast<uint32_t>(random.element()));
    const auto b = std::bit_cast<float>(static_cast<uint32_t>(random.element()));
    const auto expect = [](float actual, double exact) {
      const auto bits = std::bit_cast<uint32_t>(actual);
      if (std::isnan(exact)) return bits == kFloat32Nan;
      return bits == std::bit_cast<uint32_t>(static_cast<float>(exact));
    };
    ASSERT_TRUE(expect(reduce_one<float>(DataType::kFloat32, ReduceOp::kSum, a, b), double{a} + b));
    ASSERT_TRUE(
        expect(reduce_one<float>(DataType::kFloat32, ReduceOp::kProd, a, b), double{a} * b));
    ASSERT_TRUE(expect(divide_one<float>(DataType::kFloat32, a, b), double{a} / b));
  }
}

TEST(ReduceScalar, Float64KnownValues) {
  const auto sum = [](double a, double b) {
    return reduce_one<double>(DataType::kFloat64, ReduceOp::kSum, a, b);
  };
  EXPECT_EQ(sum(0.1, 0.2), 0.30000000000000004);
  EXPECT_EQ(sum(1.0, 0x1p-53), 1.0);
  EXPECT_EQ(reduce_one<double>(DataType::kFloat64, ReduceOp::kProd, 0x1p-1000, 0x1p-74), 0x1p-1074);
  EXPECT_EQ(std::bit_cast<uint64_t>(sum(INFINITY, -INFINITY)), kFloat64Nan);
  EXPECT_EQ(std::bit_cast<uint64_t>(sum(-std::nan("7"), 1.0)), kFloat64Nan);
}

TEST(ReduceScalar, MinimumAndMaximumAreTotalAndPropagateNan) {
  const auto bits = [](ReduceOp op, float a, float b) {
    return std::bit_cast<uint32_t>(reduce_one<float>(DataType::kFloat32, op, a, b));
  };
  constexpr uint32_t kMinusZero = 0x80000000;
  for (const auto& [a, b] : {std::pair{0.0f, -0.0f}, std::pair{-0.0f, 0.0f}}) {
    EXPECT_EQ(bits(ReduceOp::kMin, a, b), kMinusZero);
    EXPECT_EQ(bits(ReduceOp::kMax, a, b), 0u);
  }
  const float quiet = -std::nanf("5");
  for (const ReduceOp op : {ReduceOp::kMin, ReduceOp::kMax}) {
    EXPECT_EQ(bits(op, quiet, 1.0f), kFloat32Nan);
    EXPECT_EQ(bits(op, -kInfinity, quiet), kFloat32Nan);
  }
  EXPECT_EQ(bits(ReduceOp::kMin, -kInfinity, 3.0f), std::bit_cast<uint32_t>(-kInfinity));
  EXPECT_EQ(bits(ReduceOp::kMax, -2.0f, -3.0f), std::bit_cast<uint32_t>(-2.0f));
  EXPECT_EQ(bits(ReduceOp::kMin, 0x1p-149f, 0.0f), 0u);
}

TEST(DivideScalar, IntegersTruncateTowardZero) {
  EXPECT_EQ(divide_one<int32_t>(DataType::kInt32, -7, 2), -3);
  EXPECT_EQ(divide_one<int32_t>(DataType::kInt32, 7, 2), 3);
  EXPECT_EQ(divide_one<int8_t>(DataType::kInt8, -128, 3), -42);
  EXPECT_EQ(divide_one<uint8_t>(DataType::kUint8, 255, 300), 0);
  EXPECT_EQ(divide_one<int64_t>(DataType::kInt64, std::numeric_limits<int64_t>::min(), 1),
            std::numeric_limits<int64_t>::min());
  EXPECT_EQ(divide_one<uint64_t>(DataType::kUint64, ~uint64_t{0}, 2), ~uint64_t{0} / 2);
  EXPECT_EQ(divide_one<int16_t>(DataType::kInt16, 100, 2.5), 33);
}

TEST(DivideScalar, IntegerDivisorIsRoundedAndBounded) {
  EXPECT_EQ(integer_divisor(3.0), 3u);
  EXPECT_EQ(integer_divisor(2.5), 3u);
  EXPECT_EQ(integer_divisor(2.4), 2u);
  EXPECT_EQ(integer_divisor(0.0), 1u);
  EXPECT_EQ(integer_divisor(-5.0), 1u);
  EXPECT_EQ(integer_divisor(std::nan("")), 1u);
  EXPECT_EQ(integer_divisor(1e300), uint64_t{INT64_MAX});
  EXPECT_EQ(integer_divisor(0x1p62), uint64_t{1} << 62);
}

TEST(DivideScalar, FloatsRoundOnce) {
  EXPECT_EQ(divide_one<double>(DataType::kFloat64, 1.0, 3.0), 1.0 / 3.0);
  EXPECT_EQ(divide_one<float>(DataType::kFloat32, 0x1p-149f, 2.0), 0.0f);
  EXPECT_EQ(divide_one<float>(DataType::kFloat32, 0x1.8p-148f, 2.0), 0x1p-148f);  // 1.5 units: even
  EXPECT_EQ(std::bit_cast<uint32_t>(divide_one<float>(DataType::kFloat32, 0.0f, 0.0)), kFloat32Nan);
  const uint16_t ten = float_to_float16(10.0f);
  EXPECT_EQ(divide_one<uint16_t>(DataType::kFloat16, ten, 3.0), float_to_float16(10.0f / 3.0f));
  const uint16_t brain = float_to_bfloat16(10.0f);
  EXPECT_EQ(divide_one<uint16_t>(DataType::kBfloat16, brain, 3.0), float_to_bfloat16(10.0f / 3.0f));
}

TEST(ScaleScalar, MultipliesAndRoundsAsAReductionDoes) {
  RandomBits random(DataType::kFloat32, 24);
  for (int i = 0; i < 10000; ++i) {
    const auto value = std::bit_cast<float>(static_cast<uint32_t>(random.element()));
    const float factor = static_cast<float>(1 + i) / 7.0f;
    float scaled = 0;
    scalar::scale(DataType::kFloat32, &value, &scaled, 1, factor);
    const float product = reduce_one<float>(DataType::kFloat32, ReduceOp::kProd, value, factor);
    ASSERT_EQ(std::bit_cast<uint32_t>(scaled), std::bit_cast<uint32_t>(product));
  }
}

TEST(ScaleScalar, ByZeroItIsTheIdentityOfAddition) {
  const double values[] = {3.0, -3.0, 0.0, INFINITY, -INFINITY, std::nan("1")};
  for (const double value : values) {
    double scaled = 1;
    scalar::scale(DataType::kFloat64, &value, &scaled, 1, 0.0);
    EXPECT_EQ(std::bit_cast<uint64_t>(scaled), 0x8000000000000000u);
    for (const double other : {-0.0, 0.0, -1.5, 0x1p-1074}) {
      const double sum = reduce_one<double>(DataType::kFloat64, ReduceOp::kSum, scaled, other);
      EXPECT_EQ(std::bit_cast<uint64_t>(sum), std::bit_cast<uint64_t>(other));
    }
  }
  const uint16_t nan = 0x7FFF;
  for (const DataType type : {DataType::kFloat16, DataType::kBfloat16}) {
    uint16_t scaled = 1;
    scalar::scale(type, &nan, &scaled, 1, 0.0);
    EXPECT_EQ(scaled, 0x8000);
  }
}

}  // namespace
}  // namespace atoll_core::kernels
