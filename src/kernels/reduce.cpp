#include "kernels/reduce.h"

#include <cmath>
#include <cstring>

#include "base/assert.h"
#include "base/vector_registers.h"
#include "kernels/reduce_scalar.h"
#include "kernels/target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/reduce.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
#include "kernels/lanes.inl"
#endif

HWY_BEFORE_NAMESPACE();
namespace atoll_core::kernels {
namespace HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128

void reduce_bytes(DataType type, ReduceOp op, const uint8_t* a, const uint8_t* b,
                  uint8_t* destination, uint64_t count) {
  scalar::reduce(type, op, a, b, destination, count);
}

void divide_bytes(DataType type, uint8_t* values, uint64_t count, double divisor) {
  scalar::divide(type, values, count, divisor);
}

void scale_bytes(DataType type, const uint8_t* source, uint8_t* destination, uint64_t count,
                 double factor) {
  scalar::scale(type, source, destination, count, factor);
}

#else

// The bits of a float format, for the operations that compare instead of compute.
template <class T, T infinity, T nan>
struct FloatBits {
  using Lane = T;
  static constexpr T kInfinity = infinity;
  static constexpr T kNan = nan;
  static constexpr T kMagnitude = hwy::LimitsMax<T>();
};
using Float16Bits = FloatBits<int16_t, 0x7C00, int16_t{kFloat16Nan}>;
using Bfloat16Bits = FloatBits<int16_t, 0x7F80, int16_t{kBfloat16Nan}>;
using Float32Bits = FloatBits<int32_t, 0x7F800000, int32_t{kFloat32Nan}>;
using Float64Bits = FloatBits<int64_t, 0x7FF0000000000000, int64_t{kFloat64Nan}>;

struct Sum {
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<D> a, hn::Vec<D> b) const {
    if constexpr (hwy::IsFloat<hn::TFromD<D>>()) return canonicalize(d, hn::Add(a, b));
    return hn::Add(a, b);
  }
};

struct Product {
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<D> a, hn::Vec<D> b) const {
    using T = hn::TFromD<D>;
    if constexpr (hwy::IsFloat<T>()) return canonicalize(d, hn::Mul(a, b));
    if constexpr (sizeof(T) == 1) return multiply_bytes(d, a, b);
    if constexpr (!hwy::IsFloat<T>() && sizeof(T) > 1) return hn::Mul(a, b);
  }

 private:
  // No target multiplies bytes: the even and the odd ones take turns in 16-bit lanes.
  template <class D>
  static HWY_INLINE hn::Vec<D> multiply_bytes(D d, hn::Vec<D> a, hn::Vec<D> b) {
    const hn::Repartition<uint16_t, D> wide;
    const auto wide_a = hn::BitCast(wide, a);
    const auto wide_b = hn::BitCast(wide, b);
    const auto even = hn::And(hn::Mul(wide_a, wide_b), hn::Set(wide, 0xFF));
    const auto odd = hn::Mul(hn::ShiftRight<8>(wide_a), hn::ShiftRight<8>(wide_b));
    return hn::BitCast(d, hn::Or(even, hn::ShiftLeft<8>(odd)));
  }
};

struct Minimum {
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D, hn::Vec<D> a, hn::Vec<D> b) const {
    return hn::Min(a, b);
  }
};

struct Maximum {
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D, hn::Vec<D> a, hn::Vec<D> b) const {
    return hn::Max(a, b);
  }
};

struct BitAnd {
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D, hn::Vec<D> a, hn::Vec<D> b) const {
    return hn::And(a, b);
  }
};

struct BitOr {
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D, hn::Vec<D> a, hn::Vec<D> b) const {
    return hn::Or(a, b);
  }
};

struct BitXor {
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D, hn::Vec<D> a, hn::Vec<D> b) const {
    return hn::Xor(a, b);
  }
};

// Minimum or maximum of floats by their bits: once the magnitude of the negative ones is inverted,
// signed integers are in the order of the floats, with -0 right below +0.
template <class Bits, class Operation>
struct Extremum {
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<D> a, hn::Vec<D> b) const {
    const auto is_nan = hn::Or(exceeds_infinity(d, a), exceeds_infinity(d, b));
    const auto extremum = reorder(d, Operation()(d, reorder(d, a), reorder(d, b)));
    return hn::IfThenElse(is_nan, hn::Set(d, Bits::kNan), extremum);
  }

 private:
  template <class D>
  static HWY_INLINE hn::Mask<D> exceeds_infinity(D d, hn::Vec<D> bits) {
    return hn::Gt(hn::And(bits, hn::Set(d, Bits::kMagnitude)), hn::Set(d, Bits::kInfinity));
  }

  // Its own inverse.
  template <class D>
  static HWY_INLINE hn::Vec<D> reorder(D d, hn::Vec<D> bits) {
    return hn::Xor(bits, hn::And(hn::BroadcastSignBit(bits), hn::Set(d, Bits::kMagnitude)));
  }
};

