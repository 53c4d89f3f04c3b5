// What kernels/reduce.h defines, one element after the other: the oracle that every SIMD target is
// compared with, and the fallback where there is none. Same contracts.
#pragma once

#include <cstdint>

#include "base/element.h"

namespace atoll_core::kernels::scalar {

void reduce(DataType type, ReduceOp op, const void* a, const void* b, void* destination,
            uint64_t count);

void divide(DataType type, void* values, uint64_t count, double divisor);

void scale(DataType type, const void* source, void* destination, uint64_t count, double factor);

}  // namespace atoll_core::kernels::scalar
