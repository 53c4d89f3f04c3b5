#include "kernels/reduce_scalar.h"

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>

#include "kernels/convert.h"
#include "kernels/reduce.h"

namespace atoll_core::kernels::scalar {
namespace {

template <class Stored>
Stored load(const void* base, uint64_t index) {
  Stored value;
  std::memcpy(&value, static_cast<const std::byte*>(base) + index * sizeof(Stored), sizeof(Stored));
  return value;
}

template <class Stored>
void store(void* base, uint64_t index, Stored value) {
  std::memcpy(static_cast<std::byte*>(base) + index * sizeof(Stored), &value, sizeof(Stored));
}

template <class T>
T combine_integers(ReduceOp op, T a, T b) {
  // Modulo 2^64 and then modulo 2^bits is modulo 2^bits; unsigned arithmetic cannot overflow.
  const auto wide_a = static_cast<uint64_t>(a);
  const auto wide_b = static_cast<uint64_t>(b);
  switch (op) {
    case ReduceOp::kSum:
    case ReduceOp::kAvg: return static_cast<T>(wide_a + wide_b);
    case ReduceOp::kProd: return static_cast<T>(wide_a * wide_b);
    case ReduceOp::kMin: return a < b ? a : b;
    case ReduceOp::kMax: return a > b ? a : b;
    case ReduceOp::kBitAnd: return static_cast<T>(wide_a & wide_b);
    case ReduceOp::kBitOr: return static_cast<T>(wide_a | wide_b);
    case ReduceOp::kBitXor: return static_cast<T>(wide_a ^ wide_b);
  }
  return a;
}

float canonical(float value) {
  return std::isnan(value) ? std::bit_cast<float>(kFloat32Nan) : value;
}

double canonical(double value) {
  return std::isnan(value) ? std::bit_cast<double>(kFloat64Nan) : value;
}

template <class T>
bool precedes(T a, T b) {
  return a < b || (a == b && std::signbit(a) && !std::signbit(b));
}

template <class T>
T combine_floats(ReduceOp op, T a, T b) {
  switch (op) {
    case ReduceOp::kSum:
    case ReduceOp::kAvg: return canonical(a + b);
    case ReduceOp::kProd: return canonical(a * b);
    case ReduceOp::kMin:
    case ReduceOp::kMax:
    case ReduceOp::kBitAnd:
    case ReduceOp::kBitOr:
    case ReduceOp::kBitXor: break;
  }
  if (std::isnan(a) || std::isnan(b)) return canonical(std::numeric_limits<T>::quiet_NaN());
  if (op == ReduceOp::kMin) return precedes(a, b) ? a : b;
  return precedes(a, b) ? b : a;
}

template <class T>
void reduce_integers(ReduceOp op, const void* a, const void* b, void* destination, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    store<T>(destination, i, combine_integers<T>(op, load<T>(a, i), load<T>(b, i)));
  }
}

template <class T>
void reduce_floats(ReduceOp op, const void* a, const void* b, void* destination, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    store<T>(destination, i, combine_floats<T>(op, load<T>(a, i), load<T>(b, i)));
  }
}

template <float (*widen)(uint16_t), uint16_t (*narrow)(float)>
void reduce_halves(ReduceOp op, const void* a, const void* b, void* destination, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    const float wide_a = widen(load<uint16_t>(a, i));
    const float wide_b = widen(load<uint16_t>(b, i));
    store<uint16_t>(destination, i, narrow(combine_floats<float>(op, wide_a, wide_b)));
  }
}

// Wide is the 64-bit type of the same signedness.
template <class T, class Wide>
void divide_integers(void* values, uint64_t count, double divisor) {
  const auto by = static_cast<Wide>(integer_divisor(divisor));
  for (uint64_t i = 0; i < count; ++i) {
    store<T>(values, i, static_cast<T>(static_cast<Wide>(load<T>(values, i)) / by));
  }
}

template <class T>
void divide_floats(void* values, uint64_t count, double divisor) {
  const auto by = static_cast<T>(divisor);
  for (uint64_t i = 0; i < count; ++i) store<T>(values, i, canonical(load<T>(values, i) / by));
}

