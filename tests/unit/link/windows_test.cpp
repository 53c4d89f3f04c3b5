#include <gtest/gtest.h>

#include "unit/link/frames.h"
#include "link/receive_window.h"
#include "link/send_window.h"

namespace atoll_core::link {
namespace {

class SendWindowTest : public ::testing::Test {
 protected:
  uint64_t take(uint64_t attempt, ConnectionKey connection) {
    return window_.take(frame_of(attempt_number(attempt), 0, memory_), connection)
        .header.link_sequence;
  }

  ByteBuffer memory_ = ByteBuffer(100, std::byte{7});
  SendWindow window_;
};

TEST_F(SendWindowTest, NumbersFramesFromOne) {
  EXPECT_EQ(take(1, 10), 1u);
  EXPECT_EQ(take(1, 11), 2u);
  EXPECT_EQ(take(2, 10), 3u);
  EXPECT_EQ(window_.unacknowledged(), 3u);
}

TEST_F(SendWindowTest, AnAcknowledgementForgetsAllBelow) {
  for (int i = 0; i < 5; ++i) take(1, 10);
  EXPECT_TRUE(window_.acknowledge(4));
  EXPECT_EQ(window_.unacknowledged(), 2u);
  EXPECT_TRUE(window_.acknowledge(2));  // an old one, overtaken
  EXPECT_EQ(window_.unacknowledged(), 2u);
  EXPECT_TRUE(window_.acknowledge(6));
  EXPECT_EQ(window_.unacknowledged(), 0u);
  EXPECT_FALSE(window_.acknowledge(7)) << "what was never sent cannot have arrived";
}

TEST_F(SendWindowTest, OnlyTheFramesOfTheLostConnectionGoAgainWithTheirSequence) {
  take(1, 10);
  take(1, 11);
  take(1, 10);
  EXPECT_FALSE(window_.has_lost());
  window_.lose(10);
  ASSERT_TRUE(window_.has_lost());
  EXPECT_EQ(window_.take_lost(11)->header.link_sequence, 1u);
  EXPECT_EQ(window_.take_lost(11)->header.link_sequence, 3u);
  EXPECT_EQ(window_.take_lost(11), nullptr);
  EXPECT_FALSE(window_.has_lost());
  // They travel on the other connection now.
  window_.lose(10);
  EXPECT_FALSE(window_.has_lost());
  window_.lose(11);
  for (const uint64_t sequence : {1u, 2u, 3u}) {
    EXPECT_EQ(window_.take_lost(12)->header.link_sequence, sequence);
  }
}

TEST_F(SendWindowTest, WhatHadArrivedAfterAllDoesNotGoAgain) {
  for (int i = 0; i < 4; ++i) take(1, 10);
  window_.lose(10);
  EXPECT_TRUE(window_.acknowledge(3));
  EXPECT_EQ(window_.take_lost(11)->header.link_sequence, 3u);
  EXPECT_TRUE(window_.acknowledge(5));
  EXPECT_EQ(window_.take_lost(11), nullptr);
}

TEST_F(SendWindowTest, ALostFrameOfAnEndedAttemptGoesAgainAsASkip) {
  take(1, 10);
  take(2, 10);
  window_.revoke(attempt_number(1));
  window_.lose(10);
  const OutFrame* skip = window_.take_lost(11);
  ASSERT_NE(skip, nullptr);
  EXPECT_EQ(skip->header.kind, wire::FrameKind::kSkip);
  EXPECT_EQ(skip->header.link_sequence, 1u);
  EXPECT_EQ(skip->header.payload_bytes, 0u);
  EXPECT_TRUE(skip->payload.empty());
  const OutFrame* chunk = window_.take_lost(11);
  ASSERT_NE(chunk, nullptr);
  EXPECT_EQ(chunk->header.kind, wire::FrameKind::kData);
  EXPECT_EQ(chunk->header.payload_bytes, 100u);
}

TEST(ReceiveWindow, CountsEachSequenceOnceInAnyOrder) {
  ReceiveWindow window;
  EXPECT_EQ(window.below(), 1u);
  EXPECT_TRUE(window.add(2));
  EXPECT_TRUE(window.add(4));
  EXPECT_EQ(window.below(), 1u);
  EXPECT_TRUE(window.has(2));
  EXPECT_FALSE(window.has(1));
  EXPECT_FALSE(window.add(2));
  EXPECT_TRUE(window.add(1));
  EXPECT_EQ(window.below(), 3u);
  EXPECT_TRUE(window.add(3));
  EXPECT_EQ(window.below(), 5u);
  EXPECT_FALSE(window.add(1));
  EXPECT_FALSE(window.add(4));
}

TEST(ReceiveWindow, BoundsHowFarAheadASenderMayBe) {
  ReceiveWindow window;
  EXPECT_FALSE(window.plausible(0));
  EXPECT_TRUE(window.plausible(1));
  EXPECT_TRUE(window.plausible(ReceiveWindow::kAheadMax));
  EXPECT_FALSE(window.plausible(ReceiveWindow::kAheadMax + 1));
  EXPECT_TRUE(window.add(1));
  EXPECT_TRUE(window.plausible(ReceiveWindow::kAheadMax + 1));
}

}  // namespace
}  // namespace atoll_core::link
