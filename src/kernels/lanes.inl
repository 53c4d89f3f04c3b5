// How element bytes become vector lanes and back. Highway compiles this once for each target, so
// the guard flips instead of saying "once". Not for the plain targets, SCALAR and EMU128.
//
// A format has: D, the tag of the lanes that are computed on; kBytes, the size of one element in
// memory; load and store of one whole vector from and to unaligned memory.
#if defined(ATOLL_KERNELS_LANES_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef ATOLL_KERNELS_LANES_INL
#undef ATOLL_KERNELS_LANES_INL
#else
#define ATOLL_KERNELS_LANES_INL
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "hwy/highway.h"
#include "kernels/convert.h"

// Whether the CPU itself converts float16, subnormals and ties included.
#undef ATOLL_NATIVE_FLOAT16
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL || \
    HWY_ARCH_ARM_A64
#define ATOLL_NATIVE_FLOAT16 1
#else
#define ATOLL_NATIVE_FLOAT16 0
#endif

HWY_BEFORE_NAMESPACE();
namespace atoll_core::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Bytes are what is loaded, for only they may lie anywhere.
template <class D>
HWY_INLINE hn::Vec<D> load_lanes(D d, const uint8_t* source) {
  const hn::Repartition<uint8_t, D> bytes;
  return hn::BitCast(d, hn::LoadU(bytes, source));
}

template <class D>
HWY_INLINE void store_lanes(D d, hn::Vec<D> lanes, uint8_t* destination) {
  const hn::Repartition<uint8_t, D> bytes;
  hn::StoreU(hn::BitCast(bytes, lanes), bytes, destination);
}

template <class D>
HWY_INLINE hn::Vec<D> canonical_nan(D d) {
  using T = hn::TFromD<D>;
  const hn::RebindToUnsigned<D> bits;
  if constexpr (sizeof(T) == 4) return hn::BitCast(d, hn::Set(bits, kFloat32Nan));
  if constexpr (sizeof(T) == 8) return hn::BitCast(d, hn::Set(bits, kFloat64Nan));
}

template <class D>
HWY_INLINE hn::Vec<D> canonicalize(D d, hn::Vec<D> lanes) {
  return hn::IfThenElse(hn::IsNaN(lanes), canonical_nan(d), lanes);
}

template <class T>
struct NativeFormat {
  using D = hn::ScalableTag<T>;
  static constexpr size_t kBytes = sizeof(T);

  static HWY_INLINE hn::Vec<D> load(const uint8_t* source) { return load_lanes(D(), source); }
  static HWY_INLINE void store(hn::Vec<D> lanes, uint8_t* destination) {
    store_lanes(D(), lanes, destination);
  }
};

// The 16-bit formats store only canonical NaNs: their operations canonicalize first.
struct Bfloat16Format {
  using D = hn::ScalableTag<float>;
  static constexpr size_t kBytes = 2;

  static HWY_INLINE hn::Vec<D> load(const uint8_t* source) {
    const hn::RebindToUnsigned<D> bits;
    const auto stored = load_lanes(hn::Rebind<uint16_t, D>(), source);
    return hn::BitCast(D(), hn::ShiftLeft<16>(hn::PromoteTo(bits, stored)));
  }

  static HWY_INLINE void store(hn::Vec<D> lanes, uint8_t* destination) {
    const hn::RebindToUnsigned<D> unsigned_bits;
    const hn::RebindToSigned<D> signed_bits;
    const auto bits = hn::BitCast(unsigned_bits, lanes);
    const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(unsigned_bits, 1));
    const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(unsigned_bits, 0x7FFF)));
    const auto upper = hn::BitCast(signed_bits, hn::ShiftRight<16>(rounded));
    const hn::Rebind<uint16_t, D> stored;
    store_lanes(stored, hn::DemoteTo(stored, upper), destination);
  }
};

#if ATOLL_NATIVE_FLOAT16

struct Float16Format {
  using D = hn::ScalableTag<float>;
  static constexpr size_t kBytes = 2;