template <float (*widen)(uint16_t), uint16_t (*narrow)(float)>
void divide_halves(void* values, uint64_t count, double divisor) {
  const auto by = static_cast<float>(divisor);
  for (uint64_t i = 0; i < count; ++i) {
    store<uint16_t>(values, i, narrow(widen(load<uint16_t>(values, i)) / by));
  }
}

template <class T>
void scale_floats(const void* source, void* destination, uint64_t count, double factor) {
  const auto by = static_cast<T>(factor);
  for (uint64_t i = 0; i < count; ++i) {
    store<T>(destination, i, by == 0 ? T{-0.0} : canonical(load<T>(source, i) * by));
  }
}

template <float (*widen)(uint16_t), uint16_t (*narrow)(float)>
void scale_halves(const void* source, void* destination, uint64_t count, double factor) {
  const auto by = static_cast<float>(factor);
  for (uint64_t i = 0; i < count; ++i) {
    const float product = by == 0 ? -0.0f : canonical(widen(load<uint16_t>(source, i)) * by);
    store<uint16_t>(destination, i, narrow(product));
  }
}

}  // namespace

void reduce(DataType type, ReduceOp op, const void* a, const void* b, void* destination,
            uint64_t count) {
  switch (type) {
    case DataType::kInt8: return reduce_integers<int8_t>(op, a, b, destination, count);
    case DataType::kUint8: return reduce_integers<uint8_t>(op, a, b, destination, count);
    case DataType::kInt16: return reduce_integers<int16_t>(op, a, b, destination, count);
    case DataType::kUint16: return reduce_integers<uint16_t>(op, a, b, destination, count);
    case DataType::kInt32: return reduce_integers<int32_t>(op, a, b, destination, count);
    case DataType::kUint32: return reduce_integers<uint32_t>(op, a, b, destination, count);
    case DataType::kInt64: return reduce_integers<int64_t>(op, a, b, destination, count);
    case DataType::kUint64: return reduce_integers<uint64_t>(op, a, b, destination, count);
    case DataType::kFloat16:
      return reduce_halves<float16_to_float, float_to_float16>(op, a, b, destination, count);
    case DataType::kBfloat16:
      return reduce_halves<bfloat16_to_float, float_to_bfloat16>(op, a, b, destination, count);
    case DataType::kFloat32: return reduce_floats<float>(op, a, b, destination, count);
    case DataType::kFloat64: return reduce_floats<double>(op, a, b, destination, count);
  }
}

void divide(DataType type, void* values, uint64_t count, double divisor) {
  switch (type) {
    case DataType::kInt8: return divide_integers<int8_t, int64_t>(values, count, divisor);
    case DataType::kUint8: return divide_integers<uint8_t, uint64_t>(values, count, divisor);
    case DataType::kInt16: return divide_integers<int16_t, int64_t>(values, count, divisor);
    case DataType::kUint16: return divide_integers<uint16_t, uint64_t>(values, count, divisor);
    case DataType::kInt32: return divide_integers<int32_t, int64_t>(values, count, divisor);
    case DataType::kUint32: return divide_integers<uint32_t, uint64_t>(values, count, divisor);
    case DataType::kInt64: return divide_integers<int64_t, int64_t>(values, count, divisor);
    case DataType::kUint64: return divide_integers<uint64_t, uint64_t>(values, count, divisor);
    case DataType::kFloat16:
      return divide_halves<float16_to_float, float_to_float16>(values, count, divisor);
    case DataType::kBfloat16:
      return divide_halves<bfloat16_to_float, float_to_bfloat16>(values, count, divisor);
    case DataType::kFloat32: return divide_floats<float>(values, count, divisor);
    case DataType::kFloat64: return divide_floats<double>(values, count, divisor);
  }
}

void scale(DataType type, const void* source, void* destination, uint64_t count, double factor) {
  switch (type) {
    case DataType::kFloat16:
      return scale_halves<float16_to_float, float_to_float16>(source, destination, count, factor);
    case DataType::kBfloat16:
      return scale_halves<bfloat16_to_float, float_to_bfloat16>(source, destination, count, factor);
    case DataType::kFloat32: return scale_floats<float>(source, destination, count, factor);
    case DataType::kFloat64: return scale_floats<double>(source, destination, count, factor);
    default: return;
  }
}

}  // namespace atoll_core::kernels::scalar
