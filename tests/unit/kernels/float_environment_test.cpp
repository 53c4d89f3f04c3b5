#include "kernels/float_environment.h"

#include <cfenv>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/reduce.h"
#include "kernels/target.h"
#include "unit/kernels/random_bits.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace atoll_core::kernels {
namespace {

// What a careless host leaves behind: rounding upward, and on x86 FTZ and DAZ.
class CarelessHost {
 public:
  CarelessHost() {
    std::fegetenv(&saved_);
    std::fesetround(FE_UPWARD);
#if defined(__x86_64__)
    _mm_setcsr(_mm_getcsr() | 0x8040);
#endif
  }
  ~CarelessHost() { std::fesetenv(&saved_); }

 private:
  std::fenv_t saved_;
};

ByteBuffer reduce_everything(DataType type) {
  constexpr uint64_t kCount = 1031;
  testing::RandomBits random(type, 77);
  const ByteBuffer a = random.elements(kCount);
  const ByteBuffer b = random.elements(kCount);
  ByteBuffer all;
  for (const ReduceOp op : testing::all_ops(type)) {
    ByteBuffer result(a.size());
    reduce(type, op, a.data(), b.data(), result.data(), kCount);
    divide(type, result.data(), kCount / 2, 3.0);
    all.insert(all.end(), result.begin(), result.end());
  }
  return all;
}

TEST(FloatEnvironment, MakesResultsIndependentOfTheHost) {
  for (const std::string& target : supported_simd_targets()) {
    ASSERT_TRUE(force_simd_target(target));
    for (const DataType type : testing::all_types()) {
      const ByteBuffer expected = reduce_everything(type);
      const CarelessHost host;
      const FloatEnvironment environment;
      EXPECT_EQ(reduce_everything(type), expected) << target << ", " << to_string(type);
    }
  }
  force_simd_target("");
}

// Without this the test above would prove nothing.
TEST(FloatEnvironment, IsNeeded) {
  const ByteBuffer expected = reduce_everything(DataType::kFloat32);
  const CarelessHost host;
  EXPECT_NE(reduce_everything(DataType::kFloat32), expected);
}

TEST(FloatEnvironment, GivesBackWhatItFound) {
  const CarelessHost host;
  std::feclearexcept(FE_ALL_EXCEPT);
  std::feraiseexcept(FE_INEXACT);
  {
    const FloatEnvironment environment;
    EXPECT_EQ(std::fetestexcept(FE_DIVBYZERO), 0);
    const volatile float zero = 0.0f;
    [[maybe_unused]] const volatile float infinite = 1.0f / zero;
  }
  EXPECT_EQ(std::fegetround(), FE_UPWARD);
  EXPECT_EQ(std::fetestexcept(FE_ALL_EXCEPT), FE_INEXACT);
#if defined(__x86_64__)
  EXPECT_EQ(_mm_getcsr() & 0x8040, 0x8040u);
#endif
}

TEST(FloatEnvironment, Nests) {
  const CarelessHost host;
  const FloatEnvironment outer;
  const ByteBuffer expected = reduce_everything(DataType::kFloat64);
  {
    const FloatEnvironment inner;
    EXPECT_EQ(reduce_everything(DataType::kFloat64), expected);
  }
  EXPECT_EQ(reduce_everything(DataType::kFloat64), expected);
}

#if defined(__x86_64__)
TEST(FloatEnvironment, DoesNotTrapInAHostThatDoes) {
  const unsigned saved = _mm_getcsr();
  ByteBuffer result;
  _mm_setcsr(saved & ~0x1F80u);  // unmasks every exception
  {
    const FloatEnvironment environment;
    result = reduce_everything(DataType::kFloat32);
  }
  _mm_setcsr(saved);
  EXPECT_EQ(result, reduce_everything(DataType::kFloat32));
}
#endif

}  // namespace
}  // namespace atoll_core::kernels
