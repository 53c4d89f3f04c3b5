#include "device/memory.h"

namespace atoll_core::device {

std::string_view to_string(MemoryKind kind) { return kind == MemoryKind::kCuda ? "cuda" : "host"; }

MemoryKind memory_kind_of(const void* /*pointer*/) { return MemoryKind::kHost; }

}  // namespace atoll_core::device
