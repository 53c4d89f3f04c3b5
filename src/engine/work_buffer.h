// Where a small collective works: a copy of the caller's input that belongs to the library, so that
// the call can return while others still need what this peer sends, and the input is untouched
// until there is a result. It is filled with zeros where the caller brings nothing. Where nobody
// can need the input once there is a result it is read where the caller has it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/buffer_pool.h"
#include "base/bytes.h"
#include "base/element.h"
#include "codec/tensor_list.h"

namespace atoll_core::engine {

class WorkBuffer {
 public:
  // The work is done on elements of `type`, which may be another than the caller's; so many of them
  // follow those of the caller.
  WorkBuffer(DataType type, size_t extra, BufferPool& pool)
      : type_(type), extra_(extra), pool_(pool) {}

  // At least one element, so that an empty call, too, waits for all.
  uint64_t bytes_for(const codec::TensorList& caller) const;

  // A new buffer with this part of the caller's input in it, and zeros around it. The old one lives
  // on in frames.
  void open(const codec::TensorList& caller, const ElementRange& input);
  // The input is read where the caller has it. Of one tensor of this type that he brings whole.
  void open_over(const codec::TensorList& caller);
  bool reads_caller() const { return reads_caller_; }
  // Where the result may be written.
  void make_room(const codec::TensorList& caller);
  // The whole result has come, in this memory.
  void adopt(const codec::TensorList& caller, std::shared_ptr<ByteBuffer> holder);
  // Another member's result, of the size for the caller's tensors.
  void open_with(const codec::TensorList& caller, ByteSpan result);
  void close();

  // One tensor; in place, unless the caller's is read.
  const codec::TensorList& tensors() const { return *tensors_; }
  const std::shared_ptr<ByteBuffer>& bytes() const { return bytes_; }
  void copy_to(const codec::TensorList& caller, const ElementRange& range) const;

 private:
  void allocate(const codec::TensorList& caller);
  void set_tensors(const std::byte* source, std::byte* sink, uint64_t count);

  const DataType type_;
  const size_t extra_;
  BufferPool& pool_;
  std::shared_ptr<ByteBuffer> bytes_;
  std::optional<codec::TensorList> tensors_;
  bool reads_caller_ = false;
};

}  // namespace atoll_core::engine
