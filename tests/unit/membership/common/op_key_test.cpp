#include "membership/common/op_key.h"

#include <gtest/gtest.h>

namespace atoll_core::membership {
namespace {

const Participant kCaller{{7}, "a", "r0", 1};

TEST(OpKey, DropsTheGroupOfShardsSoThatTheyEndTogether) {
  const Generation generation{{{1, 2}, 3}};
  const Participant sibling{{8}, "b", "r0", 0};
  const auto one = key_of({generation, 1, 7, 4}, kCaller);
  const auto other = key_of({generation, 0, 7, 4}, sibling);
  ASSERT_TRUE(one && other);
  EXPECT_EQ(*one, *other);
  EXPECT_EQ(op_for(*one, 1), (OpId{generation, 1, 7, 4}));
  EXPECT_EQ(op_for(*one, 0), (OpId{generation, 0, 7, 4}));
  EXPECT_FALSE(same_group(*one, 0, 1));
}

TEST(OpKey, TellsScopesAndReplicasApart) {
  const auto all = key_of({{}, kGroupAll, 7, 4}, kCaller);
  const auto mine = key_of({{}, kGroupReplica, 7, 4}, kCaller);
  const auto theirs = key_of({{}, kGroupReplica, 7, 4}, {{9}, "c", "r1", 1});
  ASSERT_TRUE(all && mine && theirs);
  EXPECT_NE(*all, *mine);
  EXPECT_NE(*mine, *theirs);
  EXPECT_TRUE(*mine < *theirs || *theirs < *mine);
  EXPECT_EQ(op_for(*mine, 1).group, kGroupReplica);
  EXPECT_EQ(op_for(*all, 1).group, kGroupAll);
  EXPECT_TRUE(same_group(*all, 0, 1));
}

TEST(OpKey, OfAShardAloneKeepsTheShard) {
  const Participant sibling{{8}, "b", "r0", 0};
  const auto one = key_of({{}, kGroupAlone + 1, 7, 4}, kCaller);
  const auto other = key_of({{}, kGroupAlone, 7, 4}, sibling);
  const auto together = key_of({{}, 1, 7, 4}, kCaller);
  ASSERT_TRUE(one && other && together);
  EXPECT_NE(*one, *other);
  EXPECT_TRUE(*one < *other || *other < *one);
  EXPECT_NE(*one, *together);
  EXPECT_EQ(op_for(*one, 1).group, kGroupAlone + 1);
  EXPECT_EQ(group_name(kGroupAlone + 1), "1 alone");
  EXPECT_FALSE(key_of({{}, kGroupAlone, 7, 4}, kCaller)) << "of another shard";
}

TEST(OpKey, OfAPairTellsTheDirections) {
  const Group there = pair_group({2, 5});
  const Group back = pair_group({5, 2});
  EXPECT_TRUE(is_pair(there) && is_pair(back));
  EXPECT_FALSE(is_pair(kGroupAlone) || is_pair(kGroupAlone + 1023) || is_pair(1023) ||
               is_pair(kGroupAll));
  EXPECT_EQ(slots_of(there).from, 2u);
  EXPECT_EQ(slots_of(there).to, 5u);
  EXPECT_EQ(group_name(there), "2 to 5");
  const auto one = key_of({{}, there, 7, 4}, kCaller);
  const auto other = key_of({{}, back, 7, 4}, kCaller);
  ASSERT_TRUE(one && other);
  EXPECT_NE(*one, *other);
  EXPECT_TRUE(*one < *other || *other < *one);
  EXPECT_EQ(op_for(*one, 1).group, there);
  EXPECT_TRUE(same_group(*one, 0, 1));
}

TEST(OpKey, RefusesTheGroupOfAnotherShard) {
  const auto key = key_of({{}, 0, 7, 4}, kCaller);
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(key.error().message, "a has shard 1 and names an op of group 0");
}

}  // namespace
}  // namespace atoll_core::membership
