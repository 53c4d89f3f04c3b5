// The floating-point environment in which kernels give the same bits on every CPU: rounding to
// nearest even, subnormals neither flushed nor read as zero, no traps.
//
// Belongs to the thread that made it and must end on the same thread, before an outer one. The
// environment of before, sticky exception flags included, comes back at the end, so a caller who
// runs with FTZ or with traps on does not notice.
#pragma once

#include <cstdint>

#if !defined(__x86_64__) && !defined(__aarch64__)
#include <cfenv>
#endif

namespace atoll_core::kernels {

class FloatEnvironment {
 public:
  FloatEnvironment();
  ~FloatEnvironment();
  FloatEnvironment(const FloatEnvironment&) = delete;
  FloatEnvironment& operator=(const FloatEnvironment&) = delete;

 private:
#if defined(__x86_64__)
  uint32_t saved_;  // MXCSR
#elif defined(__aarch64__)
  uint64_t saved_;         // FPCR
  uint64_t saved_status_;  // FPSR
#else
  std::fenv_t saved_;
#endif
};

}  // namespace atoll_core::kernels
