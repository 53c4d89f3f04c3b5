#include "base/timer_table.h"

#include <gtest/gtest.h>

namespace atoll_core {
namespace {

enum class Timer { kHeartbeat, kSilence, kRedial, kCount };

constexpr TimePoint at_ms(int64_t ms) { return TimePoint(std::chrono::milliseconds(ms)); }

TEST(TimerTable, NothingIsArmedAtFirst) {
  TimerTable<Timer> timers;
  EXPECT_EQ(timers.next_deadline(), kNever);
  EXPECT_FALSE(timers.armed(Timer::kHeartbeat));
  EXPECT_FALSE(timers.take_expired(Timer::kHeartbeat, at_ms(1'000'000)));
}

TEST(TimerTable, TheNextDeadlineIsTheEarliest) {
  TimerTable<Timer> timers;
  timers.arm(Timer::kHeartbeat, at_ms(30));
  timers.arm(Timer::kSilence, at_ms(10));
  timers.arm(Timer::kRedial, at_ms(20));
  EXPECT_EQ(timers.next_deadline(), at_ms(10));
  timers.disarm(Timer::kSilence);
  EXPECT_EQ(timers.next_deadline(), at_ms(20));
  EXPECT_EQ(timers.deadline(Timer::kSilence), kNever);
}

TEST(TimerTable, AnExpiryIsTakenOnce) {
  TimerTable<Timer> timers;
  timers.arm(Timer::kHeartbeat, at_ms(10));
  EXPECT_FALSE(timers.take_expired(Timer::kHeartbeat, at_ms(9)));
  EXPECT_TRUE(timers.armed(Timer::kHeartbeat));
  EXPECT_TRUE(timers.take_expired(Timer::kHeartbeat, at_ms(10)));
  EXPECT_FALSE(timers.take_expired(Timer::kHeartbeat, at_ms(10)));
  EXPECT_EQ(timers.next_deadline(), kNever);
}

TEST(TimerTable, TakingOneLeavesTheOthers) {
  TimerTable<Timer> timers;
  timers.arm(Timer::kHeartbeat, at_ms(10));
  timers.arm(Timer::kSilence, at_ms(10));
  EXPECT_TRUE(timers.take_expired(Timer::kHeartbeat, at_ms(50)));
  EXPECT_EQ(timers.deadline(Timer::kSilence), at_ms(10));
}

TEST(TimerTable, ArmMovesADeadlineBothWays) {
  TimerTable<Timer> timers;
  timers.arm(Timer::kRedial, at_ms(10));
  timers.arm(Timer::kRedial, at_ms(20));
  EXPECT_EQ(timers.deadline(Timer::kRedial), at_ms(20));
  timers.arm(Timer::kRedial, at_ms(5));
  EXPECT_EQ(timers.deadline(Timer::kRedial), at_ms(5));
}

TEST(TimerTable, ArmEarlierNeverPostpones) {
  TimerTable<Timer> timers;
  timers.arm_earlier(Timer::kRedial, at_ms(20));
  EXPECT_EQ(timers.deadline(Timer::kRedial), at_ms(20));
  timers.arm_earlier(Timer::kRedial, at_ms(30));
  EXPECT_EQ(timers.deadline(Timer::kRedial), at_ms(20));
  timers.arm_earlier(Timer::kRedial, at_ms(10));
  EXPECT_EQ(timers.deadline(Timer::kRedial), at_ms(10));
}

TEST(Time, MillisecondsAreCutNotRounded) {
  EXPECT_EQ(to_ms(std::chrono::microseconds(1999)), 1);
  EXPECT_EQ(to_ms(std::chrono::seconds(3)), 3000);
}

}  // namespace
}  // namespace atoll_core
