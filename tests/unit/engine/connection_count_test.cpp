#include <gtest/gtest.h>

#include "engine/connection_count.h"

namespace atoll_core::engine {
namespace {

TEST(ConnectionCount, IsOneNearbyAndWhereNothingIsKnown) {
  EXPECT_EQ(connections_for(0, 0), 1u);
  EXPECT_EQ(connections_for(0, 10'000'000'000), 1u);
  EXPECT_EQ(connections_for(30, 5'000'000'000), 1u);
  EXPECT_EQ(connections_for(1999, 1'000'000'000), 1u);
}

TEST(ConnectionCount, KeepsThePathFull) {
  // 100 Mbit/s: 25 kB, 250 kB, 1 MB in flight.
  EXPECT_EQ(connections_for(2000, 0), 1u);
  EXPECT_EQ(connections_for(20'000, 0), 3u);
  EXPECT_EQ(connections_for(80'000, 0), 11u);
  EXPECT_EQ(connections_for(80'000, 12'500'000), 11u);
  // 1 Gbit/s at 5 ms: 625 kB. Ten times slower than assumed at 80 ms: 100 kB.
  EXPECT_EQ(connections_for(5000, 125'000'000), 7u);
  EXPECT_EQ(connections_for(80'000, 1'250'000), 2u);
}

TEST(ConnectionCount, HasABound) {
  EXPECT_EQ(connections_for(150'000, 0), 16u);
  EXPECT_EQ(connections_for(120'000'000, 1'000'000'000'000), 16u);
}

}  // namespace
}  // namespace atoll_core::engine
