#include "state/digest.h"

#include "unit/state/state_fixture.h"

namespace atoll_core::state {
namespace {

const std::vector<uint64_t> kSizes{0, 1, kMiB - 1, kMiB, kMiB + 1, 3 * kMiB + 77, 400};

TEST(StateDigest, IsTheSameForTheSameContent) {
  const auto one = make_state(kSizes, 1, 0);
  const auto two = make_state(kSizes, 1, 0);
  const auto other = make_state(kSizes, 2, 0);
  EXPECT_EQ(one->digests, two->digests);
  EXPECT_NE(one->digests.whole, other->digests.whole);
  for (size_t i = 0; i < kSizes.size(); ++i) {
    ASSERT_EQ(one->digests.tensors[i].chunks.size(), (kSizes[i] + kMiB - 1) / kMiB);
  }
}

TEST(StateDigest, OneByteChangesItsChunkItsTensorAndTheWhole) {
  const auto before = make_state(kSizes, 3, 0);
  auto after = make_state(kSizes, 3, 0);
  after->memory[5]->at(2 * kMiB + 5) ^= std::byte{1};
  const StateDigests digests = compute_digests(after->table);
  EXPECT_NE(digests.whole, before->digests.whole);
  for (size_t t = 0; t < kSizes.size(); ++t) {
    EXPECT_EQ(digests.tensors[t].whole != before->digests.tensors[t].whole, t == 5);
    for (size_t c = 0; c < digests.tensors[t].chunks.size(); ++c) {
      EXPECT_EQ(digests.tensors[t].chunks[c] != before->digests.tensors[t].chunks[c],
                t == 5 && c == 2);
    }
  }
}

TEST(StateDigest, UpdateReadsOnlyWhatItIsTold) {
  auto state = make_state(kSizes, 4, 0);
  state->memory[5]->at(kMiB + 1) ^= std::byte{1};
  state->memory[3]->at(0) ^= std::byte{1};
  const StateDigests all = compute_digests(state->table);
  const std::vector<ChunkName> one{{5, 1}};
  update_digests(state->table, one, state->digests);
  EXPECT_EQ(state->digests.tensors[5], all.tensors[5]);
  EXPECT_NE(state->digests.tensors[3], all.tensors[3]);
  const std::vector<ChunkName> rest{{3, 0}};
  update_digests(state->table, rest, state->digests);
  EXPECT_EQ(state->digests, all);
}

TEST(StateDigest, CoversNameTypeCountAndOrder) {
  const std::vector<ContentDigest> chunks{{1, 2}, {3, 4}};
  const ContentDigest digest = tensor_digest("a", DataType::kInt8, 8, chunks);
  EXPECT_NE(digest, tensor_digest("b", DataType::kInt8, 8, chunks));
  EXPECT_NE(digest, tensor_digest("a", DataType::kUint8, 8, chunks));
  EXPECT_NE(digest, tensor_digest("a", DataType::kInt8, 9, chunks));
  const std::vector<ContentDigest> swapped{{3, 4}, {1, 2}};
  EXPECT_NE(digest, tensor_digest("a", DataType::kInt8, 8, swapped));
  EXPECT_NE(state_digest(chunks), state_digest(swapped));
  EXPECT_NE(state_digest(chunks), state_digest({}));
}

TEST(StateDigest, SummaryNamesWhatThePeerBrings) {
  auto state = make_state(kSizes, 5, 8);
  auto summary = make_summary(state->table, state->digests, wire::SyncStrategy::kSendOnly);
  EXPECT_EQ(summary.revision, 8u);
  EXPECT_EQ(summary.strategy, wire::SyncStrategy::kSendOnly);
  EXPECT_EQ(summary.digest, state->digests.whole);
  ASSERT_EQ(summary.tensors.size(), kSizes.size());
  EXPECT_EQ(summary.tensors[5].name, "layer.5");
  EXPECT_EQ(summary.tensors[5].count, kSizes[5]);
  EXPECT_EQ(summary.tensors[5].digest, state->digests.tensors[5].whole);
  state->table.mark_torn();
  summary = make_summary(state->table, state->digests, wire::SyncStrategy::kSendOnly);
  EXPECT_EQ(summary.strategy, wire::SyncStrategy::kReceiveOnly);
}

TEST(StateDigest, ListsSurviveTheWire) {
  const std::vector<ContentDigest> digests{{0x0102030405060708u, 0x1112131415161718u}, {5, 6}};
  const ByteBuffer bytes = encode_digests(digests);
  ASSERT_EQ(bytes.size(), 32u);
  EXPECT_EQ(bytes[0], std::byte{0x08});
  EXPECT_EQ(bytes[8], std::byte{0x18});
  EXPECT_EQ(decode_digests(bytes), digests);
}

}  // namespace
}  // namespace atoll_core::state
