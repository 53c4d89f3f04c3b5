#include "membership/op_key.h"

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

TEST(OpKey, RefusesTheGroupOfAnotherShard) {
  const auto key = key_of({{}, 0, 7, 4}, kCaller);
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(key.error().message, "a has shard 1 and names an op of group 0");
}

}  // namespace
}  // namespace atoll_core::membership
