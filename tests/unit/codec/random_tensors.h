// A batch of tensors in random pieces of memory, unaligned and some of them in place and some
// empty, beside flat copies of what their sources and sinks held at the start.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/element.h"
#include "codec/tensor_list.h"

namespace atoll_core::codec::testing {

inline ByteBuffer random_bytes(std::mt19937_64& random, size_t size) {
  ByteBuffer bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

class RandomTensors {
 public:
  RandomTensors(DataType type, uint64_t seed, uint64_t in_place_percent = 30) : random_(seed) {
    const size_t tensor_count = random_() % 12;
    std::vector<TensorView> views;
    for (size_t i = 0; i < tensor_count; ++i) {
      const uint64_t count = random_() % 4 == 0 ? 0 : random_() % 300;
      const bool in_place = random_() % 100 < in_place_percent;
      TensorView view;
      view.count = count;
      view.sink = add_memory(count * size_of(type));
      view.source = in_place ? view.sink : add_memory(count * size_of(type));
      views.push_back(view);
      append(source_, view.source, count * size_of(type));
      append(sink_, view.sink, count * size_of(type));
    }
    list_.push_back(TensorList::create(type, std::move(views)).value());
  }

  const TensorList& list() const { return list_.front(); }
  const ByteBuffer& source() const { return source_; }
  const ByteBuffer& sink() const { return sink_; }
  std::mt19937_64& random() { return random_; }

  ElementRange random_range() {
    const uint64_t a = random_() % (list().total_count() + 1);
    const uint64_t b = random_() % (list().total_count() + 1);
    return {std::min(a, b), std::max(a, b)};
  }

  // The bytes of a range in one of the flat copies.
  ByteSpan slice(const ByteBuffer& flat, ElementRange range) const {
    return ByteSpan(flat).subspan(range.begin * list().element_bytes(), list().bytes_of(range));
  }

  // All sinks as they are now.
  ByteBuffer sinks_now() const {
    ByteBuffer now;
    for (const TensorView& view : list().tensors()) {
      append(now, view.sink, view.count * list().element_bytes());
    }
    return now;
  }

 private:
  static void append(ByteBuffer& flat, const std::byte* bytes, size_t size) {
    flat.insert(flat.end(), bytes, bytes + size);
  }

  std::byte* add_memory(size_t size) {
    const size_t offset = random_() % 9;
    memory_.push_back(random_bytes(random_, size + offset));
    return memory_.back().data() + offset;
  }

  std::mt19937_64 random_;
  std::vector<ByteBuffer> memory_;
  ByteBuffer source_;
  ByteBuffer sink_;
  std::vector<TensorList> list_;  // exactly one
};

}  // namespace atoll_core::codec::testing
