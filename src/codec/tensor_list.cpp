#include "codec/tensor_list.h"

#include <algorithm>
#include <utility>

#include "base/field_rules.h"
#include "base/limits.h"

namespace atoll_core::codec {

Result<TensorList> TensorList::create(DataType type, std::vector<TensorView> tensors) {
  if (tensors.size() > limits::kTensorsPerBatch) {
    return fail(ErrorCode::kInvalidArgument, "a batch of {} tensors exceeds the limit of {}",
                tensors.size(), limits::kTensorsPerBatch);
  }
  const uint64_t count_max = limits::kCallBytes / size_of(type);
  std::vector<uint64_t> starts;
  starts.reserve(tensors.size() + 1);
  uint64_t total = 0;
  for (const TensorView& tensor : tensors) {
    starts.push_back(total);
    if (tensor.count > count_max - total) {
      return fail(ErrorCode::kInvalidArgument,
                  "tensor {} of {} {} elements makes the batch larger than {} bytes",
                  starts.size() - 1, tensor.count, to_string(type), limits::kCallBytes);
    }
    total += tensor.count;
  }
  starts.push_back(total);
  return TensorList(type, std::move(tensors), std::move(starts));
}

bool TensorList::in_place() const {
  return std::all_of(tensors_.begin(), tensors_.end(), [](const TensorView& tensor) {
    return tensor.count == 0 || tensor.in_place();
  });
}

bool TensorList::contiguous(ElementRange range) const {
  check(range);
  return range.empty() || range.end <= starts_[tensor_at(range.begin) + 1];
}

TensorList::TensorList(DataType type, std::vector<TensorView> tensors, std::vector<uint64_t> starts)
    : type_(type),
      element_bytes_(size_of(type)),
      tensors_(std::move(tensors)),
      starts_(std::move(starts)) {}

size_t TensorList::tensor_at(uint64_t element) const {
  // Of tensors that begin at the same element only the last is not empty.
  const auto after = std::upper_bound(starts_.begin(), starts_.end() - 1, element);
  return static_cast<size_t>(after - starts_.begin()) - 1;
}

void TensorList::check(ElementRange range) const {
  ATOLL_ASSERT(range.begin <= range.end && range.end <= total_count(),
               "range [{}, {}) of {} elements", range.begin, range.end, total_count());
}

ByteSpan TensorList::readable(const TensorView& tensor, Side side, uint64_t offset,
                              uint64_t bytes) const {
  const std::byte* base = side == Side::kSource ? tensor.source : tensor.sink;
  ATOLL_ASSERT(base != nullptr, "a tensor of {} elements has no {} to read", tensor.count,
               side == Side::kSource ? "source" : "sink");
  return {base + offset, static_cast<size_t>(bytes)};
}

MutableByteSpan TensorList::writable(const TensorView& tensor, uint64_t offset,
                                     uint64_t bytes) const {
  ATOLL_ASSERT(tensor.sink != nullptr, "a tensor of {} elements has no sink to write",
               tensor.count);
  return {tensor.sink + offset, static_cast<size_t>(bytes)};
}

}  // namespace atoll_core::codec
