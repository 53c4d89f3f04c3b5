// Scalar conversions between the 16-bit float formats, kept as their bits, and float32.
//
// To 16 bits: round to nearest, ties to even; subnormals are produced; what exceeds the largest
// finite value by half a unit or more becomes infinity. In both directions a NaN becomes the
// canonical quiet NaN of the target format, whatever its sign and payload were.
// Only integer operations are used, so the floating-point environment does not matter.
#pragma once

#include <bit>
#include <cstdint>

namespace atoll_core::kernels {

// Positive, quiet bit only.
inline constexpr uint16_t kFloat16Nan = 0x7E00;
inline constexpr uint16_t kBfloat16Nan = 0x7FC0;
inline constexpr uint32_t kFloat32Nan = 0x7FC00000;
inline constexpr uint64_t kFloat64Nan = 0x7FF8000000000000;

namespace detail {

// value / 2^shift, rounded to nearest, ties to even; 1 <= shift <= 31.
constexpr uint32_t shift_right_rounding(uint32_t value, uint32_t shift) {
  const uint32_t quotient = value >> shift;
  const uint32_t remainder = value & ((1u << shift) - 1);
  const uint32_t half = 1u << (shift - 1);
  const bool up = remainder > half || (remainder == half && (quotient & 1u) != 0);
  return quotient + (up ? 1u : 0u);
}

}  // namespace detail

constexpr float float16_to_float(uint16_t half) {
  const uint32_t sign = (half & 0x8000u) << 16;
  const uint32_t exponent = (half >> 10) & 0x1Fu;
  const uint32_t fraction = half & 0x3FFu;
  if (exponent == 0x1F) {
    return std::bit_cast<float>(fraction != 0 ? kFloat32Nan : sign | 0x7F800000u);
  }
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  if (fraction == 0) return std::bit_cast<float>(sign);
  const auto lead = static_cast<uint32_t>(std::countl_zero(fraction)) - 21;  // 1 to 10
  const uint32_t normalized = (fraction << lead) & 0x3FFu;
  return std::bit_cast<float>(sign | (113 - lead) << 23 | normalized << 13);
}

constexpr uint16_t float_to_float16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7FFFFFFFu;
  const uint32_t exponent = magnitude >> 23;
  if (magnitude > 0x7F800000u) return kFloat16Nan;
  if (exponent >= 143) return static_cast<uint16_t>(sign | 0x7C00u);  // 2^16 and more
  if (exponent < 102) return static_cast<uint16_t>(sign);             // less than 2^-25
  if (exponent < 113) {
    const uint32_t significand = (magnitude & 0x7FFFFFu) | 0x800000u;
    return static_cast<uint16_t>(sign | detail::shift_right_rounding(significand, 126 - exponent));
  }
  // A carry out of the fraction goes into the exponent, as it should, up to infinity.
  return static_cast<uint16_t>(sign | detail::shift_right_rounding(magnitude - (112u << 23), 13));
}

constexpr float bfloat16_to_float(uint16_t brain) {
  const bool is_nan = (brain & 0x7FFFu) > 0x7F80u;
  return std::bit_cast<float>(is_nan ? kFloat32Nan : static_cast<uint32_t>(brain) << 16);
}

constexpr uint16_t float_to_bfloat16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return kBfloat16Nan;
  return static_cast<uint16_t>(detail::shift_right_rounding(bits, 16));
}

}  // namespace atoll_core::kernels
