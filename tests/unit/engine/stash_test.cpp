#include "engine/stash.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace atoll_core::engine {
namespace {

AttemptId attempt(uint64_t sequence) {
  AttemptId attempt;
  attempt.op.sequence = sequence;
  attempt.epoch.number = 1;
  return attempt;
}

wire::FrameHeader chunk(uint64_t sequence, uint32_t bytes) {
  wire::FrameHeader header;
  header.attempt = attempt(sequence);
  header.payload_bytes = bytes;
  header.eager = true;
  return header;
}

class StashTest : public ::testing::Test {
 protected:
  void SetUp() override {
    stash_.on_let_go([this](PeerId from, const wire::FrameHeader& header) {
      let_go_[from] += header.payload_bytes;
    });
  }

  Stash stash_;
  std::map<PeerId, uint64_t> let_go_;
};

TEST_F(StashTest, SaysWhatItNoLongerKeepsOfEachSender) {
  stash_.add(PeerId{1}, chunk(7, 10), ByteBuffer(10));
  stash_.add(PeerId{2}, chunk(7, 20), ByteBuffer(20));
  stash_.add(PeerId{1}, chunk(8, 5), ByteBuffer(5));
  EXPECT_TRUE(let_go_.empty());
  EXPECT_EQ(stash_.take(attempt(7)).chunks.size(), 2u);
  EXPECT_EQ(let_go_, (std::map<PeerId, uint64_t>{{{1}, 10}, {{2}, 20}}));
  EXPECT_TRUE(stash_.take(attempt(7)).chunks.empty());
  stash_.drop_if([](const AttemptId& any) { return any.op.sequence == 8; });
  EXPECT_EQ(let_go_[PeerId{1}], 15u);
}

TEST_F(StashTest, TellsHowMuchItHolds) {
  EXPECT_EQ(stash_.attempts(), 0u);
  stash_.add(PeerId{1}, chunk(7, 10), ByteBuffer(10));
  stash_.add(PeerId{2}, chunk(7, 20), ByteBuffer(20));
  stash_.add(PeerId{1}, chunk(8, 5), ByteBuffer(5));
  EXPECT_EQ(stash_.attempts(), 2u);
  EXPECT_EQ(stash_.bytes(), 35u);
  stash_.take(attempt(7));
  EXPECT_EQ(stash_.attempts(), 1u);
  EXPECT_EQ(stash_.bytes(), 5u);
}

TEST_F(StashTest, DropsWhatCameOfOneOpInAnyAttempt) {
  wire::FrameHeader header;
  for (const uint64_t sequence : {1u, 2u, 3u}) {
    header.attempt = attempt(sequence);
    ASSERT_TRUE(stash_.add_posted(PeerId{1}, header).has_value());
  }
  header.attempt = attempt(2);
  ++header.attempt.epoch.number;
  ASSERT_TRUE(stash_.add_posted(PeerId{1}, header).has_value());
  stash_.drop(attempt(2).op);
  EXPECT_TRUE(stash_.take(header.attempt).posted.empty());
  EXPECT_TRUE(stash_.take(attempt(2)).posted.empty());
  EXPECT_EQ(stash_.take(attempt(1)).posted.size(), 1u);
  EXPECT_EQ(stash_.take(attempt(3)).posted.size(), 1u);
}

TEST_F(StashTest, TakesNothingThatWasNotSentOnCredit) {
  EXPECT_TRUE(Stash::admit(PeerId{1}, chunk(7, 10)).has_value());
  wire::FrameHeader header = chunk(7, 10);
  header.eager = false;
  const Result<void> refused = Stash::admit(PeerId{1}, header);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInternalError);
}

TEST_F(StashTest, NoticesAreBoundedForEachSender) {
  static_assert(Stash::kNoticesMax >= limits::kNoticesPerSender + limits::kAbortsKept);
  wire::FrameHeader header;
  for (uint64_t i = 0; i < Stash::kNoticesMax; ++i) {
    header.attempt = attempt(i);
    ASSERT_TRUE(stash_.add_posted(PeerId{1}, header).has_value());
  }
  // A call that lasts is told of again, and so is each of thousands.
  EXPECT_TRUE(stash_.add_posted(PeerId{1}, header).has_value());
  header.attempt = attempt(Stash::kNoticesMax);
  EXPECT_FALSE(stash_.add_posted(PeerId{1}, header).has_value());
  EXPECT_TRUE(stash_.add_posted(PeerId{2}, header).has_value());
  EXPECT_EQ(stash_.take(attempt(0)).posted.size(), 1u);
  EXPECT_TRUE(stash_.add_posted(PeerId{1}, header).has_value());
}

}  // namespace
}  // namespace atoll_core::engine
