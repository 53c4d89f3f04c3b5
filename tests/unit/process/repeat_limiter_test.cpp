#include "process/repeat_limiter.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace atoll_core::process {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

constexpr TimePoint kStart{1h};

std::string line(int number) { return fmt::format("127.0.0.1:{} sent what is no message", number); }

// So many of one kind pass.
size_t pass(RepeatLimiter& limiter, TimePoint now, int count) {
  size_t passed = 0;
  for (int i = 0; i < count; ++i) passed += limiter.passes(now, line(40000 + i)) ? 1 : 0;
  return passed;
}

TEST(RepeatLimiter, AtOnceSomePassAndThenOneASecond) {
  RepeatLimiter limiter;
  EXPECT_EQ(pass(limiter, kStart, 1000), RepeatLimiter::kAtOnce);
  EXPECT_EQ(pass(limiter, kStart + 999ms, 1000), 0u);
  EXPECT_EQ(pass(limiter, kStart + 1000ms, 1000), 1u);
  EXPECT_EQ(pass(limiter, kStart + 4500ms, 1000), 3u);
  EXPECT_EQ(pass(limiter, kStart + 1h, 1000), RepeatLimiter::kAtOnce);
}

TEST(RepeatLimiter, OtherWordsAreAnotherKind) {
  RepeatLimiter limiter;
  EXPECT_EQ(pass(limiter, kStart, 1000), RepeatLimiter::kAtOnce);
  EXPECT_TRUE(limiter.passes(kStart, "127.0.0.1:40000 is turned away"));
  EXPECT_TRUE(limiter.passes(kStart, "the face of a decade"));
  EXPECT_TRUE(limiter.passes(kStart, "the feed of a decade"));
}

TEST(RepeatLimiter, ADifferenceInHexadecimalNumbersIsNone) {
  RepeatLimiter limiter;
  for (uint32_t i = 0; i < RepeatLimiter::kAtOnce; ++i) {
    EXPECT_TRUE(limiter.passes(kStart, fmt::format("session 9b{:06x} goes on", i)));
  }
  EXPECT_FALSE(limiter.passes(kStart, "session 3fffffff goes on"));
}

TEST(RepeatLimiter, WhatWasLeftOutIsToldWithTheNextThatPasses) {
  RepeatLimiter limiter;
  pass(limiter, kStart, 103);
  EXPECT_THAT(limiter.take_reports(kStart), IsEmpty());
  EXPECT_TRUE(limiter.passes(kStart + 1s, line(1)));
  EXPECT_THAT(limiter.take_reports(kStart + 1s),
              ElementsAre("3 more like this were left out: " + line(40100)));
  EXPECT_THAT(limiter.take_reports(kStart + 1h), IsEmpty());
}

TEST(RepeatLimiter, WhatWasLeftOutIsToldWhenItHasStopped) {
  RepeatLimiter limiter;
  pass(limiter, kStart, 101);
  EXPECT_THAT(limiter.take_reports(kStart + RepeatLimiter::kSettled - 1ns), IsEmpty());
  EXPECT_THAT(limiter.take_reports(kStart + RepeatLimiter::kSettled), testing::SizeIs(1));
  pass(limiter, kStart + 20s, 1000);
  EXPECT_THAT(limiter.take_last_reports(), testing::SizeIs(1));
}

TEST(RepeatLimiter, OfManyKindsTheOldestMakesRoomAndIsTold) {
  RepeatLimiter limiter;
  pass(limiter, kStart, 107);
  std::string word;
  for (size_t i = 0; i < RepeatLimiter::kKinds; ++i) {
    word += 'z';
    EXPECT_TRUE(limiter.passes(kStart + 1s, word));
  }
  EXPECT_THAT(limiter.take_reports(kStart + 1s),
              ElementsAre("7 more like this were left out: " + line(40100)));
}

}  // namespace
}  // namespace atoll_core::process
