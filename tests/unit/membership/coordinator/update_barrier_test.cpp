#include "membership/coordinator/update_barrier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/membership/test_peers.h"

namespace atoll_core::membership {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<Participant> kMembers{participant(1, "a"), participant(2, "b")};

using Positions = std::vector<wire::CallPosition>;

wire::UpdateRequest request(const Positions& positions, uint64_t number = 0) {
  return {epoch(1), number, wire::summary_of(positions), {}, false};
}

// The difference between these members, who tell their positions when they are asked.
std::optional<std::string> difference(UpdateBarrier& updates,
                                      const std::vector<Participant>& members,
                                      const std::map<uint64_t, Positions>& positions) {
  for (const auto& [peer, told] : positions) updates.open({peer}, request(told));
  for (const PeerId peer : updates.compare(members).to_ask) {
    EXPECT_TRUE(updates.ask(peer));
    EXPECT_TRUE(updates.tell(peer, positions.at(peer.value)));
  }
  const UpdateBarrier::Comparison compared = updates.compare(members);
  EXPECT_THAT(compared.to_ask, IsEmpty());
  return compared.difference;
}

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
  EXPECT_EQ(difference(updates, kMembers, {{1, {{0, 7, 0}, {0, 8, 3}}}, {2, {{0, 8, 3}}}}),
            std::nullopt);
  EXPECT_EQ(updates.next_sequence({2}, 1, 7), 0u) << "no call of that group";
  EXPECT_EQ(updates.next_sequence({1}, 0, 8), std::nullopt) << "it has told a digest only";
  EXPECT_EQ(updates.next_sequence({9}, 0, 8), std::nullopt);
  EXPECT_TRUE(updates.ask({1}));
  EXPECT_TRUE(updates.tell({1}, {{0, 7, 0}, {0, 8, 3}}));
  EXPECT_EQ(updates.next_sequence({1}, 0, 8), 3u);
  EXPECT_EQ(updates.next_sequence({1}, 0, 9), 0u);
}

TEST(UpdateBarrier, NamesADifference) {
  UpdateBarrier updates;
  EXPECT_EQ(difference(updates, kMembers, {{1, {{0, 6, 1}, {0, 7, 4}}},
                                           {2, {{0, 6, 1}, {0, 7, 5}}}}),
            "the members stand at different calls in atollUpdate: group 0 tag 7: a is before #4, b "
            "before #5");
  updates.open({1}, request({{0, 7, 4}}, 1));
  updates.open({2}, request({{0, 7, 4}}, 2));
  EXPECT_EQ(updates.compare(kMembers).difference,
            "the members stand at different calls in atollUpdate: atollUpdate itself: a is before "
            "#1, b before #2");
}

TEST(UpdateBarrier, AsksThoseWhoDifferAndNobodyElse) {
  std::vector<Participant> members = kMembers;
  members.push_back(participant(3, "c"));
  UpdateBarrier updates;
  for (const uint64_t peer : {1, 2}) updates.open({peer}, request({{0, 7, 4}}));
  updates.open({3}, request({{0, 7, 4}, {0, 8, 1}}));
  EXPECT_THAT(updates.compare(members).to_ask, ElementsAre(PeerId{1}, PeerId{3}));
  EXPECT_FALSE(updates.tell({1}, {{0, 7, 4}})) << "nobody has asked";
  EXPECT_TRUE(updates.ask({1}));
  EXPECT_FALSE(updates.ask({1})) << "once";
  EXPECT_TRUE(updates.ask({3}));
  EXPECT_THAT(updates.asked(), ElementsAre(PeerId{1}, PeerId{3}));
  EXPECT_TRUE(updates.tell({3}, {{0, 7, 4}, {0, 8, 1}}));
  EXPECT_THAT(updates.compare(members).to_ask, ElementsAre(PeerId{1}));
  // It comes back, and asks for its update anew: it has not been asked in this session.
  updates.open({1}, request({{0, 7, 4}}));
  EXPECT_FALSE(updates.tell({1}, {{0, 7, 4}}));
  EXPECT_TRUE(updates.ask({1}));
  EXPECT_TRUE(updates.tell({1}, {{0, 7, 4}}));
  EXPECT_EQ(updates.compare(members).difference,
            "the members stand at different calls in atollUpdate: group 0 tag 8: a is before #0, c "
            "before #1");
}

