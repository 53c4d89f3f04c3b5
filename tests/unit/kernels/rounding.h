// An independent definition of rounding to a binary float format, through arithmetic in double.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

namespace atoll_core::kernels::testing {

// The value of the format with `precision` significant bits, smallest normal exponent
// `exponent_min` and largest exponent `exponent_max` that is nearest to `value`, ties to even.
inline double round_to_format(double value, int precision, int exponent_min, int exponent_max) {
  if (value == 0.0 || std::isnan(value) || std::isinf(value)) return value;
  const int exponent = std::max(std::ilogb(value), exponent_min);
  const double quantum = std::ldexp(1.0, exponent - precision + 1);
  const double rounded = std::nearbyint(value / quantum) * quantum;
  const double too_large = std::ldexp(1.0, exponent_max + 1);
  if (std::abs(rounded) < too_large) return rounded;
  return std::copysign(std::numeric_limits<double>::infinity(), value);
}

inline double round_to_float16(double value) { return round_to_format(value, 11, -14, 15); }
inline double round_to_bfloat16(double value) { return round_to_format(value, 8, -126, 127); }

}  // namespace atoll_core::kernels::testing
