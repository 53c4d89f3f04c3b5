#include "base/buffer_pool.h"

#include <utility>

namespace atoll_core {

std::shared_ptr<ByteBuffer> BufferPool::take(size_t bytes) {
  if (bytes < kLeastBytes) return std::make_shared<ByteBuffer>(bytes);
  std::unique_ptr<ByteBuffer> buffer = find(bytes);
  if (buffer == nullptr) buffer = std::make_unique<ByteBuffer>(bytes);
  buffer->resize(bytes);
  const auto give_back = [kept = std::weak_ptr<Kept>(kept_)](ByteBuffer* used) {
    std::unique_ptr<ByteBuffer> owned(used);
    const std::shared_ptr<Kept> pool = kept.lock();
    if (pool == nullptr || pool->bytes + owned->capacity() > kBytesKeptMax) return;
    pool->bytes += owned->capacity();
    pool->buffers.push_back(std::move(owned));
  };
  return {buffer.release(), give_back};
}

// One that is large enough, and at most twice as large.
std::unique_ptr<ByteBuffer> BufferPool::find(size_t bytes) {
  auto& buffers = kept_->buffers;
  for (size_t i = buffers.size(); i-- > 0;) {
    const size_t capacity = buffers[i]->capacity();
    if (capacity < bytes || capacity / 2 > bytes) continue;
    std::unique_ptr<ByteBuffer> found = std::move(buffers[i]);
    buffers.erase(buffers.begin() + static_cast<std::ptrdiff_t>(i));
    kept_->bytes -= capacity;
    return found;
  }
  return nullptr;
}

}  // namespace atoll_core
