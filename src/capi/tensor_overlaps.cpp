#include "capi/tensor_overlaps.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace atoll_core::capi {
namespace {

// The bytes of one buffer.
struct Extent {
  uintptr_t begin = 0;
  uintptr_t end = 0;
  size_t tensor = 0;
  bool received = false;  // the call writes to it

  std::string_view name() const { return received ? "recvbuff" : "sendbuff"; }
};

std::vector<Extent> extents_of(const std::vector<peer::TensorView>& tensors,
                               size_t element_bytes) {
  std::vector<Extent> extents;
  extents.reserve(2 * tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto add = [&](const std::byte* buffer, bool received) {
      const auto begin = reinterpret_cast<uintptr_t>(buffer);
      extents.push_back({begin, begin + tensors[i].count * element_bytes, i, received});
    };
    if (tensors[i].count == 0) continue;
    add(tensors[i].sink, true);
    if (!tensors[i].in_place()) add(tensors[i].source, false);
  }
  std::sort(extents.begin(), extents.end(),
            [](const Extent& a, const Extent& b) { return a.begin < b.begin; });
  return extents;
}

}  // namespace

// In the order of their addresses, one buffer lies in another one that begins before it if any of
// those that begin before it ends behind its begin; so of these only the last to end matters.
Result<void> check_overlaps(const std::vector<peer::TensorView>& tensors, size_t element_bytes,
                            const char* function) {
  if (tensors.size() < 2) return {};
  Extent written;  // of all so far the one that ends last
  Extent read;
  for (const Extent& extent : extents_of(tensors, element_bytes)) {
    const Extent* before = nullptr;
    if (written.end > extent.begin) before = &written;
    else if (extent.received && read.end > extent.begin) before = &read;
    if (before != nullptr) {
      const bool swapped = extent.tensor < before->tensor;
      const Extent& one = swapped ? extent : *before;
      const Extent& other = swapped ? *before : extent;
      return fail(ErrorCode::kInvalidArgument,
                  "{}: the {} of tensor {} and the {} of tensor {} overlap: what a call writes to "
                  "one tensor, no other one of it may read or write",
                  function, one.name(), one.tensor, other.name(), other.tensor);
    }
    Extent& last = extent.received ? written : read;
    if (extent.end > last.end) last = extent;
  }
  return {};
}

}  // namespace atoll_core::capi
