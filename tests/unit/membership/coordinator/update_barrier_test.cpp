#include "membership/coordinator/update_barrier.h"

#include <gtest/gtest.h>

#include "unit/membership/test_peers.h"

namespace atoll_core::membership {
namespace {

const std::vector<Participant> kMembers{participant(1, "a"), participant(2, "b")};

TEST(UpdateBarrier, KnowsWhoIsMissing) {
  UpdateBarrier updates;
  updates.open({1}, {});
  EXPECT_EQ(names_of(updates.missing(kMembers)), (std::vector<std::string>{"b"}));
  updates.open({2}, {});
  EXPECT_TRUE(updates.missing(kMembers).empty());
}

TEST(UpdateBarrier, WhyANewcomerWaitsIsNewsOnce) {
  using Sentences = std::vector<std::string>;
  UpdateBarrier updates;
  EXPECT_EQ(updates.news({"c is not linked with a"}), Sentences{"c is not linked with a"});
  EXPECT_EQ(updates.news({"c is not linked with a", "d waits"}), Sentences{"d waits"});
  EXPECT_EQ(updates.news({"d waits"}), Sentences{});
  EXPECT_EQ(updates.news({"c is not linked with a", "d waits"}),
            Sentences{"c is not linked with a"});
}

TEST(UpdateBarrier, APositionThatIsNotListedIsZero) {
  UpdateBarrier updates;
  updates.open({1}, {{0, 7, 0}, {0, 8, 3}});
  updates.open({2}, {{0, 8, 3}});
  EXPECT_EQ(updates.difference(kMembers), std::nullopt);
  EXPECT_EQ(updates.next_sequence({2}, 0, 7), 0u);
  EXPECT_EQ(updates.next_sequence({1}, 0, 8), 3u);
  EXPECT_EQ(updates.next_sequence({9}, 0, 8), std::nullopt);
}

TEST(UpdateBarrier, NamesADifference) {
  UpdateBarrier updates;
  updates.open({1}, {{0, 7, 4}});
  updates.open({2}, {{0, 7, 5}});
  EXPECT_EQ(updates.difference(kMembers),
            "the members stand at different calls in atollUpdate: group 0 tag 7: a is before #4, b "
            "before #5");
}

TEST(UpdateBarrier, ComparesOnlyThoseThatReduceTogether) {
  const std::vector<Participant> shards{participant(1, "a0", 0, "ra"),
                                        participant(2, "a1", 1, "ra"),
                                        participant(3, "b0", 0, "rb")};
  UpdateBarrier updates;
  updates.open({1}, {{0, 7, 4}, {kGroupReplica, 1, 2}});
  updates.open({2}, {{1, 7, 9}, {kGroupReplica, 1, 2}});
  updates.open({3}, {{0, 7, 4}, {kGroupReplica, 1, 5}});
  EXPECT_EQ(updates.difference(shards), std::nullopt);
  updates.open({2}, {{1, 7, 9}, {kGroupReplica, 1, 3}});
  EXPECT_NE(updates.difference(shards), std::nullopt);
  updates.open({2}, {{1, 7, 9}, {kGroupReplica, 1, 2}, {kGroupAll, 1, 1}});
  EXPECT_NE(updates.difference(shards), std::nullopt);
}

TEST(UpdateBarrier, ComparesPairsWithinThemselves) {
  std::vector<Participant> members = kMembers;
  for (uint32_t i = 0; i < members.size(); ++i) members[i].slot = i;
  const Group pair = pair_group({0, 1});
  UpdateBarrier updates;
  for (const Participant& member : members) updates.open(member.peer, {});
  updates.open(members[0].peer, {{pair, 7, 4}});
  updates.open(members[1].peer, {{pair, 7, 4}});
  EXPECT_EQ(updates.difference(members), std::nullopt);
  updates.open(members[1].peer, {{pair, 7, 3}});
  EXPECT_NE(updates.difference(members), std::nullopt);
}

TEST(UpdateBarrier, KnowsARequestForAnUpdateThatHasEnded) {
  UpdateBarrier updates;
  updates.open({1}, {{kGroupAll, kUpdateTag, 0}});
  EXPECT_FALSE(updates.answered_already({1}));
  updates.finish(kMembers, Error{ErrorCode::kMismatch, "differ"});
  EXPECT_FALSE(updates.waits({1}));
  updates.open({1}, {{kGroupAll, kUpdateTag, 0}});
  EXPECT_TRUE(updates.answered_already({1}));
  EXPECT_EQ(updates.last_error()->message, "differ");
  updates.start_generation();
  EXPECT_FALSE(updates.answered_already({1}));
  EXPECT_EQ(updates.last_error(), std::nullopt);
}

}  // namespace
}  // namespace atoll_core::membership