TEST(UpdateBarrier, OneWhoTellsAnotherDigestThanItsCallsHaveKeepsNobodyWaiting) {
  UpdateBarrier updates;
  updates.open({1}, request({{0, 7, 4}}));
  updates.open({2}, request({{0, 7, 5}}));
  for (const uint64_t peer : {1, 2}) {
    EXPECT_TRUE(updates.ask({peer}));
    EXPECT_TRUE(updates.tell({peer}, {{0, 7, 4}}));
  }
  EXPECT_EQ(updates.compare(kMembers).difference,
            "the members stand at different calls in atollUpdate: group 0: a and b tell digests "
            "that differ, and the same calls");
}

TEST(UpdateBarrier, CountsTheNamesOfTheOneWithTheMost) {
  UpdateBarrier updates;
  updates.open({1}, request({{0, 7, 4}, {0, 8, 1}, {kGroupAll, 7, 2}}));
  updates.open({2}, request({{0, 7, 4}}));
  EXPECT_EQ(updates.names(kMembers), 3u);
}

TEST(UpdateBarrier, ComparesOnlyThoseThatReduceTogether) {
  const std::vector<Participant> shards{participant(1, "a0", 0, "ra"),
                                        participant(2, "a1", 1, "ra"),
                                        participant(3, "b0", 0, "rb")};
  UpdateBarrier updates;
  std::map<uint64_t, Positions> positions{{1, {{0, 7, 4}, {kGroupReplica, 1, 2}}},
                                          {2, {{1, 7, 9}, {kGroupReplica, 1, 2}}},
                                          {3, {{0, 7, 4}, {kGroupReplica, 1, 5}}}};
  EXPECT_EQ(difference(updates, shards, positions), std::nullopt);
  positions[2] = {{1, 7, 9}, {kGroupReplica, 1, 3}};
  EXPECT_EQ(difference(updates, shards, positions),
            "the members stand at different calls in atollUpdate: group replica tag 1: a0 is "
            "before #2, a1 before #3");
  positions[2] = {{1, 7, 9}, {kGroupReplica, 1, 2}, {kGroupAll, 1, 1}};
  EXPECT_EQ(difference(updates, shards, positions),
            "the members stand at different calls in atollUpdate: group all tag 1: a0 is before "
            "#0, a1 before #1");
}

TEST(UpdateBarrier, ComparesPairsWithinThemselves) {
  std::vector<Participant> members = kMembers;
  for (uint32_t i = 0; i < members.size(); ++i) members[i].slot = i;
  const Group pair = pair_group({0, 1});
  UpdateBarrier updates;
  std::map<uint64_t, Positions> positions{{1, {{pair, 7, 4}}}, {2, {{pair, 7, 4}}}};
  EXPECT_EQ(difference(updates, members, positions), std::nullopt);
  positions[2] = {{pair, 7, 3}};
  EXPECT_NE(difference(updates, members, positions), std::nullopt);
}

// ---- receives from whoever sends ---------------------------------------------------------------

// A sends to b and c as well; b receives from whoever sends.
struct AnyCase {
  Positions a, b, c;
  wire::AnyReceives receives;
};

