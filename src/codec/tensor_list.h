// A batch of tensors as one op sees it: their elements joined, in order, into one element space
// [0, total_count()). Schedules speak of ranges of that space; here a range becomes memory.
//
// Owns no element: the tensors must outlive it. Nothing else about it changes after create(), so
// threads may share it. A tensor may have no elements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/element.h"
#include "base/error.h"

namespace atoll_core::codec {

// One tensor of `count` elements, without alignment demanded: read from `source`, result written to
// `sink`. In place when the two are equal; otherwise they do not overlap. Either may be null when
// the op never touches it.
struct TensorView {
  const std::byte* source = nullptr;
  std::byte* sink = nullptr;
  uint64_t count = 0;

  bool in_place() const { return source == sink; }
};

// Which memory of a tensor is meant.
enum class Side : uint8_t { kSource, kSink };

class TensorList {
 public:
  // atollInvalidArgument for more than limits::kTensorsPerBatch tensors, or more bytes than
  // limits::kCallBytes.
  static Result<TensorList> create(DataType type, std::vector<TensorView> tensors);

  DataType type() const { return type_; }
  size_t element_bytes() const { return element_bytes_; }
  const std::vector<TensorView>& tensors() const { return tensors_; }
  uint64_t total_count() const { return starts_.back(); }
  uint64_t total_bytes() const { return total_count() * element_bytes_; }
  ElementRange all() const { return {0, total_count()}; }
  uint64_t bytes_of(ElementRange range) const { return range.count() * element_bytes_; }

  // True when every tensor that has elements is in place.
  bool in_place() const;

  // Whether the range lies within one tensor, so that it is one span on either side.
  bool contiguous(ElementRange range) const;

  // Calls `visit` with the pieces of a range, in order, none of them empty.
  template <class Visitor>
  void for_each_source_span(ElementRange range, Visitor&& visit) const {
    for_each_piece(range, [&](const TensorView& tensor, uint64_t offset, uint64_t bytes) {
      visit(readable(tensor, Side::kSource, offset, bytes));
    });
  }

  template <class Visitor>
  void for_each_sink_span(ElementRange range, Visitor&& visit) const {
    for_each_piece(range, [&](const TensorView& tensor, uint64_t offset, uint64_t bytes) {
      visit(writable(tensor, offset, bytes));
    });
  }

  // The readable side of a range that may be either, for reading only.
  template <class Visitor>
  void for_each_span(Side side, ElementRange range, Visitor&& visit) const {
    for_each_piece(range, [&](const TensorView& tensor, uint64_t offset, uint64_t bytes) {
      visit(readable(tensor, side, offset, bytes));
    });
  }

  // Calls `visit(operand, sink)` with spans of equal size: what `operand` names and where the
  // result belongs.
  template <class Visitor>
  void for_each_span_pair(Side operand, ElementRange range, Visitor&& visit) const {
    for_each_piece(range, [&](const TensorView& tensor, uint64_t offset, uint64_t bytes) {
      visit(readable(tensor, operand, offset, bytes), writable(tensor, offset, bytes));
    });
  }

 private:
  TensorList(DataType type, std::vector<TensorView> tensors, std::vector<uint64_t> starts);

  // The last tensor that begins at or before the element.
  size_t tensor_at(uint64_t element) const;
  void check(ElementRange range) const;
  ByteSpan readable(const TensorView& tensor, Side side, uint64_t offset, uint64_t bytes) const;
  MutableByteSpan writable(const TensorView& tensor, uint64_t offset, uint64_t bytes) const;

  // visit(tensor, byte offset in it, bytes)
  template <class Visitor>
  void for_each_piece(ElementRange range, Visitor&& visit) const {
    check(range);
    if (range.empty()) return;
    for (size_t i = tensor_at(range.begin); range.begin < range.end; ++i) {
      const uint64_t end = range.end < starts_[i + 1] ? range.end : starts_[i + 1];
      if (end == range.begin) continue;
      visit(tensors_[i], (range.begin - starts_[i]) * element_bytes_,
            (end - range.begin) * element_bytes_);
      range.begin = end;
    }
  }

  DataType type_;
  size_t element_bytes_;
  std::vector<TensorView> tensors_;
  std::vector<uint64_t> starts_;  // first element of each tensor, and total_count() at the end
};

}  // namespace atoll_core::codec
