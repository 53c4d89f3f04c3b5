#include "kernels/outer_step_scalar.h"

#include <bit>
#include <cmath>

#include "kernels/convert.h"

namespace atoll_core::kernels::scalar {
namespace {

float canonical(float value) {
  return std::isnan(value) ? std::bit_cast<float>(kFloat32Nan) : value;
}

}  // namespace

void subtract(const float* a, const float* b, float* destination, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) destination[i] = canonical(a[i] - b[i]);
}

void nesterov_step(float* parameters, float* momentum, const float* delta, uint64_t count,
                   float learning_rate, float momentum_factor, bool nesterov) {
  for (uint64_t i = 0; i < count; ++i) {
    const float decayed = momentum_factor * momentum[i];
    momentum[i] = canonical(decayed + delta[i]);
    const float ahead = momentum_factor * momentum[i];
    const float update = nesterov ? delta[i] + ahead : momentum[i];
    const float change = learning_rate * update;
    parameters[i] = canonical(parameters[i] - change);
  }
}

}  // namespace atoll_core::kernels::scalar
