#include "kernels/outer_step.h"

#include <cstring>

#include "kernels/outer_step_scalar.h"
#include "kernels/target.h"
#include "base/vector_registers.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/outer_step.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
#include "kernels/lanes.inl"
#endif

HWY_BEFORE_NAMESPACE();
namespace atoll_core::kernels {
namespace HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128

void subtract_floats(const float* a, const float* b, float* destination, uint64_t count) {
  scalar::subtract(a, b, destination, count);
}

void step_floats(float* parameters, float* momentum, const float* delta, uint64_t count,
                 float learning_rate, float momentum_factor, bool nesterov) {
  scalar::nesterov_step(parameters, momentum, delta, count, learning_rate, momentum_factor,
                        nesterov);
}

#else

using Floats = hn::ScalableTag<float>;

HWY_INLINE void subtract_vector(const float* a, const float* b, float* destination) {
  const Floats d;
  const auto difference = hn::Sub(hn::LoadU(d, a), hn::LoadU(d, b));
  hn::StoreU(canonicalize(d, difference), d, destination);
}

void subtract_floats(const float* a, const float* b, float* destination, uint64_t count) {
  const size_t lanes = hn::Lanes(Floats());
  uint64_t i = 0;
  for (; i + lanes <= count; i += lanes) subtract_vector(a + i, b + i, destination + i);
  if (i == count) return;
  float rest_a[HWY_MAX_BYTES / sizeof(float)] = {};
  float rest_b[HWY_MAX_BYTES / sizeof(float)] = {};
  const size_t rest = static_cast<size_t>(count - i) * sizeof(float);
  std::memcpy(rest_a, a + i, rest);
  std::memcpy(rest_b, b + i, rest);
  subtract_vector(rest_a, rest_b, rest_a);
  std::memcpy(destination + i, rest_a, rest);
}

struct Step {
  float learning_rate;
  float momentum_factor;
  bool nesterov;

  // Mul and Add, never MulAdd: a target without fused multiply-add could not give the same bits.
  HWY_INLINE void operator()(float* parameters, float* momentum, const float* delta) const {
    const Floats d;
    const auto factor = hn::Set(d, momentum_factor);
    const auto gradient = hn::LoadU(d, delta);
    const auto decayed = hn::Mul(factor, hn::LoadU(d, momentum));
    const auto next = canonicalize(d, hn::Add(decayed, gradient));
    hn::StoreU(next, d, momentum);
    const auto update = nesterov ? hn::Add(gradient, hn::Mul(factor, next)) : next;
    const auto change = hn::Mul(hn::Set(d, learning_rate), update);
    hn::StoreU(canonicalize(d, hn::Sub(hn::LoadU(d, parameters), change)), d, parameters);
  }
};

void step_floats(float* parameters, float* momentum, const float* delta, uint64_t count,
                 float learning_rate, float momentum_factor, bool nesterov) {
  const Step step{learning_rate, momentum_factor, nesterov};
  const size_t lanes = hn::Lanes(Floats());
  uint64_t i = 0;
  for (; i + lanes <= count; i += lanes) step(parameters + i, momentum + i, delta + i);
  if (i == count) return;
  float rest_parameters[HWY_MAX_BYTES / sizeof(float)] = {};
  float rest_momentum[HWY_MAX_BYTES / sizeof(float)] = {};
  float rest_delta[HWY_MAX_BYTES / sizeof(float)] = {};
  const size_t rest = static_cast<size_t>(count - i) * sizeof(float);
  std::memcpy(rest_parameters, parameters + i, rest);
  std::memcpy(rest_momentum, momentum + i, rest);
  std::memcpy(rest_delta, delta + i, rest);
  step(rest_parameters, rest_momentum, rest_delta);
  std::memcpy(parameters + i, rest_parameters, rest);
  std::memcpy(momentum + i, rest_momentum, rest);
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace atoll_core::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace atoll_core::kernels {

HWY_EXPORT(subtract_floats);
HWY_EXPORT(step_floats);

void subtract(const float* a, const float* b, float* destination, uint64_t count) {
  choose_simd_target();
  HWY_DYNAMIC_DISPATCH(subtract_floats)(a, b, destination, count);
  leave_vector_registers_clean();
}

void nesterov_step(float* parameters, float* momentum, const float* delta, uint64_t count,
                   float learning_rate, float momentum_factor, bool nesterov) {
  choose_simd_target();
  HWY_DYNAMIC_DISPATCH(step_floats)
  (parameters, momentum, delta, count, learning_rate, momentum_factor, nesterov);
  leave_vector_registers_clean();
}

}  // namespace atoll_core::kernels

#endif
