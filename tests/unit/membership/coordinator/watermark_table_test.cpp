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
  for (uint64_t tag = 0; tag < 2 * kMarksMax; ++tag) {
    for (const uint64_t peer : {1, 2}) ASSERT_TRUE(table_.note(key(tag, 0), {peer}, 1)) << tag;
    ASSERT_EQ(advanced().size(), 1u) << tag;
  }
  EXPECT_LE(table_.size(), kSweepAtLeast + 2);
}

TEST_F(WatermarkTableTest, WhatIsNotStableYetIsKept) {
  EXPECT_TRUE(table_.note(key(1, 0), {1}, 9));
  EXPECT_TRUE(table_.note(key(1, 0), {2}, 8));
  EXPECT_EQ(advanced(), std::vector<OpKey>{key(1, 8)});
  for (uint64_t tag = 2; tag < 2 + kSweepAtLeast; ++tag) {
    for (const uint64_t peer : {1, 2}) ASSERT_TRUE(table_.note(key(tag, 0), {peer}, 1));
    (void)advanced();
  }
  EXPECT_TRUE(table_.note(key(1, 0), {2}, 9));
  EXPECT_EQ(advanced(), std::vector<OpKey>{key(1, 9)}) << "the mark of the other was there";
}

TEST_F(WatermarkTableTest, ANameThatWasDroppedBeginsAnew) {
  for (const uint64_t peer : {1, 2}) EXPECT_TRUE(table_.note(key(1, 0), {peer}, 4));
  (void)advanced();
  for (uint64_t tag = 2; tag < 2 + kSweepAtLeast; ++tag) {
    for (const uint64_t peer : {1, 2}) ASSERT_TRUE(table_.note(key(tag, 0), {peer}, 1));
    (void)advanced();
  }
  EXPECT_TRUE(table_.note(key(1, 0), {1}, 5));
  EXPECT_TRUE(advanced().empty());
  EXPECT_TRUE(table_.note(key(1, 0), {2}, 5));
  EXPECT_EQ(advanced(), std::vector<OpKey>{key(1, 5)});
}

TEST_F(WatermarkTableTest, MarksOfThoseWhoAreGoneKeepNoName) {
  for (uint64_t tag = 0; tag < kSweepAtLeast; ++tag) {
    ASSERT_TRUE(table_.note(key(tag, 0), {1}, 2));
    ASSERT_TRUE(table_.note(key(tag, 0), {2}, 1));
  }
  (void)advanced();
  generations_.restart(epoch(2), {{2}});
  table_.members_changed();
  EXPECT_EQ(advanced().size(), kSweepAtLeast);
  EXPECT_TRUE(table_.note(key(kSweepAtLeast, 0), {1}, 1));
  EXPECT_EQ(table_.size(), 1u);
}

}  // namespace
}  // namespace atoll_core::membership
