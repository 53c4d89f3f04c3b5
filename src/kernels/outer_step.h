// The arithmetic of an outer optimization step on flat float32 buffers, with the same bits on every
// CPU and SIMD target: each multiplication and addition is rounded on its own (never fused), and a
// NaN that is written is the canonical quiet NaN. The caller holds a FloatEnvironment.
//
// Source: DiLoCo, arXiv 2311.08105, Algorithm 1, with the Nesterov momentum of PyTorch's SGD
// (dampening 0, weight decay 0, momentum buffer starting at zero).
#pragma once

#include <cstdint>

namespace atoll_core::kernels {

// destination = a - b, for example the pseudo-gradient: the outer parameters less the local ones.
// The destination may be exactly a or b, but may not overlap them otherwise.
void subtract(const float* a, const float* b, float* destination, uint64_t count);

// For every i < count, with delta the averaged pseudo-gradient:
//   momentum   = momentum_factor * momentum + delta
//   update     = nesterov ? delta + momentum_factor * momentum : momentum
//   parameters = parameters - learning_rate * update
// The three buffers do not overlap.
void nesterov_step(float* parameters, float* momentum, const float* delta, uint64_t count,
                   float learning_rate, float momentum_factor, bool nesterov);

}  // namespace atoll_core::kernels
