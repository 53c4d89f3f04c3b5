#include "engine/weight_sum.h"

#include <bit>
#include <cmath>

#include "base/assert.h"
#include "base/limits.h"

namespace atoll_core::engine {

WeightSum WeightSum::of(double weight) {
  ATOLL_ASSERT(weight >= 0 && weight <= limits::kWeight, "a weight of {}", weight);
  const double whole = std::floor(weight);
  return {static_cast<uint64_t>(whole), static_cast<uint64_t>((weight - whole) * 0x1p64)};
}

WeightSum& WeightSum::operator+=(const WeightSum& other) {
  fraction_ += other.fraction_;
  const uint64_t carry = fraction_ < other.fraction_ ? 1 : 0;
  whole_ += other.whole_ + carry;
  return *this;
}

double WeightSum::value() const {
  if (whole_ == 0) return static_cast<double>(fraction_) * 0x1p-64;
  const int shift = std::countl_zero(whole_);
  uint64_t top = whole_ << shift;
  uint64_t rest = fraction_;
  if (shift > 0) {
    top |= fraction_ >> (64 - shift);
    rest = fraction_ << shift;
  }
  // The last of the 64 bits is far below those that a double keeps: it may stand for all the rest.
  if (rest != 0) top |= 1;
  return std::ldexp(static_cast<double>(top), -shift);
}

}  // namespace atoll_core::engine
