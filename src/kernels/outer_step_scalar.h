// What kernels/outer_step.h defines, one element after the other: the oracle that every SIMD target
// is compared with, and the fallback where there is none. Same contracts.
#pragma once

#include <cstdint>

namespace atoll_core::kernels::scalar {

void subtract(const float* a, const float* b, float* destination, uint64_t count);

void nesterov_step(float* parameters, float* momentum, const float* delta, uint64_t count,
                   float learning_rate, float momentum_factor, bool nesterov);

}  // namespace atoll_core::kernels::scalar
