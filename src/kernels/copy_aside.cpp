#include "kernels/copy_aside.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/vector_registers.h"
#include "kernels/target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/copy_aside.cpp"
#include "hwy/foreach_target.h"
#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace atoll_core::kernels {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Streaming stores need aligned places; whole lines are written at a time, so that each is
// combined into one transfer.
void stream(uint8_t* target, const uint8_t* source, size_t bytes) {
  constexpr size_t kLine = 64;
  const hn::ScalableTag<uint8_t> d;
  const size_t lanes = hn::Lanes(d);
  const size_t step = std::max(lanes, kLine);
  const size_t head = std::min(bytes, (step - reinterpret_cast<uintptr_t>(target) % step) % step);
  std::memcpy(target, source, head);
  size_t at = head;
  for (; at + step <= bytes; at += step) {
    for (size_t part = 0; part < step; part += lanes) {
      hn::Stream(hn::LoadU(d, source + at + part), d, target + at + part);
    }
  }
  std::memcpy(target + at, source + at, bytes - at);
  hwy::FlushStream();
}

}  // namespace HWY_NAMESPACE
}  // namespace atoll_core::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace atoll_core::kernels {

HWY_EXPORT(stream);

void copy_aside(void* target, const void* source, size_t bytes) {
  // Not worth the fence that ends it.
  constexpr size_t kWorthStreaming = 4096;
  if (bytes < kWorthStreaming) {
    if (bytes > 0) std::memcpy(target, source, bytes);
    return;
  }
  choose_simd_target();
  HWY_DYNAMIC_DISPATCH(stream)
  (static_cast<uint8_t*>(target), static_cast<const uint8_t*>(source), bytes);
  leave_vector_registers_clean();
}

}  // namespace atoll_core::kernels

#endif
