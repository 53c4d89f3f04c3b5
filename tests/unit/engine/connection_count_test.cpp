#include <gtest/gtest.h>

#include "engine/connection_count.h"

namespace atoll_core::engine {
namespace {

uint32_t by_loss(uint64_t rtt_us, uint64_t rate) { return connections_for({rtt_us, rate, false}); }
uint32_t by_rate(uint64_t rtt_us, uint64_t rate) { return connections_for({rtt_us, rate, true}); }

TEST(ConnectionCount, IsOneNearbyAndWhereNothingIsKnown) {
  EXPECT_EQ(by_loss(0, 0), 1u);
  EXPECT_EQ(by_loss(0, 10'000'000'000), 1u);
  EXPECT_EQ(by_loss(30, 5'000'000'000), 1u);
  EXPECT_EQ(by_loss(1999, 1'000'000'000), 1u);
  EXPECT_EQ(by_rate(1999, 1'000'000'000), 1u);
}

TEST(ConnectionCount, KeepsThePathFull) {
  // 100 Mbit/s: 25 kB, 250 kB, 1 MB in flight.
  EXPECT_EQ(by_loss(2000, 0), 1u);
  EXPECT_EQ(by_loss(20'000, 0), 7u);
  EXPECT_EQ(by_loss(80'000, 0), 25u);
  EXPECT_EQ(by_loss(80'000, 12'500'000), 25u);
  // 1 Gbit/s at 5 ms: 625 kB. Ten times slower than assumed at 80 ms: 100 kB.
  EXPECT_EQ(by_loss(5000, 125'000'000), 16u);
  EXPECT_EQ(by_loss(80'000, 1'250'000), 3u);
}

TEST(ConnectionCount, IsSmallWhereLossSaysNothing) {
  EXPECT_EQ(by_rate(2000, 0), 1u);
  EXPECT_EQ(by_rate(80'000, 0), 2u);
  EXPECT_EQ(by_rate(80'000, 1'250'000), 2u);
}

TEST(ConnectionCount, FitsIntoTheBuffersOfSocketsWhereLossSaysNothing) {
  // 1 Gbit/s at 20, 80 and 150 ms: 2.5, 10 and 19 MB.
  EXPECT_EQ(by_rate(20'000, 125'000'000), 2u);
  EXPECT_EQ(by_rate(80'000, 125'000'000), 5u);
  EXPECT_EQ(by_rate(150'000, 125'000'000), 9u);
}

TEST(ConnectionCount, HasABound) {
  EXPECT_EQ(by_loss(150'000, 0), 32u);
  EXPECT_EQ(by_loss(120'000'000, 1'000'000'000'000), 32u);
  EXPECT_EQ(by_rate(120'000'000, 1'000'000'000'000), 32u);
}

}  // namespace
}  // namespace atoll_core::engine
