#include "kernels/float_environment.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

// Constructor and destructor live out of line: a call that the compiler cannot see through keeps
// it from moving loads, arithmetic and stores of the kernels across the switch.
namespace atoll_core::kernels {

#if defined(__x86_64__)

namespace {
constexpr uint32_t kAllTrapsMasked = 0x1F80;  // round to nearest, FTZ and DAZ off, no flags
}

FloatEnvironment::FloatEnvironment() : saved_(_mm_getcsr()) { _mm_setcsr(kAllTrapsMasked); }

FloatEnvironment::~FloatEnvironment() { _mm_setcsr(saved_); }

#elif defined(__aarch64__)

FloatEnvironment::FloatEnvironment() {
  asm volatile("mrs %0, fpcr" : "=r"(saved_));
  asm volatile("mrs %0, fpsr" : "=r"(saved_status_));
  asm volatile("msr fpcr, %0" : : "r"(uint64_t{0}) : "memory");
}

FloatEnvironment::~FloatEnvironment() {
  asm volatile("msr fpsr, %0" : : "r"(saved_status_) : "memory");
  asm volatile("msr fpcr, %0" : : "r"(saved_) : "memory");
}

#else

FloatEnvironment::FloatEnvironment() {
  std::feholdexcept(&saved_);
  std::fesetround(FE_TONEAREST);
}

FloatEnvironment::~FloatEnvironment() { std::fesetenv(&saved_); }

#endif

}  // namespace atoll_core::kernels
