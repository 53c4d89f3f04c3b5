// Random element bytes that visit the corners of a type: NaNs of all kinds, infinities, subnormals
// and both zeros for floats, the extremes for integers, and numbers close to each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "base/bytes.h"
#include "base/element.h"

namespace atoll_core::kernels::testing {

inline const std::vector<DataType>& all_types() {
  static const std::vector<DataType> types = [] {
    std::vector<DataType> all;
    for (int i = 0; i < kDataTypeCount; ++i) all.push_back(static_cast<DataType>(i));
    return all;
  }();
  return types;
}

// Those that take elements of this type.
inline std::vector<ReduceOp> all_ops(DataType type) {
  std::vector<ReduceOp> ops;
  for (int i = 0; i < kReduceOpCount; ++i) {
    if (takes(static_cast<ReduceOp>(i), type)) ops.push_back(static_cast<ReduceOp>(i));
  }
  return ops;
}

// Width of the fraction field of a float type.
inline int fraction_bits(DataType type) {
  switch (type) {
    case DataType::kFloat16: return 10;
    case DataType::kBfloat16: return 7;
    case DataType::kFloat32: return 23;
    default: return 52;
  }
}

class RandomBits {
 public:
  RandomBits(DataType type, uint64_t seed)
      : type_(type), bits_(static_cast<int>(size_of(type)) * 8), random_(seed) {}

  // Little-endian bits of one element, in the low end.
  uint64_t element() {
    const uint64_t bits = random_() & mask(bits_);
    if (!is_float(type_)) return random_() % 4 == 0 ? integer_corner() : bits;
    switch (random_() % 4) {
      case 0: return float_corner();
      case 1: return near_one(bits);
      default: return bits;
    }
  }

  void fill(std::byte* destination, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t bits = element();
      std::memcpy(destination + i * size_of(type_), &bits, size_of(type_));
    }
  }

  ByteBuffer elements(uint64_t count) {
    ByteBuffer buffer(count * size_of(type_));
    fill(buffer.data(), count);
    return buffer;
  }

  uint64_t below(uint64_t limit) { return random_() % limit; }

 private:
  static uint64_t mask(int bits) { return bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1; }

  uint64_t integer_corner() {
    const uint64_t top = uint64_t{1} << (bits_ - 1);
    const uint64_t corners[] = {0, 1, mask(bits_), top, top - 1, top + 1, 2, 3};
    return corners[random_() % std::size(corners)];
  }

  uint64_t float_corner() {
    const int fraction = fraction_bits(type_);
    const uint64_t sign = (random_() % 2) << (bits_ - 1);
    const uint64_t infinity = mask(bits_ - 1) & ~mask(fraction);
    const uint64_t quiet = uint64_t{1} << (fraction - 1);
    const uint64_t corners[] = {
        0,                                             // zero
        1,                                             // smallest subnormal
        mask(fraction),                                // largest subnormal
        mask(fraction) + 1,                            // smallest normal
        infinity - 1,                                  // largest finite
        infinity,                                      //
        infinity | quiet,                              // canonical NaN, when positive
        infinity | quiet | (random_() & (quiet - 1)),  // quiet NaN with a payload
        infinity | 1 | (random_() & (quiet - 1)),      // signalling NaN
        random_() & mask(fraction),                    // subnormal
    };
    return sign | corners[random_() % std::size(corners)];
  }

  // Exponents so close that fractions overlap, cancel and tie.
  uint64_t near_one(uint64_t bits) {
    const int fraction = fraction_bits(type_);
    const uint64_t bias = mask(bits_ - 2 - fraction);
    const uint64_t exponent = bias - 2 + random_() % 5;
    const uint64_t sign = bits & (uint64_t{1} << (bits_ - 1));
    return sign | exponent << fraction | (bits & mask(fraction));
  }

  DataType type_;
  int bits_;
  std::mt19937_64 random_;
};

}  // namespace atoll_core::kernels::testing
