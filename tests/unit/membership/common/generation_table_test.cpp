#include <gtest/gtest.h>

#include "base/assert.h"
#include "base/limits.h"
#include "membership/common/generation_table.h"
#include "unit/membership/test_peers.h"

namespace atoll_core::membership {
namespace {

TEST(GenerationTable, ParticipantsAreThoseOfTheGenerationLessTheDead) {
  GenerationTable table;
  table.open(first_view(1, {info(1, "a"), info(2, "b")}));
  table.open(first_view(2, {info(1, "a"), info(2, "b"), info(3, "c")}));
  EXPECT_TRUE(table.takes_part(key(1, 0, 2), {3}));
  EXPECT_FALSE(table.takes_part(key(1, 0, 1), {3}));
  EXPECT_TRUE(table.participants(key(1, 0, 5)).empty());
  table.restart(epoch(3), {{2}});
  EXPECT_EQ(names_of(table.participants(key(1, 0, 1))), (std::vector<std::string>{"a"}));
  EXPECT_EQ(names_of(table.participants(key(1, 0, 2))), (std::vector<std::string>{"a", "c"}));
  EXPECT_EQ(table.find({epoch(1)})->attempt, epoch(3));
}

TEST(GenerationTable, AnOpOfAReplicaHasItsShardsOnly) {
  GenerationTable table;
  table.open(first_view(1, {info(1, "a0", 0, "ra", 2), info(2, "a1", 1, "ra", 2), info(3, "b")}));
  OpKey of_replica = key(1, 0);
  of_replica.scope = Scope::kReplica;
  of_replica.replica = "ra";
  EXPECT_EQ(names_of(table.participants(of_replica)), (std::vector<std::string>{"a0", "a1"}));
}

TEST(GenerationTable, SaysWhichIsToBeForgottenAndIsTheOldest) {
  GenerationTable table;
  for (uint64_t number = 1; number <= kGenerationsKept; ++number) {
    table.open(first_view(number, {info(1, "a")}));
  }
  EXPECT_EQ(table.to_be_forgotten(), std::nullopt);
  table.open(first_view(kGenerationsKept + 1, {info(1, "a")}));
  ASSERT_EQ(table.to_be_forgotten(), Generation{epoch(1)});
  table.forget(*table.to_be_forgotten());
  EXPECT_EQ(table.to_be_forgotten(), std::nullopt);
  EXPECT_EQ(table.find({epoch(1)}), nullptr);
  EXPECT_NE(table.find({epoch(2)}), nullptr);
}

TEST(GenerationTable, PlansAreRestrictedAlikeInOneStepAndInTwo) {
  wire::View view = first_view(
      1, {info(1, "a"), info(2, "b", 0, "rb", 2), info(3, "b1", 1, "rb", 2), info(4, "d"),
          info(5, "e")});
  view.plan.ring = {0, 3, 1, 4, 2};
  view.plan.shares = {5, 0, 7, 9, 1};
  view.plan.hub = 3;
  GenerationTable once;
  GenerationTable twice;
  once.open(view);
  twice.open(view);
  EXPECT_EQ(once.plan_for({epoch(1)}, {{1}, {2}, {3}, {4}, {5}}), view.plan);
  once.restart(epoch(3), {{1}, {4}});
  twice.restart(epoch(2), {{4}});
  twice.restart(epoch(3), {{1}});
  const std::vector<PeerId> left = {{2}, {3}, {5}};
  const topology::Plan plan = once.plan_for({epoch(1)}, left);
  EXPECT_EQ(plan, topology::restrict(view.plan, {1, 2, 4}));
  EXPECT_EQ(plan, twice.plan_for({epoch(1)}, left));
  EXPECT_EQ(plan.ring, (std::vector<uint32_t>{0, 2, 1}));
  EXPECT_EQ(plan.hub, 1u);
  // One shard's group; one alone; and of a generation that is forgotten.
  EXPECT_EQ(once.plan_for({epoch(1)}, {{2}, {5}}), topology::restrict(view.plan, {1, 4}));
  EXPECT_EQ(once.plan_for({epoch(1)}, {{2}}), topology::make_plan(1));
  EXPECT_EQ(once.plan_for({epoch(9)}, left), topology::make_plan(3));
}

TEST(GenerationTable, PlansTravelWithTheirGeneration) {
  wire::View view = first_view(1, {info(1, "a"), info(2, "b"), info(3, "c")});
  view.plan.ring = {0, 2, 1};
  GenerationTable table;
  table.open(view);
  table.restart(epoch(2), {{2}});
  GenerationTable other;
  for (const wire::GenerationState& state : table.states(100)) other.merge(state);
  ASSERT_NE(other.find({epoch(1)}), nullptr);
  EXPECT_EQ(other.find({epoch(1)})->plan, topology::restrict(view.plan, {0, 2}));
}

// Of many large generations the newest are told of that fit into a message.
TEST(GenerationTable, TellsOfSoManyMembersAtMost) {
  GenerationTable table;
  std::vector<wire::PeerInfo> members;
  for (uint64_t id = 1; id <= limits::kPeers; ++id) members.push_back(info(id, "m"));
  for (uint64_t number = 1; number <= 6; ++number) table.open(first_view(number, members));
  const auto states = table.states(limits::kRejoinMembers);
  EXPECT_EQ(states.size(), limits::kRejoinMembers / limits::kPeers);
  EXPECT_EQ(states.back().generation.first, epoch(6));
}

}  // namespace
}  // namespace atoll_core::membership
