// Text for a buffer of the caller's.
#pragma once

#include <cstddef>
#include <string>

#include "base/error.h"

namespace atoll_core::capi {

struct TextBuffer {
  char* buffer = nullptr;  // null: only the size is wanted
  size_t capacity = 0;
  size_t* needed = nullptr;  // null: not wanted
};

// The whole text with its end, or an error that tells the size; never a part.
inline Result<void> copy_text(const std::string& text, const char* function,
                              const TextBuffer& into) {
  const size_t size = text.size() + 1;
  if (into.needed != nullptr) *into.needed = size;
  if (into.buffer == nullptr) return {};
  if (into.capacity < size) {
    return fail(ErrorCode::kInvalidArgument, "{}: the text has {} bytes, the buffer {}", function,
                size, into.capacity);
  }
  __builtin_memcpy(into.buffer, text.c_str(), size);
  return {};
}

}  // namespace atoll_core::capi