template <class Format, class Operation>
void combine(const uint8_t* a, const uint8_t* b, uint8_t* destination, uint64_t count) {
  const typename Format::D d;
  const Operation operation;
  const size_t lanes = hn::Lanes(d);
  const size_t step = lanes * Format::kBytes;
  for (; count >= lanes; count -= lanes) {
    Format::store(operation(d, Format::load(a), Format::load(b)), destination);
    a += step;
    b += step;
    destination += step;
  }
  if (count == 0) return;
  uint8_t rest_a[HWY_MAX_BYTES] = {};
  uint8_t rest_b[HWY_MAX_BYTES] = {};
  const size_t rest = static_cast<size_t>(count) * Format::kBytes;
  std::memcpy(rest_a, a, rest);
  std::memcpy(rest_b, b, rest);
  Format::store(operation(d, Format::load(rest_a), Format::load(rest_b)), rest_a);
  std::memcpy(destination, rest_a, rest);
}

template <class Format>
void quotients(uint8_t* values, uint64_t count, double divisor) {
  const typename Format::D d;
  const auto by = hn::Set(d, static_cast<hn::TFromD<typename Format::D>>(divisor));
  const size_t lanes = hn::Lanes(d);
  for (; count >= lanes; count -= lanes) {
    Format::store(canonicalize(d, hn::Div(Format::load(values), by)), values);
    values += lanes * Format::kBytes;
  }
  if (count == 0) return;
  uint8_t rest[HWY_MAX_BYTES] = {};
  std::memcpy(rest, values, static_cast<size_t>(count) * Format::kBytes);
  Format::store(canonicalize(d, hn::Div(Format::load(rest), by)), rest);
  std::memcpy(values, rest, static_cast<size_t>(count) * Format::kBytes);
}

template <class Format>
void products(const uint8_t* source, uint8_t* destination, uint64_t count, double factor) {
  const typename Format::D d;
  const auto by = hn::Set(d, static_cast<hn::TFromD<typename Format::D>>(factor));
  const size_t lanes = hn::Lanes(d);
  for (; count >= lanes; count -= lanes) {
    Format::store(canonicalize(d, hn::Mul(Format::load(source), by)), destination);
    source += lanes * Format::kBytes;
    destination += lanes * Format::kBytes;
  }
  if (count == 0) return;
  uint8_t rest[HWY_MAX_BYTES] = {};
  std::memcpy(rest, source, static_cast<size_t>(count) * Format::kBytes);
  Format::store(canonicalize(d, hn::Mul(Format::load(rest), by)), rest);
  std::memcpy(destination, rest, static_cast<size_t>(count) * Format::kBytes);
}

using Combine = void (*)(const uint8_t*, const uint8_t*, uint8_t*, uint64_t);

template <class T>
Combine select_integer(ReduceOp op) {
  using Unsigned = NativeFormat<hwy::MakeUnsigned<T>>;  // wraps alike, and Mul knows it
  switch (op) {
    case ReduceOp::kSum:
    case ReduceOp::kAvg: return combine<Unsigned, Sum>;
    case ReduceOp::kProd: return combine<Unsigned, Product>;
    case ReduceOp::kMin: return combine<NativeFormat<T>, Minimum>;
    case ReduceOp::kMax: return combine<NativeFormat<T>, Maximum>;
    case ReduceOp::kBitAnd: return combine<Unsigned, BitAnd>;
    case ReduceOp::kBitOr: return combine<Unsigned, BitOr>;
    case ReduceOp::kBitXor: return combine<Unsigned, BitXor>;
  }
  return nullptr;
}

