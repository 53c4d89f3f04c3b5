#include "coordinator/slow_readers.h"

#include <gtest/gtest.h>

namespace atoll_core::coordinator {
namespace {

using Ids = std::vector<membership::ConnectionId>;

constexpr Duration kPatience = std::chrono::seconds(2);

TimePoint at(int seconds) { return TimePoint{} + std::chrono::seconds(seconds); }

class SlowReadersTest : public ::testing::Test {
 protected:
  // By connection: bytes that wait, and how much has been taken.
  using Queues = std::vector<SlowReaders::Queue>;

  SlowReaders readers_{SlowReaders::Limits{1000, kPatience}};
};

TEST_F(SlowReadersTest, TooMuchIsMoreThanTheBound) {
  EXPECT_FALSE(readers_.too_much(1000));
  EXPECT_TRUE(readers_.too_much(1001));
  EXPECT_FALSE(SlowReaders().too_much(limits::kControlQueueBytesInAll));
  EXPECT_TRUE(SlowReaders().too_much(limits::kControlQueueBytesInAll + 1));
}

TEST_F(SlowReadersTest, WhoReadsIsNotGivenUp) {
  for (int second = 0; second < 100; ++second) {
    const auto taken = static_cast<uint64_t>(second);
    EXPECT_EQ(readers_.choose(at(second), {{{1}, 900, taken}, {{2}, 900, taken}}), Ids{});
  }
}

TEST_F(SlowReadersTest, WhoReadsNothingIsAndTheGreatestFirst) {
  const Queues queues = {{{1}, 400, 7}, {{2}, 500, 7}, {{3}, 300, 7}, {{4}, 300, 0}};
  EXPECT_EQ(readers_.choose(at(0), queues), Ids{});
  EXPECT_EQ(readers_.choose(at(1), queues), Ids{});
  EXPECT_EQ(readers_.choose(at(2), queues), (Ids{{2}}));
}

TEST_F(SlowReadersTest, OnlyAsManyAsAreTooMuch) {
  const Queues queues = {{{1}, 900, 0}, {{2}, 800, 0}, {{3}, 100, 0}};
  (void)readers_.choose(at(0), queues);
  EXPECT_EQ(readers_.choose(at(5), queues), (Ids{{1}}));
}

TEST_F(SlowReadersTest, PatienceBeginsWhenThereIsTooMuch) {
  const Queues queues = {{{1}, 1500, 0}};
  EXPECT_EQ(readers_.choose(at(0), queues), Ids{});
  readers_.forget();  // for a while there was not
  EXPECT_EQ(readers_.choose(at(3), queues), Ids{});
  EXPECT_EQ(readers_.choose(at(5), queues), (Ids{{1}}));
}

TEST_F(SlowReadersTest, FarTooMuchIsNotWaitedFor) {
  EXPECT_EQ(readers_.choose(at(0), {{{1}, 2000, 1}, {{2}, 2000, 1}}), Ids{});
  EXPECT_EQ(readers_.choose(at(0), {{{1}, 2000, 2}, {{2}, 2100, 2}}), (Ids{{2}}));
}

}  // namespace
}  // namespace atoll_core::coordinator
