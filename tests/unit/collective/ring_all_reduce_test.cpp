#include "collective/ring_all_reduce.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/assert.h"
#include "unit/collective/fabric.h"

namespace atoll_core::collective {
namespace {

struct Case {
  uint32_t world = 1;
  uint64_t count = 0;
  uint32_t chunk_bytes_max = 1u << 12;
  uint32_t segments_in_flight = 3;
  Delivery delivery = Delivery::kAnyOrder;
  uint64_t seed = 1;
};

template <class T>
Fabric<T> make_fabric(const Case& test, std::mt19937_64& random,
                          const std::vector<uint32_t>& ring) {
  Fabric<T> fabric(test.seed);
  for (uint32_t self = 0; self < test.world; ++self) {
    ScheduleRequest request;
    request.world = test.world;
    request.self = self;
    request.count = test.count;
    request.element_bytes = sizeof(T);
    request.chunk_bytes_max = test.chunk_bytes_max;
    // Participants may differ in how far they run ahead.
    request.segments_in_flight = test.segments_in_flight + self % 2;
    fabric.add(make_ring_all_reduce(request, ring), random_elements<T>(test.count, random),
               random() % 2 == 0);
  }
  return fabric;
}

template <class T>
void check_results(Fabric<T>& fabric, const Case& test, const std::vector<T>& expected) {
  for (uint32_t i = 0; i < test.world; ++i) {
    auto& participant = fabric.at(i);
    EXPECT_TRUE(participant.schedule->complete());
    EXPECT_TRUE(participant.schedule->awaited().empty());
    EXPECT_EQ(participant.schedule->chunks_absorbed(), participant.schedule->chunks_expected());
    EXPECT_EQ(participant.sink, fabric.at(0).sink) << "parity";
    for (uint64_t e = 0; e < test.count; ++e) {
      if constexpr (std::is_floating_point_v<T>) {
        ASSERT_NEAR(participant.sink[e], expected[e], std::abs(expected[e]) * 1e-5);
      } else {
        ASSERT_EQ(participant.sink[e], expected[e]) << "element " << e;
      }
    }
  }
  for (uint64_t e = 0; e < test.count; ++e) {
    uint32_t reductions = 0;
    uint32_t finished = 0;
    for (uint32_t i = 0; i < test.world; ++i) {
      reductions += fabric.at(i).reductions[e];
      finished += fabric.at(i).finished[e];
    }
    ASSERT_EQ(reductions, test.world - 1) << "element " << e;
    ASSERT_EQ(finished, 1u) << "element " << e;
  }
}

// A ring's optimum is 2 (n-1)/n of the data for each participant; blocks differ by one element, or
// by their alignment, in each segment.
template <class T>
void check_traffic(Fabric<T>& fabric, const Case& test) {
  const SegmentLayout layout(test.count, test.world, sizeof(T), test.chunk_bytes_max);
  const uint64_t slack_per_block =
      layout.chunk_elements() >= SegmentLayout::kAlignedBlockMin ? SegmentLayout::kBlockAlignment
                                                                 : 1;
  const double optimum =
      2.0 * (test.world - 1) / test.world * static_cast<double>(test.count);
  const double rounding =
      2.0 * (test.world - 1) * static_cast<double>(layout.segment_count() * slack_per_block);
  for (uint32_t i = 0; i < test.world; ++i) {
    EXPECT_LE(static_cast<double>(fabric.at(i).elements_sent), optimum + rounding);
  }
}

template <class T>
void all_reduce(const Case& test) {
  SCOPED_TRACE(fmt::format("world {} count {} chunk {} window {} seed {}", test.world, test.count,
                           test.chunk_bytes_max, test.segments_in_flight, test.seed));
  std::mt19937_64 random(test.seed);
  const std::vector<uint32_t> ring = shuffled_ring(test.world, random);
  Fabric<T> fabric = make_fabric<T>(test, random, ring);
  std::vector<T> expected(test.count, T(0));
  for (uint32_t i = 0; i < test.world; ++i) {
    for (uint64_t e = 0; e < test.count; ++e) expected[e] += fabric.at(i).source[e];
  }
  fabric.start_all();
  fabric.run(test.delivery);
  ASSERT_FALSE(testing::Test::HasFatalFailure());
  check_results(fabric, test, expected);
  check_traffic(fabric, test);
}

TEST(RingAllReduce, EqualsTheOracleForAllWorldsAndCounts) {
  uint64_t seed = 1;
  for (uint32_t world = 1; world <= 9; ++world) {
    for (const uint64_t count : {0, 1, 2, 3, 7, 255, 256, 257, 1000, 100000}) {
      Case test;
      test.world = world;
      test.count = count;
      test.seed = ++seed;
      all_reduce<uint64_t>(test);
      all_reduce<float>(test);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(RingAllReduce, EqualsTheOracleInEveryOrderOfDelivery) {
  for (const Delivery delivery :
       {Delivery::kAnyOrder, Delivery::kOldestFirst, Delivery::kNewestFirst}) {
    for (const uint32_t window : {1u, 2u, 100u}) {
      for (const uint32_t chunk_bytes : {1u, 16u << 10, 1u << 20}) {
        Case test{5, 30011, chunk_bytes, window, delivery, 77 + window};
        all_reduce<uint64_t>(test);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(RingAllReduce, IsRightWhenTheLastSegmentHasFewerElementsThanParticipants) {
  for (uint32_t world = 2; world <= 9; ++world) {
    const uint64_t full = 256 * uint64_t{world};
    for (const uint64_t count : {full + 1, 2 * full + 1, 256 * (2 * uint64_t{world} - 1) + 1}) {
      Case test{world, count, 1, 1, Delivery::kAnyOrder, 300 + world};
      all_reduce<uint64_t>(test);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(RingAllReduce, TakesAndSendsOnChunksOfSegmentsNotBegunHere) {
  std::mt19937_64 random(5);
  const std::vector<uint32_t> ring{0, 1, 2};
  Case test{3, 256 * 3 * 6, 1, 1, Delivery::kAnyOrder, 5};
  Fabric<uint32_t> fabric = make_fabric<uint32_t>(test, random, ring);
  fabric.start_all();
  // A chunk of the last segment, while only the first one or two are begun.
  const SegmentLayout layout(test.count, 3, 4, 1);
  const uint32_t last = layout.segment_count() - 1;
  const Arrival early{0, last, 0, layout.block(last, 0)};
  const Result<Accepted> accepted = fabric.at(1).schedule->expect(early);
  ASSERT_TRUE(accepted.has_value()) << accepted.error().message;
  EXPECT_EQ(accepted->action, Action::kReduce);
  EXPECT_FALSE(accepted->finish);
  Work work;
  fabric.at(1).schedule->absorbed(early, work);
  ASSERT_EQ(work.sends.size(), 1u);
  EXPECT_EQ(work.sends[0], (Transfer{2, last, 1, early.range, false}));
}

TEST(RingAllReduce, BeginsTheWindowAndOneSegmentForEachCompleteOne) {
  std::mt19937_64 random(6);
  const std::vector<uint32_t> ring{0, 1};
  Case test{2, 256 * 2 * 10, 1, 2, Delivery::kOldestFirst, 6};
  Fabric<uint32_t> fabric = make_fabric<uint32_t>(test, random, ring);
  Work work;
  fabric.at(0).schedule->start(work);
  ASSERT_EQ(work.sends.size(), 2u);
  EXPECT_EQ(work.sends[0], (Transfer{1, 0, 0, {0, 256}, true}));
  EXPECT_EQ(work.sends[1], (Transfer{1, 1, 0, {512, 768}, true}));

  // Its block of segment 0, reduced here: sent on as a final value, but the segment goes on.
  work = {};
  fabric.at(0).schedule->absorbed({1, 0, 0, {256, 512}}, work);
  ASSERT_EQ(work.sends.size(), 1u);
  EXPECT_EQ(work.sends[0], (Transfer{1, 0, 1, {256, 512}, false}));

  // The other block comes back: segment 0 is complete, segment 2 begins.
  work = {};
  fabric.at(0).schedule->absorbed({1, 0, 1, {0, 256}}, work);
  ASSERT_EQ(work.sends.size(), 1u);
  EXPECT_EQ(work.sends[0], (Transfer{1, 2, 0, {1024, 1280}, true}));
  EXPECT_EQ(fabric.at(0).schedule->chunks_absorbed(), 2u);
  EXPECT_EQ(fabric.at(0).schedule->chunks_expected(), 20u);
  EXPECT_EQ(fabric.at(0).schedule->awaited(), std::vector<uint32_t>{1});
}

TEST(RingAllReduce, AloneOrWithoutElementsItCompletesAtOnce) {
  ScheduleRequest request;
  request.count = 1000;
  auto alone = make_ring_all_reduce(request, {0});
  EXPECT_FALSE(alone->complete());
  Work work;
  alone->start(work);
  EXPECT_TRUE(alone->complete());
  EXPECT_TRUE(work.sends.empty());
  EXPECT_EQ(work.copies, (std::vector<ElementRange>{{0, 1000}}));
  EXPECT_FALSE(alone->expect({0, 0, 0, {0, 1000}}).has_value());

  request.world = 3;
  request.count = 0;
  auto nothing = make_ring_all_reduce(request, {0, 1, 2});
  work = {};
  nothing->start(work);
  EXPECT_TRUE(nothing->complete());
  EXPECT_TRUE(work.sends.empty());
  EXPECT_TRUE(work.copies.empty());
  EXPECT_FALSE(nothing->expect({2, 0, 0, {0, 0}}).has_value());
}

// What is refused leaves no trace: the op goes on and ends as if it had not been.
TEST(RingAllReduce, RefusesWhatItDoesNotExpectWithoutAChange) {
  Case test{4, 5000, 1, 2, Delivery::kAnyOrder, 9};
  std::mt19937_64 random(test.seed);
  const std::vector<uint32_t> ring = shuffled_ring(test.world, random);
  Fabric<uint64_t> fabric = make_fabric<uint64_t>(test, random, ring);
  std::vector<uint64_t> expected(test.count, 0);
  for (uint32_t i = 0; i < test.world; ++i) {
    for (uint64_t e = 0; e < test.count; ++e) expected[e] += fabric.at(i).source[e];
  }
  fabric.start_all();
  uint64_t refused = 0;
  while (fabric.deliver(test.delivery) && !HasFatalFailure()) {
    const Arrival good = fabric.last()->arrival();
    Schedule& schedule = *fabric.at(fabric.last()->transfer.to).schedule;
    std::vector<Arrival> wrong(7, good);
    // wrong[0] is a duplicate of what was just absorbed
    wrong[1].from = (good.from + 1) % test.world;
    wrong[2].range.begin += 1;
    wrong[3].range.end += 1;
    wrong[4].segment = 1u << 30;
    wrong[5].step = 6;
    wrong[6].range = {good.range.begin, good.range.begin};
    for (const Arrival& arrival : wrong) {
      const uint64_t before = schedule.chunks_absorbed();
      const Result<Accepted> answer = schedule.expect(arrival);
      ASSERT_FALSE(answer.has_value());
      EXPECT_EQ(answer.error().code, ErrorCode::kInvalidArgument);
      EXPECT_NE(answer.error().message.find("participant"), std::string::npos);
      EXPECT_EQ(schedule.chunks_absorbed(), before);
      ++refused;
    }
    Work work;
    EXPECT_THROW(schedule.absorbed(good, work), BrokenInvariant);
    EXPECT_TRUE(work.sends.empty());
  }
  EXPECT_GT(refused, 100u);
  check_results(fabric, test, expected);
}

TEST(RingAllReduce, RefusesAResultOfAReductionThatDidNotEnd) {
  ScheduleRequest request;
  request.world = 3;
  request.self = 1;
  request.count = 256 * 3 * 4;
  request.chunk_bytes_max = 1;
  request.segments_in_flight = 1;
  auto schedule = make_ring_all_reduce(request, {0, 1, 2});
  Work work;
  schedule->start(work);
  // Step 3 brings block 0, which must have been reduced here at step 0.
  EXPECT_FALSE(schedule->expect({0, 0, 3, {0, 256}}).has_value());
  // Step 2 brings back the own block, of a segment that was not begun here.
  EXPECT_FALSE(schedule->expect({0, 1, 2, {768 + 256, 768 + 512}}).has_value());
  schedule->absorbed({0, 0, 0, {0, 256}}, work);
  EXPECT_TRUE(schedule->expect({0, 0, 3, {0, 256}}).has_value());
}

TEST(RingAllReduce, AssertsOnAnUnsoundRequest) {
  ScheduleRequest request;
  request.world = 3;
  request.count = 10;
  EXPECT_THROW(make_ring_all_reduce(request, {0, 1}), BrokenInvariant);
  EXPECT_THROW(make_ring_all_reduce(request, {0, 1, 1}), BrokenInvariant);
  EXPECT_THROW(make_ring_all_reduce(request, {0, 1, 3}), BrokenInvariant);
  request.segments_in_flight = 0;
  EXPECT_THROW(make_ring_all_reduce(request, {0, 1, 2}), BrokenInvariant);
}

}  // namespace
}  // namespace atoll_core::collective
