// The parts that need only a few lines: sentences, links, the barrier, deltas.
#include <gtest/gtest.h>

#include "base/limits.h"
#include "membership/link_matrix.h"
#include "membership/peer_barrier.h"
#include "membership/sentence.h"
#include "membership/view_delta.h"
#include "unit/membership/test_peers.h"

namespace atoll_core::membership {
namespace {

TEST(Sentence, IsCutBetweenCharacters) {
  const std::string fits(limits::kSentenceBytes, 'x');
  EXPECT_EQ(bounded(fits), fits);
  const std::string cut = bounded(std::string(limits::kSentenceBytes - 1, 'x') + "\xC3\xA9");
  EXPECT_EQ(cut.size(), limits::kSentenceBytes - 1);
  EXPECT_EQ(join({"a", "b", "c"}), "a, b, c");
}

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

TEST(ViewDelta, LeadsFromOneViewToTheNext) {
  const wire::View before = first_view(1, {info(1, "a"), info(2, "b"), info(3, "c")});
  const wire::View after = first_view(2, {info(1, "a"), info(3, "c"), info(4, "d")});
  EXPECT_EQ(after.slots, (std::vector<PeerId>{{1}, {3}, {4}}));
  EXPECT_EQ(after.members[1].slot, 1u);
  const wire::ViewDelta delta = make_delta(&before, after, "b is lost, d is admitted");
  EXPECT_EQ(delta.removed, (std::vector<PeerId>{{2}}));
  ASSERT_EQ(delta.added.size(), 1u);
  EXPECT_EQ(apply_delta(&before, delta).value(), after);
  EXPECT_EQ(apply_delta(nullptr, make_delta(nullptr, after, "")).value(), after);
}

TEST(ViewDelta, SlotsStayWithinAGeneration) {
  const wire::View before = first_view(1, {info(1, "a"), info(2, "b"), info(3, "c")});
  wire::View after = without(before, {{2}});
  after.epoch = epoch(2);
  const wire::View* const bases[] = {&before, nullptr};
  for (const wire::View* base : bases) {
    const wire::View made = apply_delta(base, make_delta(base, after, "b is lost")).value();
    EXPECT_EQ(made, after);
    EXPECT_EQ(made.slots, (std::vector<PeerId>{{1}, {2}, {3}}));
    EXPECT_EQ(made.members[1].slot, 2u);
  }
}

TEST(ViewDelta, InOneGenerationThePlanIsRestrictedNotSent) {
  wire::View before = first_view(1, {info(1, "a"), info(2, "b"), info(3, "c")});
  before.plan.ring = {2, 1, 0};
  before.plan.hub = 1;
  wire::View after = without(before, {{2}});
  after.epoch = epoch(2);
  const wire::ViewDelta delta = make_delta(&before, after, "b is lost");
  EXPECT_FALSE(delta.plan);
  ASSERT_TRUE(apply_delta(&before, delta));
  EXPECT_EQ(apply_delta(&before, delta)->plan, topology::restrict(before.plan, {0, 2}));
  EXPECT_TRUE(make_delta(nullptr, after, "").plan);
  EXPECT_EQ(apply_delta(nullptr, make_delta(nullptr, after, "")).value(), after);
}

TEST(ViewDelta, APlanAloneMakesAGeneration) {
  const wire::View before = first_view(1, {info(1, "a"), info(2, "b"), info(3, "c")});
  wire::View after = before;
  after.epoch = after.generation.first = epoch(2);
  after.plan.ring = {0, 2, 1};
  const wire::ViewDelta delta = make_delta(&before, after, "a new plan is faster");
  EXPECT_TRUE(delta.added.empty());
  EXPECT_TRUE(delta.removed.empty());
  EXPECT_EQ(apply_delta(&before, delta).value(), after);
}

TEST(ViewDelta, RefusesAPlanForOthers) {
  const wire::View before = first_view(1, {info(1, "a"), info(2, "b"), info(3, "c")});
  wire::View after = before;
  after.epoch = after.generation.first = epoch(2);
  wire::ViewDelta delta = make_delta(&before, after, "");
  delta.plan = topology::make_plan(2);
  ASSERT_FALSE(apply_delta(&before, delta));
  EXPECT_EQ(apply_delta(&before, delta).error().message,
            "the view of epoch 1.2: a plan for 3 members has a ring of 2");
  delta.plan = topology::make_plan(3);
  delta.plan->hub = 1;
  EXPECT_FALSE(apply_delta(&before, delta)) << "the digest is of another plan";
}

TEST(ViewDelta, RefusesAnotherBaseOrDigest) {
  const wire::View before = first_view(1, {info(1, "a"), info(2, "b")});
  wire::View other = before;
  other.epoch = epoch(7);
  wire::View after = without(before, {{2}});
  after.epoch = epoch(8);
  wire::ViewDelta delta = make_delta(&before, after, "");
  ASSERT_FALSE(apply_delta(&other, delta));
  EXPECT_EQ(apply_delta(&other, delta).error().message,
            "the view of epoch 1.8 builds on epoch 1.1, but epoch 1.7 is held");
  EXPECT_FALSE(apply_delta(nullptr, delta));
  delta.removed.clear();
  EXPECT_EQ(apply_delta(&before, delta).error().code, ErrorCode::kInternalError);
}

}  // namespace
}  // namespace atoll_core::membership
