// Kernels must not leave the upper halves of x86 vector registers in use: SSE code that the thread
// runs afterwards, which is most of the host program, would be several times slower.
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/float_environment.h"
#include "kernels/hash.h"
#include "kernels/outer_step.h"
#include "kernels/reduce.h"
#include "kernels/target.h"
#include "unit/kernels/random_bits.h"

#if defined(__x86_64__)
#include <cpuid.h>

namespace atoll_core::kernels {
namespace {

constexpr uint32_t kUpperHalves = 1u << 2;

// XGETBV with ECX = 1 tells which parts of the register file are in use.
bool can_tell_use_of_registers() {
  uint32_t a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_OSXSAVE) == 0 || (c & bit_AVX) == 0) {
    return false;
  }
  return __get_cpuid_count(0xD, 1, &a, &b, &c, &d) != 0 && (a & (1u << 2)) != 0;
}

bool upper_halves_in_use() {
  uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(1));
  return (low & kUpperHalves) != 0;
}

// Assembler, because a compiler that knows of AVX in a function cleans up at its end by itself.
void clear_upper_halves() { asm volatile("vzeroupper"); }
void use_upper_halves() { asm volatile("vcmpps $15, %%ymm0, %%ymm0, %%ymm0" : : : "xmm0"); }

TEST(VectorRegisters, AreLeftClean) {
  if (!can_tell_use_of_registers()) GTEST_SKIP() << "this CPU does not tell what is in use";
  use_upper_halves();
  ASSERT_TRUE(upper_halves_in_use());

  testing::RandomBits random(DataType::kFloat32, 31);
  constexpr uint64_t kCount = 10001;
  std::vector<float> a(kCount), b(kCount), c(kCount);
  for (auto* buffer : {&a, &b, &c}) {
    random.fill(reinterpret_cast<std::byte*>(buffer->data()), kCount);
  }
  const ByteSpan bytes(reinterpret_cast<const std::byte*>(a.data()), kCount * sizeof(float));
  Hasher128 hasher;
  const std::function<void()> calls[] = {
      [&] { hash128(bytes); },
      [&] { hash64(bytes); },
      [&] { hasher.update(bytes); },
      [&] { hasher.finish(); },
      [&] { reduce(DataType::kFloat32, ReduceOp::kSum, a.data(), b.data(), c.data(), kCount); },
      [&] { reduce(DataType::kBfloat16, ReduceOp::kMax, a.data(), b.data(), c.data(), kCount); },
      [&] { divide(DataType::kFloat16, c.data(), kCount, 3.0); },
      [&] { subtract(a.data(), b.data(), c.data(), kCount); },
      [&] { nesterov_step(a.data(), b.data(), c.data(), kCount, 0.7f, 0.9f, true); },
  };
  const FloatEnvironment environment;
  for (const std::string& target : supported_simd_targets()) {
    ASSERT_TRUE(force_simd_target(target));
    for (size_t i = 0; i < std::size(calls); ++i) {
      clear_upper_halves();
      calls[i]();
      EXPECT_FALSE(upper_halves_in_use()) << target << ", call " << i;
    }
  }
  force_simd_target("");
}

}  // namespace
}  // namespace atoll_core::kernels
#endif
