// The parts that need only a few lines: links and the barrier.
#include <gtest/gtest.h>

#include "membership/coordinator/link_matrix.h"
#include "membership/coordinator/peer_barrier.h"
#include "unit/membership/test_peers.h"

namespace atoll_core::membership {
namespace {

TEST(LinkMatrix, APairIsLinkedWhenBothSaySo) {
  LinkMatrix links;
  links.report({1}, {2}, wire::LinkState::kUp);
  EXPECT_FALSE(links.linked({1}, {2}));
  links.report({2}, {1}, wire::LinkState::kUp);
  EXPECT_TRUE(links.linked({1}, {2}));
  EXPECT_TRUE(links.linked({2}, {1}));
  links.report({1}, {2}, wire::LinkState::kUnreachable);
  EXPECT_FALSE(links.linked({2}, {1}));
}

TEST(LinkMatrix, ForgetsRowAndColumn) {
  LinkMatrix links;
  for (const uint64_t other : {2u, 3u}) {
    links.report({1}, {other}, wire::LinkState::kUp);
    links.report({other}, {1}, wire::LinkState::kUp);
  }
  links.forget({2});
  EXPECT_FALSE(links.linked({1}, {2}));
  EXPECT_TRUE(links.linked({1}, {3}));
  links.report({1}, {2}, wire::LinkState::kUp);
  EXPECT_FALSE(links.linked({1}, {2})) << "the column was kept";
}

TEST(LinkMatrix, CountsWithHowManyAPeerIsLinked) {
  LinkMatrix links;
  const auto link = [&](uint64_t one, uint64_t other) {
    links.report({one}, {other}, wire::LinkState::kUp);
    links.report({other}, {one}, wire::LinkState::kUp);
  };
  link(1, 2);
  link(1, 200);
  links.report({1}, {3}, wire::LinkState::kUp);
  links.report({1}, {2}, wire::LinkState::kUp);
  EXPECT_EQ(links.count({1}), 2u) << "a report is repeated, another one is of one end only";
  EXPECT_EQ(links.count({3}), 0u);
  links.report({2}, {1}, wire::LinkState::kRefused);
  links.report({2}, {1}, wire::LinkState::kRefused);
  EXPECT_EQ(links.count({1}), 1u);
  links.forget({1});
  EXPECT_EQ(links.count({200}), 0u);
  EXPECT_EQ(links.count({7}), 0u);
}

TEST(LinkMatrix, TellsWhoIsLinkedWithAllOfAGroup) {
  LinkMatrix links;
  constexpr uint64_t kPeers = 130;  // more than two words of bits
  for (uint64_t one = 1; one <= kPeers; ++one) {
    for (uint64_t other = 1; other <= kPeers; ++other) {
      const bool missing = one == 3 && other == kPeers;
      if (one != other && !missing) links.report({one}, {other}, wire::LinkState::kUp);
    }
  }
  LinkMatrix::Group group(links);
  EXPECT_TRUE(group.all_linked_with({99999})) << "nobody is in it";
  for (uint64_t peer = 1; peer < kPeers - 1; ++peer) group.add({peer});
  EXPECT_TRUE(group.all_linked_with({kPeers - 1}));
  EXPECT_FALSE(group.all_linked_with({kPeers})) << "3 does not say so";
  EXPECT_FALSE(group.all_linked_with({99999}));
  group.add({99999});
  EXPECT_FALSE(group.all_linked_with({kPeers - 1})) << "nobody has spoken of one of the group";
}

TEST(PeerBarrier, IsCompleteWhenAllHaveAnswered) {
  PeerBarrier<int> barrier({{1}, {2}, {3}});
  EXPECT_TRUE(barrier.answer({1}, 10));
  EXPECT_FALSE(barrier.answer({4}, 40));
  EXPECT_EQ(barrier.missing(), (std::vector<PeerId>{{2}, {3}}));
  EXPECT_TRUE(barrier.answer({1}, 11));
  EXPECT_TRUE(barrier.answer({2}, 20));
  EXPECT_FALSE(barrier.complete());
  barrier.forget({3});
  EXPECT_TRUE(barrier.complete());
  EXPECT_EQ(barrier.answers().at({1}), 11);
}

}  // namespace
}  // namespace atoll_core::membership
