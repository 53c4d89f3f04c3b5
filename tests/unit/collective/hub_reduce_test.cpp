// Star, mesh, reduce and reduce-scatter step by step; what they have in common with others is in
// reductions_test.cpp.
#include "collective/hub_reduce.h"

#include "base/assert.h"
#include "unit/collective/reductions.h"

namespace atoll_core::collective {
namespace {

// Segments of 256 elements.
std::unique_ptr<Schedule> make(Kind kind, uint32_t world, uint32_t self, uint64_t count,
                               uint32_t segments_in_flight) {
  Reduction test{kind, world, count};
  test.segments_in_flight = segments_in_flight - self % 2;
  return schedule_of(test, self, 4);
}

TEST(HubReduce, MeshSendsToTheNextOwnerFirstAndResultsToAll) {
  auto schedule = make(Kind::kMesh, 3, 1, 3 * 256, 2);
  Work work;
  schedule->start(work);
  EXPECT_EQ(work.sends, (std::vector<Transfer>{{2, 0, 0, {512, 768}, true},
                                               {0, 0, 0, {0, 256}, true}}));
  EXPECT_EQ(schedule->chunks_expected(), 4u);
  EXPECT_EQ(schedule->awaited(), (std::vector<uint32_t>{0, 2}));

  work = {};
  ASSERT_EQ(schedule->expect({2, 0, 0, {256, 512}})->action, Action::kCollect);
  schedule->absorbed({2, 0, 0, {256, 512}}, work);
  EXPECT_TRUE(work.sends.empty() && work.combines.empty());
  schedule->absorbed({0, 0, 0, {256, 512}}, work);
  EXPECT_EQ(work.combines, (std::vector<Combine>{{0, {256, 512}}}));
  EXPECT_EQ(work.sends, (std::vector<Transfer>{{2, 0, 1, {256, 512}, false},
                                               {0, 0, 1, {256, 512}, false}}));
  EXPECT_EQ(schedule->awaited(), (std::vector<uint32_t>{0, 2}));

  work = {};
  ASSERT_EQ(schedule->expect({0, 0, 1, {0, 256}})->action, Action::kStore);
  EXPECT_FALSE(schedule->expect({0, 0, 1, {0, 256}})->finish);
  schedule->absorbed({0, 0, 1, {0, 256}}, work);
  EXPECT_EQ(schedule->awaited(), std::vector<uint32_t>{2});
  EXPECT_FALSE(schedule->complete());
  schedule->absorbed({2, 0, 1, {512, 768}}, work);
  EXPECT_TRUE(schedule->complete());
  EXPECT_TRUE(work.sends.empty() && work.combines.empty());
  EXPECT_EQ(schedule->chunks_absorbed(), 4u);
}

TEST(HubReduce, StarBeginsTheWindowAndOneSegmentForEachCompleteOne) {
  auto schedule = make(Kind::kStar, 3, 2, 5 * 256, 2);
  Work work;
  schedule->start(work);
  EXPECT_EQ(work.sends, (std::vector<Transfer>{{0, 0, 0, {0, 256}, true},
                                               {0, 1, 0, {256, 512}, true}}));
  work = {};
  schedule->absorbed({0, 1, 1, {256, 512}}, work);
  EXPECT_EQ(work.sends, (std::vector<Transfer>{{0, 2, 0, {512, 768}, true}}));
  EXPECT_EQ(schedule->chunks_expected(), 5u);
  EXPECT_EQ(schedule->awaited(), std::vector<uint32_t>{0});

  // The hub takes what comes, and sends nothing before it can combine.
  auto hub = make(Kind::kStar, 3, 0, 5 * 256, 2);
  work = {};
  hub->start(work);
  EXPECT_TRUE(work.sends.empty());
  hub->absorbed({2, 4, 0, {1024, 1280}}, work);
  EXPECT_TRUE(work.sends.empty() && work.combines.empty());
  hub->absorbed({1, 4, 0, {1024, 1280}}, work);
  EXPECT_EQ(work.combines, (std::vector<Combine>{{4, {1024, 1280}}}));
  EXPECT_EQ(work.sends, (std::vector<Transfer>{{1, 4, 1, {1024, 1280}, false},
                                               {2, 4, 1, {1024, 1280}, false}}));
}

TEST(HubReduce, WithoutResultsASegmentIsCompleteWhenTheOwnPartIsCombined) {
  auto schedule = make(Kind::kReduceScatter, 2, 0, 2 * 256 * 4, 2);
  Work work;
  schedule->start(work);
  EXPECT_EQ(work.sends, (std::vector<Transfer>{{1, 0, 0, {1024, 1280}, true},
                                               {1, 1, 0, {1280, 1536}, true}}));
  work = {};
  schedule->absorbed({1, 1, 0, {256, 512}}, work);
  EXPECT_EQ(work.combines, (std::vector<Combine>{{1, {256, 512}}}));
  EXPECT_EQ(work.sends, (std::vector<Transfer>{{1, 2, 0, {1536, 1792}, true}}));
  EXPECT_EQ(schedule->chunks_expected(), 4u);
}

TEST(HubReduce, WhoOwnsNothingAndIsGivenNothingSendsAllAndIsComplete) {
  Reduction test{Kind::kReduce, 3, 256 * 6};
  test.segments_in_flight = 1;
  test.shares = {1, 0, 1};
  test.hub = 2;
  auto schedule = schedule_of(test, 1, 4);
  Work work;
  schedule->start(work);
  EXPECT_EQ(work.sends.size(), 6u);
  EXPECT_TRUE(schedule->complete());
  EXPECT_TRUE(schedule->awaited().empty());
  // An owner that is not the root sends its results to the root alone.
  auto owner = schedule_of(test, 0, 4);
  work = {};
  owner->start(work);
  EXPECT_EQ(work.sends, (std::vector<Transfer>{{2, 0, 0, {768, 1024}, true}}));
  work = {};
  owner->absorbed({1, 0, 0, {0, 256}}, work);
  owner->absorbed({2, 0, 0, {0, 256}}, work);
  EXPECT_EQ(work.sends, (std::vector<Transfer>{{2, 0, 1, {0, 256}, false},
                                               {2, 1, 0, {1024, 1280}, true}}));
}

// Participant 2's link to 0 is slow, and 0 cannot combine. Each segment that 0 begins makes one
// complete at 1, who so has begun as many as both windows together: all of these are held at 0.
TEST(HubReduce, ReachesTheBoundOfWhatIsHeld) {
  Reduction test{Kind::kReduceScatter, 3, 256 * 3 * 50};
  test.segments_in_flight = 4;
  Fabric<uint32_t> fabric = fabric_of<uint32_t>(test, 0);
  fabric.hold_back(2, 0);
  fabric.start_all();
  fabric.run(Delivery::kOldestFirst);
  EXPECT_EQ(fabric.at(0).held_most[1], uint64_t{test.window(0)} + test.window(1));
  EXPECT_EQ(held_at_most(test, 4, 1, 0), uint64_t{test.window(0)} + test.window(1));

  test.kind = Kind::kMesh;
  Fabric<uint32_t> mesh = fabric_of<uint32_t>(test, 0);
  mesh.hold_back(2, 0);
  mesh.start_all();
  mesh.run(Delivery::kOldestFirst);
  EXPECT_EQ(mesh.at(0).held_most[1], test.window(1));
}

TEST(HubReduce, SaysWhatItDoesNotExpect) {
  const auto text = [](const std::unique_ptr<Schedule>& schedule, const Arrival& arrival) {
    const Result<Accepted> answer = schedule->expect(arrival);
    return answer.has_value() ? std::string() : answer.error().message;
  };
  Work work;
  auto star = make(Kind::kStar, 3, 1, 2 * 256, 1);
  star->start(work);
  EXPECT_EQ(text(star, {2, 0, 0, {0, 256}}),
            "participant 2 sent its elements of segment 0 to participant 1, who owns 0 of 2 "
            "segments");
  EXPECT_EQ(text(star, {0, 1, 1, {256, 512}}),
            "participant 0 sent segment 1 step 1, the result of a reduction that cannot have "
            "ended");
  EXPECT_EQ(text(star, {2, 0, 1, {0, 256}}),
            "participant 2 sent elements 0 to 256 as segment 0 step 1, which are elements 0 to 0");
  EXPECT_EQ(text(star, {1, 0, 1, {0, 256}}),
            "participant 1 sent segment 0 step 1 to participant 1 of 3, which expects nothing from "
            "it");
  EXPECT_EQ(text(star, {0, 2, 1, {512, 768}}),
            "participant 0 sent segment 2 step 1 of a reduction of 2 segments and 2 steps");
  star->absorbed({0, 0, 1, {0, 256}}, work);
  EXPECT_EQ(text(star, {0, 0, 1, {0, 256}}), "participant 0 sent segment 0 step 1 twice");
  EXPECT_EQ(text(star, {0, 1, 1, {256, 512}}), "");

  auto scatter = make(Kind::kReduceScatter, 2, 0, 2 * 256, 1);
  scatter->start(work);
  EXPECT_EQ(text(scatter, {1, 0, 1, {256, 512}}),
            "participant 1 sent a result of segment 0 to participant 0, who is given none");
}

TEST(HubReduce, AssertsOnAnUnsoundPlan) {
  Reduction test{Kind::kStar, 3, 10};
  test.hub = 3;
  EXPECT_THROW(schedule_of(test, 0, 4), BrokenInvariant);
  test = {Kind::kReduce, 3, 10};
  test.hub = 3;
  EXPECT_THROW(schedule_of(test, 0, 4), BrokenInvariant);
  test = {Kind::kMesh, 3, 10};
  test.shares = {1, 1};
  EXPECT_THROW(schedule_of(test, 0, 4), BrokenInvariant);
  test.shares = {0, 0, 0};
  EXPECT_THROW(schedule_of(test, 0, 4), BrokenInvariant);
  test = {Kind::kReduceScatter, 2, 10};
  test.regions = {{0, 6}, {5, 10}};
  EXPECT_THROW(schedule_of(test, 0, 4), BrokenInvariant);
  test.regions = {{0, 6}, {6, 11}};
  EXPECT_THROW(schedule_of(test, 0, 4), BrokenInvariant);
}

}  // namespace
}  // namespace atoll_core::collective
