// What all reductions by owners promise, whatever their shape. What is special to one is in its own
// test.
#include "unit/collective/reductions.h"

#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/assert.h"

namespace atoll_core::collective {
namespace {

const std::vector<Kind> kKinds{Kind::kStar, Kind::kMesh, Kind::kReduce, Kind::kReduceScatter,
                               Kind::kDirect};

class Reductions : public testing::TestWithParam<Kind> {};

TEST_P(Reductions, EqualTheOracleForAllWorldsAndCounts) {
  uint64_t seed = 1;
  for (uint32_t world = 1; world <= 9; ++world) {
    for (const uint64_t count : {0, 1, 2, 3, 7, 255, 256, 257, 1000, 20000}) {
      Reduction test{GetParam(), world, count, 4096, 3};
      test.hub = static_cast<uint32_t>(count) % world;
      test.seed = ++seed;
      carry_out<uint64_t>(test);
      carry_out<float>(test);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(Reductions, EqualTheOracleInEveryOrderOfDelivery) {
  for (const Delivery delivery :
       {Delivery::kAnyOrder, Delivery::kOldestFirst, Delivery::kNewestFirst}) {
    for (const uint32_t window : {1u, 2u, 100u}) {
      for (const uint32_t chunk_bytes : {1u, 16u << 10, 1u << 20}) {
        Reduction test{GetParam(), 5, 30011, chunk_bytes, window, {}, {}, 2, 77 + window, delivery};
        carry_out<float>(test);
        if (HasFatalFailure()) return;
      }
    }
  }
}

// The bounds of what an owner holds are reached when one link is slow: all other senders run ahead.
TEST_P(Reductions, HoldNoMoreThanTheyPromiseWhenOneLinkIsSlow) {
  for (uint32_t slow_from = 0; slow_from < 4; ++slow_from) {
    for (uint32_t slow_to = 0; slow_to < 4; ++slow_to) {
      Reduction test{GetParam(), 4, 256 * 4 * 40, 1, 2, {}, {}, 1, 5 + slow_from};
      SCOPED_TRACE(fmt::format("from {} to {}", slow_from, slow_to));
      Fabric<uint32_t> fabric = fabric_of<uint32_t>(test, slow_to);
      fabric.hold_back(slow_from, slow_to);
      fabric.start_and_run(test.delivery);
      if (!HasFatalFailure()) check_reduction(fabric, test);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(Reductions, GiveTheSameBitsInEveryOrderOfEvents) {
  Reduction test{GetParam(), 7, 5003, 1, 2, {3, 0, 1, 5, 1, 1, 0}, {}, 3, 11};
  std::vector<std::vector<float>> first;
  for (uint64_t order = 0; order < 12; ++order) {
    Fabric<float> fabric = fabric_of<float>(test, order);
    fabric.start_and_run(test.delivery);
    for (uint32_t i = 0; i < test.world; ++i) {
      if (order == 0) first.push_back(fabric.at(i).sink);
      ASSERT_EQ(fabric.at(i).sink, first[i]) << "participant " << i << " order " << order;
    }
  }
}

// What is refused leaves no trace: the op goes on and ends as if it had not been.
TEST_P(Reductions, RefuseWhatTheyDoNotExpectWithoutAChange) {
  Reduction test{GetParam(), 4, 5000, 1, 2, {}, {}, 1, 9};
  Fabric<uint64_t> fabric = fabric_of<uint64_t>(test, 0);
  fabric.start_all();
  uint64_t refused = 0;
  while (fabric.deliver(test.delivery) && !HasFatalFailure()) {
    const Arrival good = fabric.last()->arrival();
    const uint32_t self = fabric.last()->transfer.to;
    Schedule& schedule = *fabric.at(self).schedule;
    std::vector<Arrival> wrong(9, good);
    // wrong[0] is a duplicate of what was just absorbed
    wrong[1].from = self;
    wrong[2].from = test.world;
    wrong[3].range.begin += 1;
    wrong[4].range.end += 1;
    wrong[5].segment = 1u << 30;
    wrong[6].step += 2;
    wrong[7].range = {good.range.begin, good.range.begin};
    wrong[8].step = 0xFFFFFFFFu;
    for (const Arrival& arrival : wrong) {
      const uint64_t before = schedule.chunks_absorbed();
      const Result<Accepted> answer = schedule.expect(arrival);
      ASSERT_FALSE(answer.has_value());
      EXPECT_EQ(answer.error().code, ErrorCode::kInvalidArgument);
      const std::string sender = fmt::format("participant {} sent", arrival.from);
      EXPECT_EQ(answer.error().message.find(sender), 0u) << answer.error().message;
      EXPECT_EQ(schedule.chunks_absorbed(), before);
      ++refused;
    }
    Work work;
    EXPECT_THROW(schedule.absorbed(good, work), BrokenInvariant);
    EXPECT_TRUE(work.sends.empty() && work.combines.empty() && work.copies.empty());
  }
  EXPECT_GT(refused, 300u);
  check_reduction(fabric, test);
}

TEST_P(Reductions, AloneOrWithoutElementsCompleteAtOnce) {
  Reduction alone{GetParam(), 1, 1000};
  auto schedule = schedule_of(alone, 0, 4);
  EXPECT_FALSE(schedule->complete());
  Work work;
  schedule->start(work);
  EXPECT_TRUE(schedule->complete());
  EXPECT_TRUE(work.sends.empty() && work.combines.empty());
  EXPECT_EQ(work.copies, (std::vector<ElementRange>{{0, 1000}}));
  EXPECT_FALSE(schedule->expect({0, 0, 0, {0, 1000}}).has_value());
  EXPECT_THROW(schedule->start(work), BrokenInvariant);

  Reduction nothing{GetParam(), 3, 0};
  for (uint32_t self = 0; self < 3; ++self) {
    schedule = schedule_of(nothing, self, 4);
    work = {};
    schedule->start(work);
    EXPECT_TRUE(schedule->complete());
    EXPECT_TRUE(work.sends.empty() && work.combines.empty() && work.copies.empty());
    EXPECT_FALSE(schedule->expect({(self + 1) % 3, 0, 0, {0, 0}}).has_value());
  }
}

TEST_P(Reductions, AssertOnAnUnsoundRequest) {
  Reduction test{GetParam(), 3, 10};
  EXPECT_THROW(schedule_of(test, 3, 4), BrokenInvariant);
  EXPECT_THROW(schedule_of(test, 0, 0), BrokenInvariant);
  test.segments_in_flight = 0;
  EXPECT_THROW(schedule_of(test, 0, 4), BrokenInvariant);
}

std::string kind_name(const testing::TestParamInfo<Kind>& kind) {
  const std::vector<std::string> names{"Star", "Mesh", "Reduce", "ReduceScatter", "Direct"};
  return names[static_cast<size_t>(kind.param)];
}
INSTANTIATE_TEST_SUITE_P(Kinds, Reductions, testing::ValuesIn(kKinds), kind_name);

// Some of them 0, but not all.
std::vector<uint32_t> random_shares(uint32_t world) {
  auto shares = *rc::gen::container<std::vector<uint32_t>>(
      world, rc::gen::oneOf(rc::gen::just(0u), rc::gen::inRange<uint32_t>(1, 6),
                            rc::gen::arbitrary<uint32_t>()));
  if (std::count(shares.begin(), shares.end(), 0u) == world) shares[world / 2] = 1;
  return shares;
}

// In any order, with gaps between them.
std::vector<ElementRange> random_regions(uint64_t count, uint32_t world, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<uint64_t> boundaries(2 * uint64_t{world});
  for (uint64_t& boundary : boundaries) boundary = random() % (count + 1);
  std::sort(boundaries.begin(), boundaries.end());
  std::vector<ElementRange> regions;
  for (uint32_t i = 0; i < world; ++i) {
    regions.push_back({boundaries[2 * i], boundaries[2 * i + 1]});
  }
  std::shuffle(regions.begin(), regions.end(), random);
  return regions;
}

RC_GTEST_PROP(ReductionsProperty, EqualTheOracle, ()) {
  if (testing::Test::HasFailure()) return;
  Reduction test;
  test.kind = *rc::gen::elementOf(kKinds);
  test.world = *rc::gen::inRange<uint32_t>(1, 10);
  test.count = *rc::gen::oneOf(rc::gen::inRange<uint64_t>(0, 30),
                               rc::gen::inRange<uint64_t>(0, 5000));
  test.chunk_bytes_max = *rc::gen::element(1u, 2048u, 8192u, 1u << 20);
  test.segments_in_flight = *rc::gen::inRange<uint32_t>(1, 6);
  test.hub = *rc::gen::inRange<uint32_t>(0, test.world);
  test.seed = *rc::gen::arbitrary<uint64_t>();
  test.shares = random_shares(test.world);
  if (*rc::gen::arbitrary<bool>()) {
    test.regions = random_regions(test.count, test.world, test.seed);
  }
  carry_out<float>(test);
}

}  // namespace
}  // namespace atoll_core::collective
