#include "state/digest.h"

#include <array>

#include "base/assert.h"
#include "kernels/hash.h"
#include "wire/little_endian.h"

namespace atoll_core::state {
namespace {

ContentDigest to_content_digest(const kernels::Digest& digest) {
  return {digest.high, digest.low};
}

class DigestBuilder {
 public:
  void add(uint64_t value) {
    std::array<std::byte, 8> bytes;
    wire::store_little_endian(value, bytes.data());
    hasher_.update(bytes);
  }
  void add(std::string_view text) {
    add(uint64_t{text.size()});
    hasher_.update(as_bytes(text));
  }
  void add(std::span<const ContentDigest> digests) {
    add(uint64_t{digests.size()});
    hasher_.update(encode_digests(digests));
  }
  ContentDigest finish() const { return to_content_digest(hasher_.finish()); }

 private:
  kernels::Hasher128 hasher_;
};

ContentDigest digest_of(const StateTensor& tensor, const TensorDigests& digests) {
  return tensor_digest(tensor.name, tensor.type, tensor.count, digests.chunks);
}

void update_whole(StateDigests& digests) {
  std::vector<ContentDigest> tensors;
  tensors.reserve(digests.tensors.size());
  for (const TensorDigests& tensor : digests.tensors) tensors.push_back(tensor.whole);
  digests.whole = state_digest(tensors);
}

}  // namespace

ContentDigest chunk_digest(ByteSpan bytes) { return to_content_digest(kernels::hash128(bytes)); }

ContentDigest tensor_digest(std::string_view name, DataType type, uint64_t count,
                            std::span<const ContentDigest> chunks) {
  DigestBuilder builder;
  builder.add(name);
  builder.add(uint64_t{static_cast<uint8_t>(type)});
  builder.add(count);
  builder.add(chunks);
  return builder.finish();
}

ContentDigest state_digest(std::span<const ContentDigest> tensors) {
  DigestBuilder builder;
  builder.add(tensors);
  return builder.finish();
}

StateDigests compute_digests(const StateTable& table) {
  StateDigests digests;
  digests.tensors.reserve(table.tensors().size());
  for (const StateTensor& tensor : table.tensors()) {
    TensorDigests& entry = digests.tensors.emplace_back();
    entry.chunks.reserve(tensor.chunk_count());
    for (uint64_t i = 0; i < tensor.chunk_count(); ++i) {
      entry.chunks.push_back(chunk_digest(tensor.chunk(i)));
    }
    entry.whole = digest_of(tensor, entry);
  }
  update_whole(digests);
  return digests;
}

void update_digests(const StateTable& table, std::span<const ChunkName> changed,
                    StateDigests& digests) {
  ATOLL_ASSERT(digests.tensors.size() == table.tensors().size(), "digests of {} tensors, not {}",
               digests.tensors.size(), table.tensors().size());
  std::vector<bool> touched(table.tensors().size(), false);
  for (const ChunkName& name : changed) {
    ATOLL_ASSERT(name.tensor < table.tensors().size(), "tensor {} of {}", name.tensor,
                 table.tensors().size());
    const MutableByteSpan bytes = table.tensors()[name.tensor].chunk(name.chunk);
    digests.tensors[name.tensor].chunks[name.chunk] = chunk_digest(bytes);
    touched[name.tensor] = true;
  }
  for (size_t i = 0; i < touched.size(); ++i) {
    if (touched[i]) digests.tensors[i].whole = digest_of(table.tensors()[i], digests.tensors[i]);
  }
  update_whole(digests);
}

wire::StateSummary make_summary(const StateTable& table, const StateDigests& digests,
                                wire::SyncStrategy strategy) {
  ATOLL_ASSERT(digests.tensors.size() == table.tensors().size(), "digests of {} tensors, not {}",
               digests.tensors.size(), table.tensors().size());
  wire::StateSummary summary;
  summary.revision = table.revision();
  summary.strategy = table.torn() ? wire::SyncStrategy::kReceiveOnly : strategy;
  summary.digest = digests.whole;
  summary.committed = table.committed();
  summary.tensors.reserve(table.tensors().size());
  for (size_t i = 0; i < table.tensors().size(); ++i) {
    const StateTensor& tensor = table.tensors()[i];
    summary.tensors.push_back({tensor.name, tensor.type, tensor.count, digests.tensors[i].whole});
  }
  return summary;
}

uint64_t layout_of(const StateTable& table) {
  std::vector<wire::TensorSummary> tensors;
  for (const StateTensor& tensor : table.tensors()) {
    tensors.push_back({tensor.name, tensor.type, tensor.count, {}});
  }
  return wire::state_layout(tensors);
}

ByteBuffer encode_digests(std::span<const ContentDigest> digests) {
  ByteBuffer bytes(digests.size() * kDigestBytes);
  std::byte* at = bytes.data();
  for (const ContentDigest& digest : digests) {
    wire::store_little_endian(digest.high, at);
    wire::store_little_endian(digest.low, at + 8);
    at += kDigestBytes;
  }
  return bytes;
}

std::vector<ContentDigest> decode_digests(ByteSpan bytes) {
  ATOLL_ASSERT(bytes.size() % kDigestBytes == 0, "{} bytes of digests", bytes.size());
  std::vector<ContentDigest> digests(bytes.size() / kDigestBytes);
  const std::byte* at = bytes.data();
  for (ContentDigest& digest : digests) {
    digest.high = wire::load_little_endian<uint64_t>(at);
    digest.low = wire::load_little_endian<uint64_t>(at + 8);
    at += kDigestBytes;
  }
  return digests;
}

}  // namespace atoll_core::state
