#include "kernels/outer_step.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/convert.h"
#include "kernels/float_environment.h"
#include "kernels/outer_step_scalar.h"
#include "kernels/target.h"
#include "unit/kernels/random_bits.h"

namespace atoll_core::kernels {
namespace {

using Floats = std::vector<float>;

struct Hyperparameters {
  float learning_rate;
  float momentum_factor;
  bool nesterov;
};

constexpr Hyperparameters kHyperparameters[] = {
    {0.7f, 0.9f, true}, {0.7f, 0.9f, false}, {1.0f, 0.0f, true}, {3.3e-3f, 0.99f, true}};

Floats random_floats(uint64_t count, uint64_t seed) {
  testing::RandomBits random(DataType::kFloat32, seed);
  Floats floats(count);
  random.fill(reinterpret_cast<std::byte*>(floats.data()), count);
  return floats;
}

std::vector<uint32_t> bits_of(const Floats& floats) {
  std::vector<uint32_t> bits(floats.size());
  for (size_t i = 0; i < floats.size(); ++i) bits[i] = std::bit_cast<uint32_t>(floats[i]);
  return bits;
}

float canonical(float value) {
  return std::isnan(value) ? std::bit_cast<float>(kFloat32Nan) : value;
}

class OuterStep : public ::testing::Test {
 protected:
  void TearDown() override { force_simd_target(""); }
  FloatEnvironment environment_;
};

TEST_F(OuterStep, KnownValues) {
  float parameters[] = {1.0f, 1.0f};
  float momentum[] = {0.5f, -1.0f};
  const float delta[] = {0.25f, 2.0f};
  nesterov_step(parameters, momentum, delta, 2, 0.5f, 0.5f, true);
  EXPECT_EQ(momentum[0], 0.5f);
  EXPECT_EQ(parameters[0], 0.75f);  // 1 - 0.5 * (0.25 + 0.5 * 0.5)
  EXPECT_EQ(momentum[1], 1.5f);
  EXPECT_EQ(parameters[1], -0.375f);  // 1 - 0.5 * (2 + 0.5 * 1.5)
  nesterov_step(parameters, momentum, delta, 1, 0.5f, 0.5f, false);
  EXPECT_EQ(momentum[0], 0.5f);
  EXPECT_EQ(parameters[0], 0.5f);
}

// Every intermediate goes through memory, so that nothing can be fused.
TEST_F(OuterStep, OracleRoundsEveryOperation) {
  constexpr uint64_t kCount = 20000;
  const Floats delta = random_floats(kCount, 1);
  for (const Hyperparameters& h : kHyperparameters) {
    const Floats before_parameters = random_floats(kCount, 2);
    const Floats before_momentum = random_floats(kCount, 3);
    Floats parameters = before_parameters;
    Floats momentum = before_momentum;
    scalar::nesterov_step(parameters.data(), momentum.data(), delta.data(), kCount, h.learning_rate,
                          h.momentum_factor, h.nesterov);
    for (size_t i = 0; i < kCount; ++i) {
      const volatile float decayed = h.momentum_factor * before_momentum[i];
      const volatile float next = decayed + delta[i];
      const volatile float ahead = h.momentum_factor * next;
      const volatile float sum = delta[i] + ahead;
      const volatile float change = h.learning_rate * (h.nesterov ? sum : next);
      const volatile float moved = before_parameters[i] - change;
      ASSERT_EQ(std::bit_cast<uint32_t>(momentum[i]), std::bit_cast<uint32_t>(canonical(next)));
      ASSERT_EQ(std::bit_cast<uint32_t>(parameters[i]), std::bit_cast<uint32_t>(canonical(moved)));
    }
  }
}

TEST_F(OuterStep, EveryTargetEqualsTheOracle) {
  std::vector<uint64_t> counts = {127, 1000, 4099};
  for (uint64_t count = 0; count <= 70; ++count) counts.push_back(count);
  for (const uint64_t count : counts) {
    const Floats delta = random_floats(count, count + 1000);
    const Floats parameters = random_floats(count, count + 2000);
    const Floats momentum = random_floats(count, count + 3000);
    for (const Hyperparameters& h : kHyperparameters) {
      Floats expected_parameters = parameters;
      Floats expected_momentum = momentum;
      scalar::nesterov_step(expected_parameters.data(), expected_momentum.data(), delta.data(),
                            count, h.learning_rate, h.momentum_factor, h.nesterov);
      for (const std::string& target : supported_simd_targets()) {
        ASSERT_TRUE(force_simd_target(target));
        Floats actual_parameters = parameters;
        Floats actual_momentum = momentum;
        nesterov_step(actual_parameters.data(), actual_momentum.data(), delta.data(), count,
                      h.learning_rate, h.momentum_factor, h.nesterov);
        ASSERT_EQ(bits_of(actual_parameters), bits_of(expected_parameters)) << target;
        ASSERT_EQ(bits_of(actual_momentum), bits_of(expected_momentum)) << target;
      }
    }
  }
}

TEST_F(OuterStep, SubtractionEqualsTheOracleAlsoInPlace) {
  for (const uint64_t count : {0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 70, 1000, 4099}) {
    const Floats a = random_floats(count, count + 4000);
    const Floats b = random_floats(count, count + 5000);
    Floats expected(count);
    scalar::subtract(a.data(), b.data(), expected.data(), count);
    for (size_t i = 0; i < count; ++i) {
      ASSERT_EQ(std::bit_cast<uint32_t>(expected[i]),
                std::bit_cast<uint32_t>(canonical(a[i] - b[i])));
    }
    for (const std::string& target : supported_simd_targets()) {
      ASSERT_TRUE(force_simd_target(target));
      Floats actual(count);
      subtract(a.data(), b.data(), actual.data(), count);
      ASSERT_EQ(bits_of(actual), bits_of(expected)) << target;
      Floats left = a;
      subtract(left.data(), b.data(), left.data(), count);
      ASSERT_EQ(bits_of(left), bits_of(expected)) << target;
      Floats right = b;
      subtract(a.data(), right.data(), right.data(), count);
      ASSERT_EQ(bits_of(right), bits_of(expected)) << target;
    }
  }
}

}  // namespace
}  // namespace atoll_core::kernels
