#include <gtest/gtest.h>

#include "link/rate_meter.h"

namespace atoll_core::link {
namespace {

using std::chrono::milliseconds;

constexpr uint64_t kMiB = 1u << 20;

class RateMeterTest : public ::testing::Test {
 protected:
  // So many acknowledgements of 10 ms each.
  void carry(RateMeter& meter, int times, uint64_t bytes) {
    for (int i = 0; i < times; ++i) meter.acknowledged(now_ += milliseconds(10), bytes);
  }
  // As each stretch, it says what it found when the next one begins.
  void end(RateMeter& meter) {
    meter.ran_dry();
    meter.acknowledged(now_ += milliseconds(10), 1);
  }

  TimePoint now_{std::chrono::seconds(1)};
  HostMeter host_;
  RateMeter one_{host_, {}};
  RateMeter other_{host_, {}};
};

TEST_F(RateMeterTest, KnowsNothingAtFirst) {
  EXPECT_EQ(one_.bytes_per_second(), 0u);
  EXPECT_EQ(host_.egress.best(), 0u);
}

TEST_F(RateMeterTest, CountsAStretchInWhichThereWasAlwaysMore) {
  carry(one_, 21, 100'000);
  end(one_);
  EXPECT_EQ(one_.bytes_per_second(), 10'000'000u);
  EXPECT_EQ(host_.egress.best(), 0u);
}

TEST_F(RateMeterTest, ShortOrSmallStretchesSayNothing) {
  carry(one_, 4, kMiB);
  end(one_);
  carry(one_, 20, 1000);
  end(one_);
  EXPECT_EQ(one_.bytes_per_second(), 0u);
}

TEST_F(RateMeterTest, AStretchEndsWhenThereIsNothingToSend) {
  for (int i = 0; i < 50; ++i) {
    carry(one_, 3, kMiB);
    one_.ran_dry();
    now_ += milliseconds(500);
  }
  EXPECT_EQ(one_.bytes_per_second(), 0u);
  carry(one_, 11, kMiB);
  one_.ran_dry();
  now_ += milliseconds(5000);
  end(one_);
  EXPECT_EQ(one_.bytes_per_second(), 100 * kMiB) << "the pause after it does not count";
}

TEST_F(RateMeterTest, ALongStretchIsCut) {
  carry(one_, 200, 100'000);
  EXPECT_EQ(one_.bytes_per_second(), 10'000'000u);
}

TEST_F(RateMeterTest, SeveralLinksAtOnceTellOfTheHost) {
  for (int i = 0; i < 31; ++i) {
    now_ += milliseconds(10);
    one_.acknowledged(now_, 100'000);
    other_.acknowledged(now_, 50'000);
  }
  EXPECT_EQ(one_.bytes_per_second(), 0u);
  EXPECT_EQ(other_.bytes_per_second(), 0u);
  EXPECT_NEAR(static_cast<double>(host_.egress.best()), 15e6, 0.5e6);
}

TEST_F(RateMeterTest, ALittleBesideItDoesNoHarm) {
  for (int i = 0; i < 31; ++i) {
    now_ += milliseconds(10);
    one_.acknowledged(now_, 100'000);
    other_.acknowledged(now_, 5000);
  }
  EXPECT_EQ(one_.bytes_per_second(), 10'000'000u);
  EXPECT_EQ(host_.egress.best(), 0u);
}

TEST(RateSamples, KeepTheBestOfTheLastSixteen) {
  RateSamples samples;
  samples.add(900);
  for (int i = 0; i < 15; ++i) samples.add(100);
  EXPECT_EQ(samples.best(), 900u);
  samples.add(200);
  EXPECT_EQ(samples.best(), 200u);
}

}  // namespace
}  // namespace atoll_core::link
