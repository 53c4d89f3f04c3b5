// What others bring to the chunks that are reduced here in member order, kept until all have come.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <vector>

#include "base/buffer_pool.h"
#include "base/bytes.h"
#include "base/element.h"
#include "engine/slab_slots.h"
#include "engine/weight_list.h"
#include "link/link.h"

namespace atoll_core::engine {

class Contributions {
 public:
  // A chunk of one participant.
  struct Part {
    std::byte* place = nullptr;         // in a slab, or
    std::shared_ptr<ByteBuffer> owned;  // of a small call
    ByteSpan elements;                  // empty: it has not come
    double weight = 1.0;
  };
  struct Chunk {
    std::vector<Part> parts;  // by participant; this one's own stays empty
    uint64_t reach = std::numeric_limits<uint64_t>::max();  // the least that came with a part
  };

  // `small`: chunks lie in `buffers` and nobody may write to them. Else they have slots of a
  // slab, where they may be received.
  Contributions(bool small, BackupPool& slabs, BufferPool& buffers)
      : small_(small), buffers_(buffers), slots_(slabs) {}

  // A new attempt; no chunk of the call has more bytes.
  void begin(size_t participants, size_t chunk_bytes_max);
  // Of the attempt: nobody writes to its places any more.
  void forget();

  // Where the elements of a large call may be received; the same when asked again. Null: no memory.
  std::byte* place(const ElementRange& range, uint32_t from, size_t bytes);
  // They have come whole, perhaps at that place, or in memory that may be kept. False: no memory.
  [[nodiscard]] bool add(const ElementRange& range, uint32_t from, const link::Payload& elements);

  Chunk& chunk(const ElementRange& range);
  // It was reduced.
  void drop(const ElementRange& range);

 private:
  const bool small_;
  BufferPool& buffers_;
  size_t participants_ = 0;
  SlabSlots slots_;
  std::map<uint64_t, Chunk> chunks_;  // by first element
};

}  // namespace atoll_core::engine
