#include "tools/atoll/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace atoll_cli {
namespace {

TEST(Statistics, MedianOfEvenAndOddCounts) {
  EXPECT_EQ(median({}), 0);
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
}

TEST(Statistics, ThinnedKeepsMedians) {
  const std::vector<Point> points{{1, 10}, {2, 1000}, {3, 12}, {4, 20}, {5, 21}};
  EXPECT_EQ(thinned(points, 5).size(), 5u);
  const std::vector<Point> few = thinned(points, 2);
  ASSERT_EQ(few.size(), 2u);
  EXPECT_EQ(few[0].at, 2);
  EXPECT_EQ(few[0].value, 12);
  EXPECT_EQ(few[1].at, 4.5);
  EXPECT_EQ(few[1].value, 20.5);
}

TEST(Statistics, AStraightLineHasItsSlopeExactly) {
  std::vector<Point> points;
  for (int i = 0; i < 30; ++i) points.push_back({double(i), 7 + 2.0 * i});
  const auto slope = theil_sen(points);
  ASSERT_TRUE(slope);
  EXPECT_DOUBLE_EQ(slope->slope, 2);
  EXPECT_DOUBLE_EQ(slope->low, 2);
  EXPECT_DOUBLE_EQ(slope->high, 2);
}

TEST(Statistics, OutliersDoNotMoveTheSlope) {
  std::vector<Point> points;
  for (int i = 0; i < 30; ++i) points.push_back({double(i), i % 10 == 3 ? 1e9 : 2.0 * i});
  EXPECT_NEAR(theil_sen(points)->slope, 2, 0.5);
}

TEST(Statistics, TooFewPointsHaveNoSlope) {
  EXPECT_FALSE(theil_sen({{1, 1}, {2, 2}}));
  EXPECT_FALSE(theil_sen({{1, 1}, {1, 2}, {1, 3}}));
}

// 95 % of the intervals hold the true slope, give or take the chance of 400 runs.
TEST(Statistics, TheIntervalHoldsTheTrueSlopeAsOftenAsItSays) {
  std::mt19937_64 random(5);
  std::normal_distribution<double> noise(0, 50);
  int held = 0;
  for (int run = 0; run < 400; ++run) {
    std::vector<Point> points;
    for (int i = 0; i < 40; ++i) points.push_back({double(i), 3.0 * i + noise(random)});
    const auto slope = theil_sen(points);
    if (slope->low <= 3 && 3 <= slope->high) ++held;
  }
  EXPECT_GE(held, 400 * 0.91);
  EXPECT_LE(held, 400 * 0.99);
}

}  // namespace
}  // namespace atoll_cli
