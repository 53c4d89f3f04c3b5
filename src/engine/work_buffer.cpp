#include "engine/work_buffer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"

namespace atoll_core::engine {

uint64_t WorkBuffer::bytes_for(const codec::TensorList& caller) const {
  return std::max<uint64_t>(caller.total_bytes(), size_of(type_)) + extra_ * size_of(type_);
}

void WorkBuffer::allocate(const codec::TensorList& caller) {
  bytes_ = pool_.take(bytes_for(caller));
  reads_caller_ = false;
  set_tensors(bytes_->data(), bytes_->data(), bytes_->size() / size_of(type_));
}

void WorkBuffer::set_tensors(const std::byte* source, std::byte* sink, uint64_t count) {
  auto made = codec::TensorList::create(type_, {{source, sink, count}});
  ATOLL_ASSERT(made.has_value(), "{} elements", count);
  tensors_.emplace(std::move(*made));
}

void WorkBuffer::open(const codec::TensorList& caller, const ElementRange& input) {
  allocate(caller);
  std::byte* const begin = bytes_->data();
  std::byte* to = begin + caller.bytes_of({0, input.begin});
  std::fill(begin, to, std::byte{0});
  caller.for_each_source_span(input, [&](ByteSpan piece) {
    std::memcpy(to, piece.data(), piece.size());
    to += piece.size();
  });
  std::fill(to, begin + bytes_->size(), std::byte{0});
}

void WorkBuffer::open_over(const codec::TensorList& caller) {
  ATOLL_ASSERT(caller.tensors().size() == 1 && bytes_for(caller) == caller.total_bytes(),
               "{} tensors, {} bytes", caller.tensors().size(), caller.total_bytes());
  bytes_.reset();
  reads_caller_ = true;
  set_tensors(caller.tensors().front().source, nullptr, caller.total_count());
}

void WorkBuffer::make_room(const codec::TensorList& caller) {
  if (bytes_ != nullptr) return;
  bytes_ = pool_.take(bytes_for(caller));
  set_tensors(caller.tensors().front().source, bytes_->data(), caller.total_count());
}

void WorkBuffer::adopt(const codec::TensorList& caller, std::shared_ptr<ByteBuffer> holder) {
  ATOLL_ASSERT(holder->size() >= bytes_for(caller), "{} bytes, not {}", holder->size(),
               bytes_for(caller));
  holder->resize(bytes_for(caller));
  const std::byte* const source = reads_caller_ ? caller.tensors().front().source : holder->data();
  bytes_ = std::move(holder);
  set_tensors(source, bytes_->data(), bytes_->size() / size_of(type_));
}

void WorkBuffer::open_with(const codec::TensorList& caller, ByteSpan result) {
  allocate(caller);
  ATOLL_ASSERT(result.size() == bytes_->size(), "{} bytes, not {}", result.size(), bytes_->size());
  std::memcpy(bytes_->data(), result.data(), result.size());
}

void WorkBuffer::close() {
  tensors_.reset();
  bytes_.reset();
  reads_caller_ = false;
}

void WorkBuffer::copy_to(const codec::TensorList& caller, const ElementRange& range) const {
  const std::byte* from = bytes_->data() + caller.bytes_of({0, range.begin});
  caller.for_each_sink_span(range, [&](MutableByteSpan piece) {
    std::memcpy(piece.data(), from, piece.size());
    from += piece.size();
  });
}

}  // namespace atoll_core::engine
