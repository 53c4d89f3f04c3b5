#include "kernels/hash.h"

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace atoll_core::kernels {
namespace {

ByteBuffer random_bytes(size_t size, uint64_t seed) {
  std::mt19937_64 random(seed);
  ByteBuffer bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

// The published digests of the empty input: what is on the wire must not change with a library.
TEST(Hash, IsXxh3) {
  EXPECT_EQ(to_string(hash128({})), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(hash64({}), 0x2d06800538d394c2u);
}

TEST(Hash, TextIsHighPartFirstWithLeadingZeros) {
  EXPECT_EQ(to_string(Digest{0x0123, 0xABCD}), "0000000000000123000000000000abcd");
}

TEST(Hash, OrdersByHighThenLow) {
  EXPECT_LT((Digest{1, 9}), (Digest{2, 0}));
  EXPECT_LT((Digest{1, 8}), (Digest{1, 9}));
  EXPECT_EQ((Digest{1, 8}), (Digest{1, 8}));
}

TEST(Hash, EveryByteCounts) {
  ByteBuffer bytes = random_bytes(777, 1);
  const Digest digest = hash128(bytes);
  const uint64_t small = hash64(bytes);
  for (std::byte& byte : bytes) {
    byte ^= std::byte{1};
    ASSERT_NE(hash128(bytes), digest);
    ASSERT_NE(hash64(bytes), small);
    byte ^= std::byte{1};
  }
  EXPECT_EQ(hash128(bytes), digest);
}

TEST(Hasher128, PiecesDoNotMatter) {
  std::mt19937_64 random(2);
  for (const size_t size : {0, 1, 16, 17, 128, 240, 241, 1023, 1024, 1025, 100000}) {
    const ByteBuffer bytes = random_bytes(size, size + 3);
    Hasher128 hasher;
    for (int round = 0; round < 5; ++round) {
      hasher.reset();
      ByteSpan rest = bytes;
      while (!rest.empty()) {
        const size_t piece = std::min<size_t>(rest.size(), random() % 3000);
        hasher.update(rest.first(piece));
        rest = rest.subspan(piece);
      }
      ASSERT_EQ(hasher.finish(), hash128(bytes)) << size;
    }
  }
}

TEST(Hasher128, GoesOnAfterFinish) {
  const ByteBuffer bytes = random_bytes(5000, 4);
  Hasher128 hasher;
  hasher.update(ByteSpan(bytes).first(1234));
  EXPECT_EQ(hasher.finish(), hash128(ByteSpan(bytes).first(1234)));
  EXPECT_EQ(hasher.finish(), hash128(ByteSpan(bytes).first(1234)));
  hasher.update(ByteSpan(bytes).subspan(1234));
  EXPECT_EQ(hasher.finish(), hash128(bytes));
}

TEST(Hasher128, Moves) {
  const ByteBuffer bytes = random_bytes(500, 5);
  Hasher128 first;
  first.update(ByteSpan(bytes).first(100));
  Hasher128 second = std::move(first);
  second.update(ByteSpan(bytes).subspan(100));
  EXPECT_EQ(second.finish(), hash128(bytes));
}

}  // namespace
}  // namespace atoll_core::kernels
