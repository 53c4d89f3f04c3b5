#include "codec/codec.h"

#include <cstring>

namespace atoll_core::codec {
namespace {

class IdentityCodec final : public Codec {
 public:
  std::string_view name() const override { return "identity"; }
  uint32_t id() const override { return kIdentityCodec; }
  bool is_identity() const override { return true; }

  uint64_t encoded_bytes(DataType type, uint64_t count) const override {
    return size_of(type) * count;
  }

  Result<void> encode(DataType type, ByteSpan elements, MutableByteSpan encoded) const override {
    return copy(type, elements, encoded);
  }

  Result<void> decode(DataType type, ByteSpan encoded, MutableByteSpan elements) const override {
    return copy(type, encoded, elements);
  }

 private:
  static Result<void> copy(DataType type, ByteSpan source, MutableByteSpan destination) {
    if (source.size() != destination.size() || source.size() % size_of(type) != 0) {
      return fail(ErrorCode::kInvalidArgument,
                  "the identity codec cannot turn {} bytes into {} bytes of {}", source.size(),
                  destination.size(), to_string(type));
    }
    if (!source.empty()) std::memcpy(destination.data(), source.data(), source.size());
    return {};
  }
};

}  // namespace

const Codec& identity_codec() {
  static const IdentityCodec codec;
  return codec;
}

const Codec* find_codec(uint32_t id) { return id == kIdentityCodec ? &identity_codec() : nullptr; }

}  // namespace atoll_core::codec
