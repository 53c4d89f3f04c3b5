#include "engine/wait_notice.h"

#include <vector>

#include <gtest/gtest.h>

namespace atoll_core::engine {
namespace {

TimePoint at(int64_t ms) { return TimePoint(std::chrono::milliseconds(ms)); }

// The moments, in ms, of the notices up to `end` when data comes at the moments `progress`.
std::vector<int64_t> notices(const std::vector<int64_t>& progress, int64_t end) {
  WaitNotice notice;
  std::vector<int64_t> given;
  TimePoint last = at(0);
  auto next_progress = progress.begin();
  for (int64_t now = 0; now <= end; now += 500) {
    if (next_progress != progress.end() && *next_progress <= now) last = at(*next_progress++);
    if (notice.take(at(now), last)) given.push_back(now);
  }
  return given;
}

TEST(WaitNotice, ComesSoonThenAfterTenSecondsThenEveryMinute) {
  EXPECT_EQ(notices({}, 200'000), (std::vector<int64_t>{1500, 10'000, 70'000, 130'000, 190'000}));
}

TEST(WaitNotice, IsNotRepeatedByACallThatIsSlowAllAlong) {
  std::vector<int64_t> every_two_seconds;
  for (int64_t now = 2000; now <= 100'000; now += 2000) every_two_seconds.push_back(now);
  EXPECT_EQ(notices(every_two_seconds, 100'000), (std::vector<int64_t>{1500}));
}

TEST(WaitNotice, CountsFromTheLastProgress) {
  EXPECT_EQ(notices({1000, 5000}, 90'000), (std::vector<int64_t>{2500, 15'000, 75'000}));
}

}  // namespace
}  // namespace atoll_core::engine
