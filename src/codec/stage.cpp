#include "codec/stage.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/assert.h"
#include "kernels/copy_aside.h"
#include "kernels/reduce.h"

namespace atoll_core::codec {
namespace {

// What is scaled at a time, to be reduced while it is in the cache. A multiple of all elements.
constexpr size_t kScaledBytes = 4096;

void check_flat(const TensorList& list, ElementRange range, size_t flat_bytes) {
  ATOLL_ASSERT(flat_bytes == list.bytes_of(range), "{} flat bytes for {} elements of {}",
               flat_bytes, range.count(), to_string(list.type()));
}

Result<void> check_encoded(const TensorList& list, ElementRange range, const Codec& codec,
                           ByteSpan encoded) {
  const uint64_t expected = codec.encoded_bytes(list.type(), range.count());
  if (encoded.size() == expected) return {};
  return fail(ErrorCode::kInvalidArgument,
              "{} elements of {} are {} bytes when encoded as {}, but {} came", range.count(),
              to_string(list.type()), expected, codec.name(), encoded.size());
}

// The range in one piece: where it is, or copied to `scratch`.
ByteSpan flatten(const TensorList& list, Side side, ElementRange range, ByteBuffer& scratch) {
  ByteSpan only;
  if (list.contiguous(range)) {
    list.for_each_span(side, range, [&](ByteSpan piece) { only = piece; });
    return only;
  }
  scratch.resize(list.bytes_of(range));
  copy_out(list, side, range, scratch);
  return scratch;
}

}  // namespace

void append_spans(const TensorList& list, Side side, ElementRange range,
                  std::vector<ByteSpan>& spans) {
  list.for_each_span(side, range, [&](ByteSpan piece) { spans.push_back(piece); });
}

void copy_out(const TensorList& list, Side side, ElementRange range, MutableByteSpan flat) {
  check_flat(list, range, flat.size());
  list.for_each_span(side, range, [&](ByteSpan piece) {
    std::memcpy(flat.data(), piece.data(), piece.size());
    flat = flat.subspan(piece.size());
  });
}

void copy_aside(const TensorList& list, Side side, ElementRange range, MutableByteSpan flat) {
  check_flat(list, range, flat.size());
  list.for_each_span(side, range, [&](ByteSpan piece) {
    kernels::copy_aside(flat.data(), piece.data(), piece.size());
    flat = flat.subspan(piece.size());
  });
}

void copy_in(const TensorList& list, ElementRange range, ByteSpan flat) {
  check_flat(list, range, flat.size());
  list.for_each_sink_span(range, [&](MutableByteSpan sink) {
    std::memcpy(sink.data(), flat.data(), sink.size());
    flat = flat.subspan(sink.size());
  });
}

void copy_across(const TensorList& list, ElementRange range) {
  list.for_each_span_pair(Side::kSource, range, [](ByteSpan source, MutableByteSpan sink) {
    if (source.data() != sink.data()) std::memcpy(sink.data(), source.data(), sink.size());
  });
}

void reduce_in(const TensorList& list, ElementRange range, ReduceOp op, Side operand,
               ByteSpan flat) {
  check_flat(list, range, flat.size());
  list.for_each_span_pair(operand, range, [&](ByteSpan local, MutableByteSpan sink) {
    kernels::reduce(list.type(), op, local.data(), flat.data(), sink.data(),
                    sink.size() / list.element_bytes());
    flat = flat.subspan(sink.size());
  });
}

void reduce_scaled_in(const TensorList& list, ElementRange range, ReduceOp op, double factor,
                      ByteSpan flat) {
  check_flat(list, range, flat.size());
  std::array<std::byte, kScaledBytes> scaled;
  list.for_each_span_pair(Side::kSource, range, [&](ByteSpan source, MutableByteSpan sink) {
    while (!sink.empty()) {
      const size_t bytes = std::min(sink.size(), scaled.size());
      const uint64_t count = bytes / list.element_bytes();
      kernels::scale(list.type(), source.data(), scaled.data(), count, factor);
      kernels::reduce(list.type(), op, scaled.data(), flat.data(), sink.data(), count);
      source = source.subspan(bytes);
      sink = sink.subspan(bytes);
      flat = flat.subspan(bytes);
    }
  });
}

void combine_in(const TensorList& list, ElementRange range, ReduceOp op, double factor,
                std::vector<ByteSpan> parts) {
  ATOLL_ASSERT(parts.size() > 1, "{} parts", parts.size());
  for (const ByteSpan part : parts) {
    if (!part.empty()) check_flat(list, range, part.size());
  }
  std::array<std::byte, kScaledBytes> scaled;
  std::array<std::byte, kScaledBytes> partial;
  list.for_each_span_pair(Side::kSource, range, [&](ByteSpan source, MutableByteSpan sink) {
    while (!sink.empty()) {
      const size_t bytes = std::min(sink.size(), scaled.size());
      const uint64_t count = bytes / list.element_bytes();
      const std::byte* own = source.data();
      if (factor != 1.0) {
        kernels::scale(list.type(), own, scaled.data(), count, factor);
        own = scaled.data();
      }
      const auto operand = [&](size_t i) { return parts[i].empty() ? own : parts[i].data(); };
      const std::byte* so_far = operand(0);
      for (size_t i = 1; i < parts.size(); ++i) {
        // The sink may be the source: it is written last.
        std::byte* to = i + 1 == parts.size() ? sink.data() : partial.data();
        kernels::reduce(list.type(), op, so_far, operand(i), to, count);
        so_far = partial.data();
      }
      for (ByteSpan& part : parts) part = part.empty() ? part : part.subspan(bytes);
      source = source.subspan(bytes);
      sink = sink.subspan(bytes);
    }
  });
}

void scale_out(const TensorList& list, ElementRange range, double factor, MutableByteSpan flat) {
  check_flat(list, range, flat.size());
  list.for_each_source_span(range, [&](ByteSpan source) {
    kernels::scale(list.type(), source.data(), flat.data(), source.size() / list.element_bytes(),
                   factor);
    flat = flat.subspan(source.size());
  });
}

void scale_sink(const TensorList& list, ElementRange range, double factor) {
  list.for_each_sink_span(range, [&](MutableByteSpan sink) {
    kernels::scale(list.type(), sink.data(), sink.data(), sink.size() / list.element_bytes(),
                   factor);
  });
}

void clear_sink(const TensorList& list, ElementRange range) {
  list.for_each_sink_span(range, [](MutableByteSpan sink) {
    std::memset(sink.data(), 0, sink.size());
  });
}

void divide_sink(const TensorList& list, ElementRange range, double divisor) {
  list.for_each_sink_span(range, [&](MutableByteSpan sink) {
    kernels::divide(list.type(), sink.data(), sink.size() / list.element_bytes(), divisor);
  });
}

Result<void> encode_out(const TensorList& list, Side side, ElementRange range, const Codec& codec,
                        ByteBuffer& scratch, std::vector<ByteSpan>& spans) {
  if (codec.is_identity()) {
    append_spans(list, side, range, spans);
    return {};
  }
  if (range.empty()) return {};
  ByteBuffer gathered;
  const ByteSpan elements = flatten(list, side, range, gathered);
  scratch.resize(codec.encoded_bytes(list.type(), range.count()));
  const Result<void> encoded = codec.encode(list.type(), elements, scratch);
  if (encoded) spans.push_back(scratch);
  return encoded;
}

Result<void> decode_in(const TensorList& list, ElementRange range, const Codec& codec,
                       ByteSpan encoded) {
  if (Result<void> fits = check_encoded(list, range, codec, encoded); !fits) return fits;
  if (codec.is_identity()) {
    copy_in(list, range, encoded);
    return {};
  }
  ByteBuffer elements(list.bytes_of(range));
  Result<void> decoded = codec.decode(list.type(), encoded, elements);
  if (decoded) copy_in(list, range, elements);
  return decoded;
}

Result<void> decode_and_reduce_in(const TensorList& list, ElementRange range, ReduceOp op,
                                  Side operand, const Codec& codec, ByteSpan encoded) {
  if (Result<void> fits = check_encoded(list, range, codec, encoded); !fits) return fits;
  if (codec.is_identity()) {
    reduce_in(list, range, op, operand, encoded);
    return {};
  }
  ByteBuffer elements(list.bytes_of(range));
  Result<void> decoded = codec.decode(list.type(), encoded, elements);
  if (decoded) reduce_in(list, range, op, operand, elements);
  return decoded;
}

}  // namespace atoll_core::codec