  static HWY_INLINE hn::Vec<D> load(const uint8_t* source) {
    return hn::PromoteTo(D(), load_lanes(hn::Rebind<hwy::float16_t, D>(), source));
  }
  static HWY_INLINE void store(hn::Vec<D> lanes, uint8_t* destination) {
    const hn::Rebind<hwy::float16_t, D> stored;
    store_lanes(stored, hn::DemoteTo(stored, lanes), destination);
  }
};

#else

struct Float16Format {
  using D = hn::ScalableTag<float>;
  using Bits = hn::RebindToSigned<D>;
  static constexpr size_t kBytes = 2;

  static HWY_INLINE hn::Vec<D> load(const uint8_t* source) {
    const Bits bits;
    const auto stored = hn::PromoteTo(bits, load_lanes(hn::Rebind<uint16_t, D>(), source));
    const auto magnitude = hn::And(stored, hn::Set(bits, 0x7FFF));
    const auto sign = hn::ShiftLeft<16>(hn::Sub(stored, magnitude));
    // Moved to the fraction of float32 the number is 2^112 times too small, exactly, whether it
    // was normal or not; only infinity and NaN need their exponent filled up.
    const auto moved = hn::ShiftLeft<13>(magnitude);
    const auto finite = hn::Mul(hn::BitCast(D(), moved), hn::Set(D(), 0x1p112f));
    const auto special = hn::Or(moved, hn::Set(bits, 0x7F800000));
    const auto is_special = hn::Gt(magnitude, hn::Set(bits, 0x7BFF));
    const auto value = hn::IfThenElse(is_special, special, hn::BitCast(bits, finite));
    return hn::BitCast(D(), hn::Or(value, sign));
  }

  static HWY_INLINE void store(hn::Vec<D> lanes, uint8_t* destination) {
    const Bits bits;
    const auto all = hn::BitCast(bits, lanes);
    const auto magnitude = hn::And(all, hn::Set(bits, 0x7FFFFFFF));
    const auto sign =
        hn::And(hn::BitCast(bits, hn::ShiftRight<16>(as_unsigned(all))), hn::Set(bits, 0x8000));
    // Normal: half a unit less one, plus the last bit kept, makes the shift round to even.
    const auto odd = hn::And(hn::ShiftRight<13>(magnitude), hn::Set(bits, 1));
    const auto rebased = hn::Sub(magnitude, hn::Set(bits, 112 << 23));
    const auto normal = hn::ShiftRight<13>(hn::Add(rebased, hn::Add(odd, hn::Set(bits, 0xFFF))));
    // Subnormal: the unit of float32 at 0.5 is that of the float16 subnormals, so the sum rounds.
    const auto half = hn::Set(D(), 0.5f);
    const auto shifted = hn::Add(hn::BitCast(D(), magnitude), half);
    const auto subnormal = hn::Sub(hn::BitCast(bits, shifted), hn::BitCast(bits, half));
    const auto special = hn::IfThenElse(hn::Gt(magnitude, hn::Set(bits, 0x7F800000)),
                                        hn::Set(bits, kFloat16Nan), hn::Set(bits, 0x7C00));
    auto result = hn::IfThenElse(hn::Lt(magnitude, hn::Set(bits, 113 << 23)), subnormal, normal);
    result = hn::IfThenElse(hn::Lt(magnitude, hn::Set(bits, 143 << 23)), result, special);
    const hn::Rebind<uint16_t, D> stored;
    store_lanes(stored, hn::DemoteTo(stored, hn::Or(result, sign)), destination);
  }

 private:
  static HWY_INLINE hn::Vec<hn::RebindToUnsigned<D>> as_unsigned(hn::Vec<Bits> lanes) {
    return hn::BitCast(hn::RebindToUnsigned<D>(), lanes);
  }
};

#endif

}  // namespace HWY_NAMESPACE
}  // namespace atoll_core::kernels
HWY_AFTER_NAMESPACE();

#endif
