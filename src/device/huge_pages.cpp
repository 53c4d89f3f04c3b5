#include "device/huge_pages.h"

#include <sys/mman.h>

#include <cstdint>

namespace atoll_core::device {

std::shared_ptr<std::byte[]> allocate_in_huge_pages(size_t bytes) {
  if (bytes == 0 || bytes > SIZE_MAX - 2 * kHugePageBytes) return nullptr;
  const size_t size = (bytes + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
  // Somewhere in a mapping that is larger by a page begins a huge page; the rest is given back.
  const size_t mapped = size + kHugePageBytes;
  void* mapping = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                         0);
  if (mapping == MAP_FAILED) return nullptr;
  auto* first = static_cast<std::byte*>(mapping);
  const size_t before = -reinterpret_cast<uintptr_t>(first) % kHugePageBytes;
  std::byte* begin = first + before;
  if (before > 0) ::munmap(first, before);
  if (before < kHugePageBytes) ::munmap(begin + size, kHugePageBytes - before);
  // Where there are none, ordinary pages do.
  ::madvise(begin, size, MADV_HUGEPAGE);
  return {begin, [size](std::byte* memory) { ::munmap(memory, size); }};
}

}  // namespace atoll_core::device
