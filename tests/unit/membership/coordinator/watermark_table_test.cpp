// How far members are with the ops of each name.
#include "membership/coordinator/watermark_table.h"

#include <gtest/gtest.h>

#include "unit/membership/test_peers.h"

namespace atoll_core::membership {
namespace {

class WatermarkTableTest : public testing::Test {
 protected:
  WatermarkTableTest() { generations_.open(first_view(1, {info(1, "a"), info(2, "b")})); }

  std::vector<OpKey> advanced() { return table_.take_advanced(generations_); }

  GenerationTable generations_;
  WatermarkTable table_;
};

TEST_F(WatermarkTableTest, WhatHasEndedOnAllIsStable) {
  EXPECT_TRUE(table_.note(key(7, 0), {1}, 5));
  EXPECT_TRUE(advanced().empty());
  EXPECT_TRUE(table_.note(key(7, 0), {2}, 3));
  EXPECT_EQ(advanced(), std::vector<OpKey>{key(7, 3)});
  EXPECT_TRUE(table_.note(key(7, 0), {2}, 5));
  EXPECT_EQ(advanced(), std::vector<OpKey>{key(7, 5)});
}

// A trainer that takes a tag for each step: as many names as steps, of one generation.
TEST_F(WatermarkTableTest, ATagForEachStepFillsNoTable) {
  for (uint64_t tag = 0; tag < 40 * kMarksPerPeer; ++tag) {
    for (const uint64_t peer : {1, 2}) ASSERT_TRUE(table_.note(key(tag, 0), {peer}, 1)) << tag;
    ASSERT_EQ(advanced().size(), 1u) << tag;
    ASSERT_EQ(table_.size(), 0u) << tag;
  }
}

TEST_F(WatermarkTableTest, WhatIsNotStableYetIsKept) {
  EXPECT_TRUE(table_.note(key(1, 0), {1}, 9));
  EXPECT_TRUE(table_.note(key(1, 0), {2}, 8));
  EXPECT_EQ(advanced(), std::vector<OpKey>{key(1, 8)});
  EXPECT_EQ(table_.size(), 2u);
  EXPECT_TRUE(table_.note(key(1, 0), {2}, 9));
  EXPECT_EQ(advanced(), std::vector<OpKey>{key(1, 9)}) << "the mark of the other was there";
  EXPECT_EQ(table_.size(), 0u);
}

TEST_F(WatermarkTableTest, ANameThatWasDroppedBeginsAnew) {
  for (const uint64_t peer : {1, 2}) EXPECT_TRUE(table_.note(key(1, 0), {peer}, 4));
  (void)advanced();
  ASSERT_EQ(table_.size(), 0u);
  EXPECT_TRUE(table_.note(key(1, 0), {1}, 5));
  EXPECT_TRUE(advanced().empty());
  EXPECT_TRUE(table_.note(key(1, 0), {2}, 5));
  EXPECT_EQ(advanced(), std::vector<OpKey>{key(1, 5)});
}

TEST_F(WatermarkTableTest, MarksOfThoseWhoAreGoneKeepNoName) {
  for (uint64_t tag = 0; tag < 100; ++tag) {
    ASSERT_TRUE(table_.note(key(tag, 0), {1}, 2));
    ASSERT_TRUE(table_.note(key(tag, 0), {2}, 1));
  }
  ASSERT_TRUE(table_.note(key(100, 0), {2}, 1)) << "a call that only the lost one has ended";
  (void)advanced();
  EXPECT_EQ(table_.size(), 201u);
  generations_.restart(epoch(2), {{2}});
  table_.members_changed();
  EXPECT_EQ(advanced().size(), 100u);
  EXPECT_EQ(table_.size(), 0u);
}

TEST_F(WatermarkTableTest, ForgetsAPeerAndAGeneration) {
  generations_.open(first_view(2, {info(1, "a"), info(2, "b")}));
  for (uint64_t tag = 0; tag < 3; ++tag) {
    for (const uint64_t generation : {1, 2}) {
      ASSERT_TRUE(table_.note(key(tag, 0, generation), {1}, 2));
      ASSERT_TRUE(table_.note(key(tag, 0, generation), {2}, 1));
    }
  }
  (void)advanced();
  table_.forget(key(0, 0, 1).generation);
  EXPECT_EQ(table_.size(), 6u);
  table_.forget(PeerId{2});
  EXPECT_EQ(table_.size(), 3u);
  table_.forget(PeerId{1});
  EXPECT_EQ(table_.size(), 0u);
  EXPECT_TRUE(advanced().empty());
}

// Each of many members may have told of as many calls as one keeps, and is refused only beyond.
TEST_F(WatermarkTableTest, OnePeersMarksTakeNoRoomFromAnother) {
  std::vector<wire::PeerInfo> members;
  for (uint64_t peer = 1; peer <= 40; ++peer) {
    members.push_back(info(peer, fmt::format("p{}", peer)));
  }
  generations_.open(first_view(2, members));
  for (uint64_t peer = 1; peer <= 39; ++peer) {
    for (uint64_t tag = 0; tag < kMarksPerPeer; ++tag) {
      ASSERT_TRUE(table_.note(key(tag, 0, 2), {peer}, 1)) << peer << " " << tag;
    }
  }
  EXPECT_FALSE(table_.note(key(kMarksPerPeer, 0, 2), {7}, 1)) << "no peer keeps so many calls";
  EXPECT_TRUE(table_.note(key(3, 0, 2), {7}, 2)) << "a name that it has told of before";
  EXPECT_TRUE(advanced().empty());
  EXPECT_EQ(table_.size(), 39 * kMarksPerPeer);
  for (uint64_t tag = 0; tag < kMarksPerPeer; ++tag) {
    ASSERT_TRUE(table_.note(key(tag, 0, 2), {40}, 1));
  }
  EXPECT_EQ(advanced().size(), kMarksPerPeer);
  EXPECT_EQ(table_.size(), 40u) << "of the one that is further than the others";
  EXPECT_TRUE(table_.note(key(kMarksPerPeer, 0, 2), {7}, 1));
}

}  // namespace
}  // namespace atoll_core::membership
