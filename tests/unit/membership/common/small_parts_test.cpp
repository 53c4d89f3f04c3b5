// Sentences and differences between views.
#include <gtest/gtest.h>

#include "base/limits.h"
#include "membership/common/sentence.h"
#include "membership/common/view_delta.h"
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
