#include "optim/diloco_machine.h"

#include <algorithm>
#include <bit>
#include <cfenv>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include "base/assert.h"
#include "kernels/hash.h"

namespace atoll_core {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<float> random_values(size_t count, uint32_t seed, float scale = 1.0f) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0.0f, scale);
  std::vector<float> values(count);
  for (float& value : values) value = normal(generator);
  return values;
}

std::vector<uint32_t> bits(std::span<const float> values) {
  std::vector<uint32_t> result;
  for (const float value : values) result.push_back(std::bit_cast<uint32_t>(value));
  return result;
}

kernels::Digest digest(std::span<const float> values) {
  return kernels::hash128(std::as_bytes(values));
}

// The rule as the paper has it, one element at a time; volatile keeps each operation apart.
struct Oracle {
  std::vector<float> outer;
  std::vector<float> momentum;
  DilocoOptions options;

  void step(const std::vector<float>& mean) {
    for (size_t i = 0; i < outer.size(); ++i) {
      volatile float decayed = options.momentum * momentum[i];
      momentum[i] = decayed + mean[i];
      volatile float ahead = options.momentum * momentum[i];
      volatile float direction = options.nesterov ? mean[i] + ahead : momentum[i];
      volatile float change = options.learning_rate * direction;
      outer[i] = outer[i] - change;
    }
  }
};

// One round whose reduce gives `mean`.
double run_round(DilocoMachine& machine, std::vector<float>& local,
                 const std::vector<float>& mean) {
  const ReduceRequest request = machine.begin_round(local);
  std::copy(mean.begin(), mean.end(), request.output);
  return machine.finish_round(local);
}

TEST(DilocoMachine, FirstTwoRoundsByHand) {
  DilocoMachine machine(std::vector<float>{1.0f, -2.0f}, {0.5f, 0.5f, true});
  std::vector<float> local{0.0f, -1.0f};

  ReduceRequest request = machine.begin_round(local);
  ASSERT_EQ(request.count, 2u);
  EXPECT_EQ(request.input[0], 1.0f);   // 1 - 0
  EXPECT_EQ(request.input[1], -1.0f);  // -2 - -1
  request.output[0] = 3.0f;
  request.output[1] = -4.0f;
  EXPECT_EQ(machine.finish_round(local), 5.0);
  // momentum = delta; outer -= 0.5 * (1 + 0.5) * delta
  EXPECT_THAT(local, ElementsAre(-1.25f, 1.0f));
  EXPECT_THAT(machine.shared_momentum(), ElementsAre(3.0f, -4.0f));
  EXPECT_EQ(machine.round(), 1u);

  local = {-2.25f, 3.0f};
  request = machine.begin_round(local);
  EXPECT_EQ(request.input[0], 1.0f);
  EXPECT_EQ(request.input[1], -2.0f);
  request.output[0] = 1.0f;
  request.output[1] = -2.0f;
  EXPECT_DOUBLE_EQ(machine.finish_round(local), std::sqrt(5.0));
  // momentum = 0.5 * {3, -4} + {1, -2}; outer -= 0.5 * (delta + 0.5 * momentum)
  EXPECT_THAT(machine.shared_momentum(), ElementsAre(2.5f, -4.0f));
  EXPECT_THAT(local, ElementsAre(-2.375f, 3.0f));
  EXPECT_THAT(machine.outer(), ElementsAre(-2.375f, 3.0f));
  EXPECT_EQ(machine.round(), 2u);
}

TEST(DilocoMachine, PlainMomentumByHand) {
  DilocoMachine machine(std::vector<float>{1.0f}, {0.5f, 0.5f, false});
  std::vector<float> local{1.0f};
  run_round(machine, local, {2.0f});
  EXPECT_THAT(local, ElementsAre(0.0f));  // 1 - 0.5 * 2
  run_round(machine, local, {2.0f});
  EXPECT_THAT(local, ElementsAre(-1.5f));  // 0 - 0.5 * (0.5 * 2 + 2)
}

