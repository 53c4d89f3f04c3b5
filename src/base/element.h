// What tensors are made of and how they are reduced; the numbers are those of atoll.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace atoll_core {

enum class DataType : uint8_t {
  kInt8 = 0,
  kUint8 = 1,
  kInt16 = 2,
  kUint16 = 3,
  kInt32 = 4,
  kUint32 = 5,
  kInt64 = 6,
  kUint64 = 7,
  kFloat16 = 8,
  kBfloat16 = 9,
  kFloat32 = 10,
  kFloat64 = 11,
};
inline constexpr int kDataTypeCount = 12;

enum class ReduceOp : uint8_t {
  kSum = 0,
  kAvg = 1,
  kProd = 2,
  kMin = 3,
  kMax = 4,
  kBitAnd = 5,
  kBitOr = 6,
  kBitXor = 7,
};
inline constexpr int kReduceOpCount = 8;

size_t size_of(DataType type);
std::string_view to_string(DataType type);  // "float32"
std::string_view to_string(ReduceOp op);    // "sum"

constexpr bool is_float(DataType type) { return type >= DataType::kFloat16; }
constexpr bool is_bitwise(ReduceOp op) { return op >= ReduceOp::kBitAnd; }
// Whether elements of this type can be reduced so: bits only where they are those of a number.
constexpr bool takes(ReduceOp op, DataType type) { return !is_bitwise(op) || !is_float(type); }

// A half-open range of element indexes.
struct ElementRange {
  uint64_t begin = 0;
  uint64_t end = 0;
  uint64_t count() const { return end - begin; }
  bool empty() const { return begin == end; }
  bool operator==(const ElementRange&) const = default;
};

}  // namespace atoll_core
