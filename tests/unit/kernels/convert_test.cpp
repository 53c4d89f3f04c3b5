#include "kernels/convert.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>

#include <gtest/gtest.h>

#include "unit/kernels/rounding.h"

namespace atoll_core::kernels {
namespace {

using testing::round_to_bfloat16;
using testing::round_to_float16;

constexpr uint32_t kAllHalves = 0x10000;

bool is_float16_nan(uint32_t half) { return (half & 0x7FFF) > 0x7C00; }
bool is_bfloat16_nan(uint32_t brain) { return (brain & 0x7FFF) > 0x7F80; }

// Equal as numbers, with the sign of zero and any NaN equal to any other.
::testing::AssertionResult same_number(double actual, double expected) {
  if (std::isnan(actual) && std::isnan(expected)) return ::testing::AssertionSuccess();
  if (actual == expected && std::signbit(actual) == std::signbit(expected)) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure() << actual << " is not " << expected;
}

TEST(Float16, WidensEveryValueToWhatTheFormatDefines) {
  for (uint32_t half = 0; half < kAllHalves; ++half) {
    const float actual = float16_to_float(static_cast<uint16_t>(half));
    if (is_float16_nan(half)) {
      ASSERT_EQ(std::bit_cast<uint32_t>(actual), kFloat32Nan) << half;
      continue;
    }
    const auto exponent = static_cast<int>((half >> 10) & 31);
    const int fraction = static_cast<int>(half & 1023);
    double expected = exponent == 31  ? INFINITY
                      : exponent == 0 ? std::ldexp(fraction, -24)
                                      : std::ldexp(1024 + fraction, exponent - 25);
    if (half >= 0x8000) expected = -expected;
    ASSERT_TRUE(same_number(actual, expected)) << half;
  }
}

TEST(Float16, EveryValueSurvivesTheRoundTrip) {
  for (uint32_t half = 0; half < kAllHalves; ++half) {
    const float wide = float16_to_float(static_cast<uint16_t>(half));
    ASSERT_EQ(float_to_float16(wide), is_float16_nan(half) ? kFloat16Nan : half);
  }
}

TEST(Float16, RoundsAroundEveryMidpoint) {
  for (uint32_t half = 0; half < 0x7C00; ++half) {
    const float low = float16_to_float(static_cast<uint16_t>(half));
    const float high =
        half == 0x7BFF ? 65536.0f : float16_to_float(static_cast<uint16_t>(half + 1));
    const float middle = low + (high - low) / 2;
    for (const float sign : {1.0f, -1.0f}) {
      for (const float near : {std::nextafter(middle, low), middle, std::nextafter(middle, high)}) {
        const float value = sign * near;
        ASSERT_TRUE(same_number(float16_to_float(float_to_float16(value)), round_to_float16(value)))
            << value;
      }
    }
  }
}

TEST(Float16, RoundsRandomFloats) {
  std::mt19937_64 random(11);
  for (int i = 0; i < 200000; ++i) {
    // Half of the exponents where float16 has values, half anywhere.
    auto bits = static_cast<uint32_t>(random());
    if (i % 2 == 0) {
      bits = (bits & 0x807FFFFFu) | (95 + static_cast<uint32_t>(random() % 55)) << 23;
    }
    const auto value = std::bit_cast<float>(bits);
    const uint16_t half = float_to_float16(value);
    if (std::isnan(value)) {
      ASSERT_EQ(half, kFloat16Nan);
    }
    ASSERT_TRUE(same_number(float16_to_float(half), round_to_float16(value))) << value;
  }
}

TEST(Bfloat16, WidensAndSurvivesTheRoundTrip) {
  for (uint32_t brain = 0; brain < kAllHalves; ++brain) {
    const float wide = bfloat16_to_float(static_cast<uint16_t>(brain));
    const uint32_t expected = is_bfloat16_nan(brain) ? kFloat32Nan : brain << 16;
    ASSERT_EQ(std::bit_cast<uint32_t>(wide), expected);
    ASSERT_EQ(float_to_bfloat16(wide), is_bfloat16_nan(brain) ? kBfloat16Nan : brain);
  }
}

TEST(Bfloat16, RoundsRandomFloatsAndMidpoints) {
  std::mt19937_64 random(12);
  for (int i = 0; i < 200000; ++i) {
    auto bits = static_cast<uint32_t>(random());
    if (i % 2 == 0) bits = (bits & 0xFFFF0000u) | (0x7FFFu + static_cast<uint32_t>(random() % 3));
    const auto value = std::bit_cast<float>(bits);
    const uint16_t brain = float_to_bfloat16(value);
    if (std::isnan(value)) {
      ASSERT_EQ(brain, kBfloat16Nan);
    }
    ASSERT_TRUE(same_number(bfloat16_to_float(brain), round_to_bfloat16(value))) << value;
  }
}

}  // namespace
}  // namespace atoll_core::kernels