TEST(DilocoMachine, MatchesTheOracleBitForBit) {
  for (const size_t count : {0u, 1u, 7u, 64u, 1003u}) {
    for (const bool nesterov : {true, false}) {
      const DilocoOptions options{0.7f, 0.9f, nesterov};
      const std::vector<float> initial = random_values(count, 1);
      DilocoMachine machine(initial, options);
      Oracle oracle{initial, std::vector<float>(count), options};
      for (uint32_t round = 0; round < 6; ++round) {
        std::vector<float> local = random_values(count, 100 + round);
        const std::vector<float> before(machine.outer().begin(), machine.outer().end());
        const ReduceRequest request = machine.begin_round(local);
        for (size_t i = 0; i < count; ++i) EXPECT_EQ(request.input[i], before[i] - local[i]);

        const std::vector<float> mean = random_values(count, 200 + round, 0.1f);
        std::copy(mean.begin(), mean.end(), request.output);
        double square = 0;
        for (const float value : mean) square += double{value} * double{value};
        EXPECT_NEAR(machine.finish_round(local), std::sqrt(square), 1e-9);

        oracle.step(mean);
        EXPECT_EQ(bits(local), bits(oracle.outer)) << count << " values, round " << round;
        EXPECT_EQ(bits(machine.shared_momentum()), bits(oracle.momentum));
      }
    }
  }
}

TEST(DilocoMachine, MachinesFedTheSameMeansHoldTheSameBits) {
  const std::vector<float> initial = random_values(5000, 7);
  DilocoMachine one(initial, {});
  DilocoMachine other(initial, {});
  for (uint32_t round = 0; round < 5; ++round) {
    std::vector<float> local_one = random_values(5000, 300 + round);
    std::vector<float> local_other = random_values(5000, 400 + round);
    const std::vector<float> mean = random_values(5000, 500 + round);
    EXPECT_EQ(run_round(one, local_one, mean), run_round(other, local_other, mean));
    EXPECT_EQ(digest(local_one), digest(local_other));
    EXPECT_EQ(digest(one.shared_momentum()), digest(other.shared_momentum()));
    EXPECT_NE(digest(one.outer()), digest(initial));
  }
}

TEST(DilocoMachine, ANewcomerThatCopiesTheSharedStateIsLevel) {
  const std::vector<float> initial = random_values(100, 8);
  DilocoMachine member(initial, {});
  std::vector<float> local(initial);
  run_round(member, local, random_values(100, 9));
  run_round(member, local, random_values(100, 10));

  DilocoMachine newcomer(random_values(100, 11), {});
  std::memcpy(newcomer.shared_outer().data(), member.shared_outer().data(), 400);
  std::memcpy(newcomer.shared_momentum().data(), member.shared_momentum().data(), 400);
  newcomer.adopt_round(member.round());

  std::vector<float> newcomer_local(100);
  newcomer.copy_outer(newcomer_local);
  EXPECT_EQ(bits(newcomer_local), bits(local));
  const std::vector<float> mean = random_values(100, 12);
  run_round(member, local, mean);
  run_round(newcomer, newcomer_local, mean);
  EXPECT_EQ(bits(newcomer_local), bits(local));
  EXPECT_EQ(newcomer.round(), 3u);
}

TEST(DilocoMachine, AbandonedRoundLeavesNoTrace) {
  const std::vector<float> initial = random_values(100, 13);
  DilocoMachine machine(initial, {});
  std::vector<float> local(initial);
  run_round(machine, local, random_values(100, 14));
  const std::vector<uint32_t> outer = bits(machine.shared_outer());
  const std::vector<uint32_t> momentum = bits(machine.shared_momentum());

  const std::vector<float> tried = random_values(100, 15);
  const ReduceRequest request = machine.begin_round(tried);
  const std::vector<uint32_t> delta = bits({request.input, 100});
  request.output[3] = 1e9f;
  machine.abandon_round();
  EXPECT_EQ(bits(machine.shared_outer()), outer);
  EXPECT_EQ(bits(machine.shared_momentum()), momentum);
  EXPECT_EQ(machine.round(), 1u);

  const ReduceRequest again = machine.begin_round(tried);
  EXPECT_EQ(bits({again.input, 100}), delta);
  machine.abandon_round();
}