template <class Format, class Bits>
Combine select_float(ReduceOp op) {
  using AsBits = NativeFormat<typename Bits::Lane>;
  switch (op) {
    case ReduceOp::kSum:
    case ReduceOp::kAvg: return combine<Format, Sum>;
    case ReduceOp::kProd: return combine<Format, Product>;
    case ReduceOp::kMin: return combine<AsBits, Extremum<Bits, Minimum>>;
    case ReduceOp::kMax: return combine<AsBits, Extremum<Bits, Maximum>>;
    case ReduceOp::kBitAnd:
    case ReduceOp::kBitOr:
    case ReduceOp::kBitXor: break;
  }
  return nullptr;
}

Combine select(DataType type, ReduceOp op) {
  switch (type) {
    case DataType::kInt8: return select_integer<int8_t>(op);
    case DataType::kUint8: return select_integer<uint8_t>(op);
    case DataType::kInt16: return select_integer<int16_t>(op);
    case DataType::kUint16: return select_integer<uint16_t>(op);
    case DataType::kInt32: return select_integer<int32_t>(op);
    case DataType::kUint32: return select_integer<uint32_t>(op);
    case DataType::kInt64: return select_integer<int64_t>(op);
    case DataType::kUint64: return select_integer<uint64_t>(op);
    case DataType::kFloat16: return select_float<Float16Format, Float16Bits>(op);
    case DataType::kBfloat16: return select_float<Bfloat16Format, Bfloat16Bits>(op);
    case DataType::kFloat32: return select_float<NativeFormat<float>, Float32Bits>(op);
    case DataType::kFloat64: return select_float<NativeFormat<double>, Float64Bits>(op);
  }
  return nullptr;
}

void reduce_bytes(DataType type, ReduceOp op, const uint8_t* a, const uint8_t* b,
                  uint8_t* destination, uint64_t count) {
  select(type, op)(a, b, destination, count);
}

void divide_bytes(DataType type, uint8_t* values, uint64_t count, double divisor) {
  switch (type) {
    case DataType::kFloat16: return quotients<Float16Format>(values, count, divisor);
    case DataType::kBfloat16: return quotients<Bfloat16Format>(values, count, divisor);
    case DataType::kFloat32: return quotients<NativeFormat<float>>(values, count, divisor);
    case DataType::kFloat64: return quotients<NativeFormat<double>>(values, count, divisor);
    default: return scalar::divide(type, values, count, divisor);  // no target divides integers
  }
}

void scale_bytes(DataType type, const uint8_t* source, uint8_t* destination, uint64_t count,
                 double factor) {
  const bool vanishes = type == DataType::kFloat64 ? factor == 0 : static_cast<float>(factor) == 0;
  if (vanishes) return scalar::scale(type, source, destination, count, factor);
  switch (type) {
    case DataType::kFloat16:
      return products<Float16Format>(source, destination, count, factor);
    case DataType::kBfloat16:
      return products<Bfloat16Format>(source, destination, count, factor);
    case DataType::kFloat32:
      return products<NativeFormat<float>>(source, destination, count, factor);
    case DataType::kFloat64:
      return products<NativeFormat<double>>(source, destination, count, factor);
    default: return;
  }
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace atoll_core::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace atoll_core::kernels {

HWY_EXPORT(reduce_bytes);
HWY_EXPORT(divide_bytes);
HWY_EXPORT(scale_bytes);

void reduce(DataType type, ReduceOp op, const void* a, const void* b, void* destination,
            uint64_t count) {
  ATOLL_ASSERT(takes(op, type), "{} of {}", to_string(op), to_string(type));
  choose_simd_target();
  HWY_DYNAMIC_DISPATCH(reduce_bytes)
  (type, op, static_cast<const uint8_t*>(a), static_cast<const uint8_t*>(b),
   static_cast<uint8_t*>(destination), count);
  leave_vector_registers_clean();
}

void divide(DataType type, void* values, uint64_t count, double divisor) {
  choose_simd_target();
  HWY_DYNAMIC_DISPATCH(divide_bytes)(type, static_cast<uint8_t*>(values), count, divisor);
  leave_vector_registers_clean();
}

void scale(DataType type, const void* source, void* destination, uint64_t count, double factor) {
  choose_simd_target();
  HWY_DYNAMIC_DISPATCH(scale_bytes)
  (type, static_cast<const uint8_t*>(source), static_cast<uint8_t*>(destination), count, factor);
  leave_vector_registers_clean();
}

uint64_t integer_divisor(double divisor) {
  if (std::isnan(divisor) || divisor < 1.0) return 1;
  if (divisor >= 0x1p63) return INT64_MAX;
  return static_cast<uint64_t>(std::llround(divisor));
}

}  // namespace atoll_core::kernels

#endif
