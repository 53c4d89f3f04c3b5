#include "base/vector_registers.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace atoll_core {

#if defined(__x86_64__)

namespace {

__attribute__((target("avx"))) void clear_upper_halves() { _mm256_zeroupper(); }

}  // namespace

void leave_vector_registers_clean() {
  static const bool has_avx = __builtin_cpu_supports("avx") != 0;
  if (has_avx) clear_upper_halves();
}

#else

void leave_vector_registers_clean() {}

#endif

}  // namespace atoll_core
