#include "crypto/random.h"

#include <algorithm>
#include <array>
#include <bit>
#include <set>

#include <gtest/gtest.h>

namespace atoll_core::crypto {
namespace {

TEST(Random, NumbersDiffer) {
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random_u64());
  EXPECT_EQ(seen.size(), 1000u);
}

TEST(Random, AboutHalfOfAllBitsAreSet) {
  ByteBuffer bytes(1 << 16);
  random_bytes(bytes);
  size_t ones = 0;
  for (std::byte byte : bytes) {
    ones += static_cast<size_t>(std::popcount(static_cast<uint8_t>(byte)));
  }
  const double share = static_cast<double>(ones) / (8.0 * static_cast<double>(bytes.size()));
  EXPECT_GT(share, 0.48);
  EXPECT_LT(share, 0.52);
}

TEST(Random, FillsExactlyTheSpan) {
  // Every position of the span changes in one of many rounds; the bytes around it never do.
  constexpr size_t kSize = 37;
  std::array<bool, kSize> changed{};
  for (int round = 0; round < 64; ++round) {
    ByteBuffer bytes(kSize + 2, std::byte{0x5A});
    random_bytes(MutableByteSpan(bytes).subspan(1, kSize));
    EXPECT_EQ(bytes.front(), std::byte{0x5A});
    EXPECT_EQ(bytes.back(), std::byte{0x5A});
    for (size_t i = 0; i < kSize; ++i) changed[i] |= bytes[i + 1] != std::byte{0x5A};
  }
  EXPECT_TRUE(std::all_of(changed.begin(), changed.end(), [](bool c) { return c; }));
}

TEST(Random, AnEmptySpanIsFine) { EXPECT_NO_THROW(random_bytes({})); }

}  // namespace
}  // namespace atoll_core::crypto
