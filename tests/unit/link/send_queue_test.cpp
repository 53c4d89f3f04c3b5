#include "link/send_queue.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "unit/link/frames.h"

namespace atoll_core::link {
namespace {

constexpr size_t kQuarter = limits::kEagerBytesPerAttempt / 4;

class SendQueueTest : public ::testing::Test {
 protected:
  void push(uint64_t attempt, uint64_t number, size_t bytes = kQuarter) {
    queue_.push_chunk(frame_of(attempt_number(attempt), number, ByteSpan(memory_).first(bytes)));
  }
  void push_free(uint64_t attempt, uint64_t number) {
    queue_.push_free(frame_of(attempt_number(attempt), number, ByteSpan(memory_).first(10)));
  }
  // The numbers of what may go now.
  std::vector<uint64_t> drain() {
    std::vector<uint64_t> numbers;
    while (queue_.ready()) {
      const std::optional<OutFrame> frame = queue_.pop();
      if (!frame) break;
      numbers.push_back(frame->header.element_offset);
    }
    EXPECT_FALSE(queue_.ready());
    EXPECT_FALSE(queue_.pop().has_value());
    return numbers;
  }
  using Numbers = std::vector<uint64_t>;

  void SetUp() override { queue_.grant_eager({kPlenty, kPlenty}); }

  static constexpr uint64_t kPlenty = 1u << 30;
  ByteBuffer memory_ = ByteBuffer(limits::kEagerBytesPerAttempt, std::byte{7});
  SendQueue queue_;
};

TEST_F(SendQueueTest, SendsEagerBytesOfAnAttemptUntilItIsPosted) {
  for (uint64_t number = 1; number <= 6; ++number) push(1, number);
  EXPECT_EQ(drain(), (Numbers{1, 2, 3, 4}));
  EXPECT_EQ(queue_.waiting_frames(), 2u);
  queue_.grant(attempt_number(1), 5 * kQuarter);
  EXPECT_EQ(drain(), (Numbers{5}));
  queue_.grant(attempt_number(1), 6 * kQuarter);
  EXPECT_EQ(drain(), (Numbers{6}));
}

TEST_F(SendQueueTest, ACreditCountsFromTheFirstByteOfTheAttempt) {
  for (uint64_t number = 1; number <= 3; ++number) push(1, number);
  queue_.grant(attempt_number(1), 2 * kQuarter);
  EXPECT_EQ(drain(), (Numbers{1, 2}));
  queue_.grant(attempt_number(1), kQuarter);  // a credit never shrinks
  queue_.grant(attempt_number(1), 3 * kQuarter);
  EXPECT_EQ(drain(), (Numbers{3}));
}

TEST_F(SendQueueTest, EagerBytesOfAllAttemptsAreThoseThatTheReceiverGrants) {
  constexpr uint64_t kFrame = kQuarter + limits::kEagerChunkCost;
  SendQueue queue;
  const auto sent = [&] {
    uint64_t frames = 0;
    for (; queue.ready(); ++frames) EXPECT_TRUE(queue.pop()->header.eager);
    return frames;
  };
  const auto push_one = [&](uint64_t attempt) {
    queue.push_chunk(frame_of(attempt_number(attempt), 1, ByteSpan(memory_).first(kQuarter)));
  };
  for (uint64_t attempt = 1; attempt <= 10; ++attempt) push_one(attempt);
  EXPECT_EQ(sent(), 0u) << "before anything was heard of, less than such a frame may go";
  EXPECT_EQ(queue.grant_eager({3 * kFrame, 8 * kFrame}), 0u);
  EXPECT_EQ(sent(), 3u);
  EXPECT_EQ(queue.grant_eager({2 * kFrame, 8 * kFrame}), 0u) << "what was granted stays so";
  EXPECT_EQ(sent(), 0u);
  EXPECT_EQ(queue.grant_eager({5 * kFrame - 1, 8 * kFrame}), 0u);
  EXPECT_EQ(sent(), 1u);
  // Neither an attempt's end nor that it was posted changes what was sent on credit.
  queue.revoke(attempt_number(1));
  queue.grant(attempt_number(2), UINT64_MAX);
  EXPECT_EQ(sent(), 0u);
  // One that was posted needs none.
  queue.grant(attempt_number(10), UINT64_MAX);
  const std::optional<OutFrame> posted = queue.pop();
  ASSERT_TRUE(posted.has_value());
  EXPECT_FALSE(posted->header.eager);
  // A smaller window: what goes beyond it is given back.
  EXPECT_EQ(queue.grant_eager({12 * kFrame, kFrame}), 12 * kFrame - 4 * kFrame - kFrame);
  EXPECT_EQ(sent(), 1u);
}

TEST_F(SendQueueTest, AnEmptyCreditIsNone) {
  push(1, 1, limits::kEagerBytesPerAttempt);
  push(1, 2);
  EXPECT_EQ(drain(), (Numbers{1}));
  queue_.grant(attempt_number(1), 0);
  queue_.grant(attempt_number(1), 0);
  EXPECT_TRUE(drain().empty());
  queue_.revoke(attempt_number(1));
  for (uint64_t attempt = 2; attempt < 20; ++attempt) {
    push(attempt, attempt, limits::kEagerBytesPerAttempt);
  }
  EXPECT_EQ(drain().size(), 18u);
}

TEST_F(SendQueueTest, AttemptsGoInTheOrderInWhichTheyBegan) {
  push(2, 1);
  push(1, 2);
  push(2, 3);
  push(1, 4);
  EXPECT_EQ(drain(), (Numbers{1, 3, 2, 4}));
}

TEST_F(SendQueueTest, AnAttemptWithoutCreditHoldsNoOtherBack) {
  push(1, 1, limits::kEagerBytesPerAttempt);
  push(1, 2);
  push(2, 3);
  EXPECT_EQ(drain(), (Numbers{1, 3}));
}

TEST_F(SendQueueTest, WhatNeedsNoCreditGoesFirst) {
  push(1, 1);
  push_free(9, 2);
  push_free(9, 3);
  EXPECT_EQ(drain(), (Numbers{2, 3, 1}));
}

TEST_F(SendQueueTest, RevokeDropsAllFramesOfTheAttemptAndItsCredit) {
  queue_.grant(attempt_number(1), 100 * kQuarter);
  for (uint64_t number = 1; number <= 5; ++number) push(1, number);
  push_free(1, 6);  // of a state transfer: it refers to the caller's memory, too
  push_free(2, 7);
  queue_.revoke(attempt_number(1));
  EXPECT_EQ(queue_.waiting_frames(), 1u);
  EXPECT_EQ(drain(), (Numbers{7}));
  // Nothing is left of the credit.
  for (uint64_t number = 11; number <= 15; ++number) push(1, number);
  EXPECT_EQ(drain(), (Numbers{11, 12, 13, 14}));
}

}  // namespace
}  // namespace atoll_core::link
