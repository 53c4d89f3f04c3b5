// Where a caller's buffer lives. All memory counts as host memory for now: this is the seam where
// CUDA, loaded at run time, will be asked (cuPointerGetAttribute), so that callers of this
// function need not change then.
#pragma once

#include <cstdint>
#include <string_view>

namespace atoll_core::device {

enum class MemoryKind : uint8_t { kHost = 0, kCuda = 1 };

std::string_view to_string(MemoryKind kind);  // "host"

// Never dereferences `pointer`; null is host memory.
MemoryKind memory_kind_of(const void* pointer);

}  // namespace atoll_core::device
