// Memory for what short calls bring, get and work on. Who has it from the last call finds pages
// that the kernel has given already: to fault them in and zero them took a fifth of the CPU time of
// a call of a megabyte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"

namespace atoll_core {

class BufferPool {
 public:
  // What is smaller comes from the heap, and goes back to it.
  static constexpr size_t kLeastBytes = 32u << 10;
  // Of all that are kept and not in use.
  static constexpr size_t kBytesKeptMax = 32u << 20;

  // So many bytes, which hold anything; throws std::bad_alloc. They come back when nobody refers to
  // them any more; all who do are of one engine, as the pool is, or come after it.
  std::shared_ptr<ByteBuffer> take(size_t bytes);

  size_t bytes_kept() const { return kept_->bytes; }

 private:
  struct Kept {
    // What comes back must find room: a deleter may not throw.
    Kept() { buffers.reserve(kBytesKeptMax / kLeastBytes); }

    std::vector<std::unique_ptr<ByteBuffer>> buffers;  // the last one was in use last
    size_t bytes = 0;                                  // their capacities
  };

  std::unique_ptr<ByteBuffer> find(size_t bytes);

  std::shared_ptr<Kept> kept_ = std::make_shared<Kept>();
};

}  // namespace atoll_core
