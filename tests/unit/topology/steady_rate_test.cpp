#include "topology/steady_rate.h"

#include <gtest/gtest.h>

#include <random>

namespace atoll_core::topology {
namespace {

using std::chrono::milliseconds;

constexpr uint64_t kPiece = 100'000;

// One piece after the other, each after its time.
std::vector<Progress> moments_of(const std::vector<int>& milliseconds_each) {
  std::vector<Progress> moments = {{}};
  for (const int time : milliseconds_each) {
    moments.push_back({moments.back().at + milliseconds(time), moments.back().bytes + kPiece});
  }
  return moments;
}

TEST(SteadyRate, IsTheRate) {
  EXPECT_EQ(steady_rate(moments_of({100})), 1'000'000u);
  EXPECT_EQ(steady_rate(moments_of({100, 100, 100, 100})), 1'000'000u);
}

TEST(SteadyRate, IsNothingOfNothing) {
  EXPECT_EQ(steady_rate({}), 0u);
  EXPECT_EQ(steady_rate({{}}), 0u);
  EXPECT_GT(steady_rate({{}, {Duration{0}, kPiece}}), 0u);  // in no time
}

TEST(SteadyRate, LeavesOutABeginningAndAStall) {
  std::vector<int> pieces = {800, 400, 200};
  pieces.insert(pieces.end(), 10, 100);
  pieces.push_back(1500);  // the last one had to be sent again
  const double rate = static_cast<double>(steady_rate(moments_of(pieces)));
  EXPECT_GT(rate, 930'000);
  EXPECT_LE(rate, 1'000'000);
}

// What waits for a lost packet comes at once with it.
TEST(SteadyRate, IsNotTakenInByBursts) {
  std::vector<int> pieces;
  for (int burst = 0; burst < 6; ++burst) pieces.insert(pieces.end(), {397, 1, 1, 1});
  EXPECT_NEAR(static_cast<double>(steady_rate(moments_of(pieces))), 1'000'000, 60'000);
}

TEST(SteadyRate, BearsNoise) {
  std::mt19937 random(1);
  for (int run = 0; run < 50; ++run) {
    std::vector<int> pieces;
    for (int i = 0; i < 24; ++i) pieces.push_back(std::uniform_int_distribution(50, 150)(random));
    EXPECT_NEAR(static_cast<double>(steady_rate(moments_of(pieces))), 1'000'000, 150'000);
  }
}

}  // namespace
}  // namespace atoll_core::topology