UpdateBarrier::Comparison compared(const AnyCase& test) {
  std::vector<Participant> members{participant(1, "a"), participant(2, "b"), participant(3, "c")};
  for (uint32_t i = 0; i < members.size(); ++i) members[i].slot = i;
  UpdateBarrier updates;
  updates.open({1}, request(test.a));
  wire::UpdateRequest of_b = request(test.b);
  of_b.receives = {test.receives};
  updates.open({2}, of_b);
  updates.open({3}, request(test.c));
  const std::map<uint64_t, Positions> told{{1, test.a}, {2, test.b}, {3, test.c}};
  for (;;) {
    UpdateBarrier::Comparison compared = updates.compare(members);
    if (compared.to_ask.empty()) return compared;
    for (const PeerId peer : compared.to_ask) {
      EXPECT_TRUE(!updates.ask(peer) || updates.tell(peer, told.at(peer.value)));
    }
  }
}

TEST(UpdateBarrier, WaitsForSendsThatReceivesFromWhoeverSendsMayTake) {
  const Group from_a = pair_group({0, 1});
  const Group from_c = pair_group({2, 1});
  const auto one = compared({{{from_a, 7, 1}}, {}, {}, {7, 1, 0}});
  EXPECT_EQ(one.difference, std::nullopt);
  EXPECT_EQ(one.on_the_way, "a send with tag 7 from a has not come to b");
  const auto both = compared({{{from_a, 7, 1}}, {}, {{from_c, 7, 1}}, {7, 2, 0}});
  EXPECT_EQ(both.difference, std::nullopt);
  EXPECT_NE(both.on_the_way, "");
  const auto come = compared({{{from_a, 7, 1}}, {{from_a, 7, 1}}, {}, {7, 0, 1}});
  EXPECT_EQ(come.difference, std::nullopt);
  EXPECT_EQ(come.on_the_way, "");
}

TEST(UpdateBarrier, MoreSendsThanReceivesFromWhoeverSendsAreADifference) {
  const Group from_a = pair_group({0, 1});
  const Group from_c = pair_group({2, 1});
  const auto more = compared({{{from_a, 7, 1}}, {}, {{from_c, 7, 1}}, {7, 1, 0}});
  ASSERT_TRUE(more.difference.has_value());
  EXPECT_NE(more.difference->find("tag 7: 2 sends to b"), std::string::npos) << *more.difference;
  const auto none = compared({{{from_a, 7, 1}}, {}, {}, {7, 0, 0}});
  EXPECT_TRUE(none.difference.has_value());
  // Of another tag, and in the other direction, nothing is different from ever.
  EXPECT_TRUE(compared({{{from_a, 8, 1}}, {}, {}, {7, 1, 0}}).difference.has_value());
  EXPECT_TRUE(compared({{{pair_group({1, 0}), 7, 1}}, {}, {}, {7, 1, 0}}).difference.has_value());
}

TEST(UpdateBarrier, AReceiverMayBeAheadByWhatItHasTakenSinceItAsked) {
  const Group from_a = pair_group({0, 1});
  EXPECT_EQ(compared({{}, {{from_a, 7, 1}}, {}, {7, 0, 1}}).difference, std::nullopt);
  EXPECT_TRUE(compared({{}, {{from_a, 7, 2}}, {}, {7, 0, 1}}).difference.has_value());
  EXPECT_TRUE(compared({{}, {{from_a, 7, 1}}, {}, {7, 1, 0}}).difference.has_value());
}

TEST(UpdateBarrier, KnowsARequestForAnUpdateThatHasEnded) {
  UpdateBarrier updates;
  updates.open({1}, request({}, 0));
  EXPECT_FALSE(updates.answered_already({1}));
  updates.finish(kMembers, Error{ErrorCode::kMismatch, "differ"});
  EXPECT_FALSE(updates.waits({1}));
  updates.open({1}, request({}, 0));
  EXPECT_TRUE(updates.answered_already({1}));
  EXPECT_EQ(updates.last_error()->message, "differ");
  updates.start_generation();
  EXPECT_FALSE(updates.answered_already({1}));
  EXPECT_EQ(updates.last_error(), std::nullopt);
}

}  // namespace
}  // namespace atoll_core::membership