// Three rounds on values of which products and differences are subnormal, so that flushing shows.
class TinyRounds {
 public:
  // All that the machine gave: pseudo-gradients, parameters, momentum, and the norms.
  std::pair<std::vector<uint32_t>, std::vector<double>> run() const {
    DilocoMachine machine(initial_, {});
    std::vector<float> local = local_;
    std::vector<float> trace;
    std::vector<double> norms;
    for (uint32_t round = 0; round < 3; ++round) {
      const ReduceRequest request = machine.begin_round(local);
      trace.insert(trace.end(), request.input, request.input + request.count);
      std::memcpy(request.output, request.input, request.count * sizeof(float));
      norms.push_back(machine.finish_round(local));
      trace.insert(trace.end(), local.begin(), local.end());
      const std::span<const float> momentum = machine.shared_momentum();
      trace.insert(trace.end(), momentum.begin(), momentum.end());
      local = local_;
    }
    return {bits(trace), norms};
  }

 private:
  static constexpr float kScale = 4 * std::numeric_limits<float>::min();
  std::vector<float> initial_ = random_values(333, 16, kScale);
  std::vector<float> local_ = random_values(333, 17, kScale);
};

TEST(DilocoMachine, SameBitsInAnyRoundingMode) {
  const TinyRounds rounds;
  const auto expected = rounds.run();
  for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    ASSERT_EQ(std::fesetround(mode), 0);
    const auto actual = rounds.run();
    EXPECT_EQ(std::fegetround(), mode);
    std::fesetround(FE_TONEAREST);
    EXPECT_EQ(actual.first, expected.first) << "rounding mode " << mode;
    EXPECT_EQ(actual.second, expected.second);
  }
}

#if defined(__SSE2__)
TEST(DilocoMachine, SameBitsWhenTheCallerFlushesSubnormals) {
  const TinyRounds rounds;
  const auto expected = rounds.run();
  const unsigned saved = _mm_getcsr();
  const unsigned flushing = saved | 0x8040u;  // flush to zero, denormals are zero
  _mm_setcsr(flushing);
  const auto actual = rounds.run();
  const unsigned after = _mm_getcsr();
  _mm_setcsr(saved);
  EXPECT_EQ(after & 0x8040u, 0x8040u) << "the caller's flags must come back";
  EXPECT_EQ(actual.first, expected.first);
  EXPECT_EQ(actual.second, expected.second);
}
#endif

TEST(DilocoMachine, MisuseIsABrokenInvariant) {
  DilocoMachine machine(random_values(4, 18), {});
  std::vector<float> local(4, 1.0f);
  std::vector<float> short_by_one(3, 1.0f);
  EXPECT_THROW(machine.finish_round(local), BrokenInvariant);
  EXPECT_THROW(machine.abandon_round(), BrokenInvariant);
  EXPECT_THROW(machine.begin_round(short_by_one), BrokenInvariant);
  EXPECT_THROW(machine.copy_outer(short_by_one), BrokenInvariant);
  machine.begin_round(local);
  EXPECT_TRUE(machine.round_open());
  EXPECT_THROW(machine.begin_round(local), BrokenInvariant);
  EXPECT_THROW(machine.shared_outer(), BrokenInvariant);
  EXPECT_THROW(machine.shared_momentum(), BrokenInvariant);
  EXPECT_THROW(machine.adopt_round(5), BrokenInvariant);
  EXPECT_THROW(machine.finish_round(short_by_one), BrokenInvariant);
  EXPECT_TRUE(machine.round_open());
}

TEST(DilocoOptions, Limits) {
  EXPECT_TRUE(validate({}));
  EXPECT_TRUE(validate({1e-6f, 0.0f, false}));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float rate : {0.0f, -0.7f, nan, infinity}) {
    const Result<> result = validate({rate, 0.9f, true});
    ASSERT_FALSE(result) << rate;
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(result.error().message, HasSubstr("outer learning rate"));
  }
  for (const float momentum : {1.0f, -0.1f, nan, infinity}) {
    const Result<> result = validate({0.7f, momentum, true});
    ASSERT_FALSE(result) << momentum;
    EXPECT_THAT(result.error().message, HasSubstr("outer momentum"));
  }
}

}  // namespace
}  // namespace atoll_core
