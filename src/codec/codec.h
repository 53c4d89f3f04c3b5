// How a range of elements becomes bytes on the wire, and back.
//
// A codec keeps nothing between calls and may be shared by threads: what a format remembers (a
// residual, a budget) belongs to the owner of the op. The size of an encoding depends on type and
// count alone, so that both ends know it without asking. An encoding may lose precision; then the
// owner of a range stores what its own encoding decodes to, so that all peers hold equal bits
// (see codec/stage.h), and decoding is exact and the same on every CPU.
//
// Elements need no alignment. Where a codec computes with floats, the caller holds a
// kernels::FloatEnvironment.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/element.h"
#include "base/error.h"

namespace atoll_core::codec {

// On the wire, in the fingerprint of a call; never given to another format.
inline constexpr uint32_t kIdentityCodec = 0;

class Codec {
 public:
  Codec() = default;
  virtual ~Codec() = default;
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

  virtual std::string_view name() const = 0;
  virtual uint32_t id() const = 0;

  // True when an encoding is the element bytes themselves: then they are sent from where they are,
  // and reduced from where they arrive.
  virtual bool is_identity() const { return false; }

  // Bytes of the encoding of `count` elements. The caller has bounded the count: size_of(type) *
  // count fits 64 bits.
  virtual uint64_t encoded_bytes(DataType type, uint64_t count) const = 0;

  // `elements` holds a whole number of elements and `encoded` exactly encoded_bytes() of them;
  // atollInvalidArgument otherwise. The two do not overlap.
  virtual Result<void> encode(DataType type, ByteSpan elements, MutableByteSpan encoded) const = 0;

  // The same sizes. `encoded` may come from a remote peer and hold anything: atollInvalidArgument
  // for what no encoder writes, never more than `elements` is written.
  virtual Result<void> decode(DataType type, ByteSpan encoded, MutableByteSpan elements) const = 0;
};

const Codec& identity_codec();

// Null: no codec has this id.
const Codec* find_codec(uint32_t id);

}  // namespace atoll_core::codec
