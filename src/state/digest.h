// Digests of a shared state: of each chunk's bytes; of each tensor, over its name, type, count and
// chunk digests; of the whole, over the tensor digests in order.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "state/state_table.h"
#include "wire/control.h"

namespace atoll_core::state {

using wire::ContentDigest;

struct TensorDigests {
  ContentDigest whole;
  std::vector<ContentDigest> chunks;
  bool operator==(const TensorDigests&) const = default;
};

// ContentDigest{} stands for bytes that are being overwritten.
struct StateDigests {
  ContentDigest whole;
  std::vector<TensorDigests> tensors;
  bool operator==(const StateDigests&) const = default;
};

struct ChunkName {
  uint32_t tensor = 0;
  uint64_t chunk = 0;
  auto operator<=>(const ChunkName&) const = default;
};

ContentDigest chunk_digest(ByteSpan bytes);
ContentDigest tensor_digest(std::string_view name, DataType type, uint64_t count,
                            std::span<const ContentDigest> chunks);
ContentDigest state_digest(std::span<const ContentDigest> tensors);

StateDigests compute_digests(const StateTable& table);
// Reads only `changed` again; `digests` must be of this table.
void update_digests(const StateTable& table, std::span<const ChunkName> changed,
                    StateDigests& digests);

// A torn state has nothing to give: it takes part as kReceiveOnly, whatever `strategy` says.
// wire::state_layout() of the table's tensors.
uint64_t layout_of(const StateTable& table);

wire::StateSummary make_summary(const StateTable& table, const StateDigests& digests,
                                wire::SyncStrategy strategy);

// A list of digests on the wire: high, then low, little-endian.
ByteBuffer encode_digests(std::span<const ContentDigest> digests);
// `bytes` must be a multiple of kDigestBytes.
std::vector<ContentDigest> decode_digests(ByteSpan bytes);

}  // namespace atoll_core::state
