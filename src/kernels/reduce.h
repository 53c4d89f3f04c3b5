// Element-wise reductions that give the same bits on every CPU and SIMD target.
//
// The caller holds a FloatEnvironment for every call on a float type. No pointer needs alignment.
// Numbers are in the byte order of the CPU, which is little-endian on all that are supported.
//
// What is defined beyond IEEE 754, so that bits never depend on operand order or CPU:
//   - a NaN result of any reduction or division is the canonical quiet NaN (positive, quiet bit
//     only);
//   - minimum and maximum: NaN if either operand is NaN, and -0 < +0;
//   - float16 and bfloat16: every call computes in float32 and rounds to nearest even;
//   - integer sums and products wrap modulo 2^bits; bitwise operators are of integers only.
#pragma once

#include <cstdint>

#include "base/element.h"

namespace atoll_core::kernels {

// destination[i] = a[i] op b[i] for i < count; commutative bit for bit. The destination may be
// exactly a, exactly b or both, but may not overlap them otherwise. kAvg sums: divide() finishes
// it. The operator takes the type (base/element.h).
void reduce(DataType type, ReduceOp op, const void* a, const void* b, void* destination,
            uint64_t count);

// values[i] = values[i] / divisor: the last step of an average.
//   - float64 divides by the divisor, float32 by float(divisor); float16 and bfloat16 divide as
//     float32 and round once more;
//   - integers divide by integer_divisor(divisor) and truncate toward zero.
void divide(DataType type, void* values, uint64_t count, double divisor);

// destination[i] = source[i] * factor: how a weighted contribution enters a sum. Float types only.
//   - float64 multiplies by the factor, float32 by float(factor); float16 and bfloat16 multiply as
//     float32 and round once more;
//   - by zero everything, NaN included, becomes -0, which changes no number that it is added to.
// The destination may be exactly the source, but may not overlap it otherwise.
void scale(DataType type, const void* source, void* destination, uint64_t count, double factor);

// The divisor rounded to the nearest integer, halves away from zero, and brought into [1, 2^63-1];
// NaN counts as 1.
uint64_t integer_divisor(double divisor);

}  // namespace atoll_core::kernels
