// What may come behind a header that nobody has announced: it is read along, so that a frame costs
// one system call. What has a place of its own is copied there, so little is read ahead of bulk
// data, where each header comes with the end of the frame before it. What has none and came whole
// is used where it lies, so as much is read ahead as such a frame had the last time; and if it is
// all that came, whoever gets it may have it with its memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>

#include "base/buffer_pool.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "wire/frame.h"

namespace atoll_core::link {

class ReadAhead {
 public:
  static constexpr size_t kLeast = 16u << 10;
  static constexpr size_t kPayloadMost = limits::kReadAheadBytes;

  // `pool`: whence its memory is; null: the heap. It outlives this.
  explicit ReadAhead(BufferPool* pool) : pool_(pool) {}

  // For the next read. What lay here is gone.
  MutableByteSpan space() {
    if (buffer_ == nullptr || buffer_->size() < wanted_) {
      buffer_ = pool_ != nullptr ? pool_->take(wanted_) : std::make_shared<ByteBuffer>(wanted_);
    }
    return MutableByteSpan(*buffer_).first(wanted_);
  }
  // What the last read has put here.
  MutableByteSpan taken(size_t bytes) {
    return bytes == 0 ? MutableByteSpan() : MutableByteSpan(*buffer_).first(bytes);
  }
  // Elements may be read from what lies here, whatever came before them.
  bool lies_well(ByteSpan payload) const {
    return static_cast<size_t>(payload.data() - buffer_->data()) % kAlignment == 0;
  }
  // Of what was taken all that is left is a payload of this size, and it is worth another buffer.
  std::shared_ptr<ByteBuffer> holder_of(ByteSpan left, size_t size) const {
    const bool alone = left.data() == buffer_->data() && left.size() == size;
    return alone && size >= BufferPool::kLeastBytes ? buffer_ : nullptr;
  }
  // Who was given its holder may have kept it.
  void let_go() {
    if (buffer_ != nullptr && buffer_.use_count() > 1) buffer_.reset();
  }

  // `used_here`: it had no place, and could be used where it lay, had it come whole.
  void frame_came(size_t payload_bytes, bool used_here) {
    if (payload_bytes == 0) return;
    const bool worth_it = used_here && payload_bytes <= kPayloadMost;
    // And the next header, so that a read gets less than it could and is known to be the last.
    wanted_ = worth_it ? std::max(payload_bytes + wire::kFrameHeaderBytes, kLeast) : kLeast;
  }

 private:
  static constexpr size_t kAlignment = 16;  // of elements at most

  BufferPool* pool_;
  std::shared_ptr<ByteBuffer> buffer_;
  size_t wanted_ = kLeast;
};

}  // namespace atoll_core::link
