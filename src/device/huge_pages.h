// Large pieces of memory in pages of 2 MiB, where the kernel has them (transparent huge pages,
// "always" or "madvise"); else in ordinary ones. They cost fewer faults to fill. And they are freed
// in a moment: when a process is killed, Linux frees its memory before it closes its sockets, so
// that others hear of the death that much sooner.
#pragma once

#include <cstddef>
#include <memory>

namespace atoll_core::device {

inline constexpr size_t kHugePageBytes = size_t{2} << 20;

// Begins at a multiple of kHugePageBytes, and takes whole huge pages; zeros. Null: the kernel has
// no more.
std::shared_ptr<std::byte[]> allocate_in_huge_pages(size_t bytes);

}  // namespace atoll_core::device
