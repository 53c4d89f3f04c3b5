#include "collective/ring_broadcast.h"

#include <algorithm>

#include "base/assert.h"
#include "unit/collective/fabric.h"

namespace atoll_core::collective {
namespace {

ScheduleRequest make_request(uint32_t world, uint32_t self, uint64_t count) {
  ScheduleRequest request;
  request.world = world;
  request.self = self;
  request.count = count;
  request.element_bytes = 2;
  request.chunk_bytes_max = 4096;
  return request;
}

void broadcast(uint32_t world, uint64_t count, Delivery delivery, uint64_t seed) {
  SCOPED_TRACE(fmt::format("world {} count {} seed {}", world, count, seed));
  std::mt19937_64 random(seed);
  const std::vector<uint32_t> ring = shuffled_ring(world, random);
  const auto root = static_cast<uint32_t>(random() % world);
  Fabric<uint16_t> fabric(seed);
  for (uint32_t self = 0; self < world; ++self) {
    fabric.add(make_ring_broadcast(make_request(world, self, count), ring, root),
               random_elements<uint16_t>(count, random), random() % 2 == 0);
  }
  const std::vector<uint16_t> expected = fabric.at(root).source;
  fabric.start_all();
  EXPECT_TRUE(fabric.at(root).schedule->complete());
  EXPECT_TRUE(fabric.at(root).schedule->awaited().empty());
  fabric.run(delivery);
  uint64_t elements_sent = 0;
  for (uint32_t i = 0; i < world; ++i) {
    EXPECT_TRUE(fabric.at(i).schedule->complete());
    EXPECT_EQ(fabric.at(i).sink, expected);
    EXPECT_LE(fabric.at(i).elements_sent, count);
    elements_sent += fabric.at(i).elements_sent;
  }
  EXPECT_EQ(elements_sent, count * (world - 1));
}

TEST(RingBroadcast, GivesAllTheElementsOfTheRoot) {
  uint64_t seed = 100;
  for (uint32_t world = 1; world <= 9; ++world) {
    for (const uint64_t count : {0, 1, 2, 3, 7, 255, 256, 257, 1000, 100000}) {
      for (const Delivery delivery :
           {Delivery::kAnyOrder, Delivery::kOldestFirst, Delivery::kNewestFirst}) {
        broadcast(world, count, delivery, ++seed);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(RingBroadcast, SendsInOrderAndNamesChunksByHops) {
  auto root = make_ring_broadcast(make_request(3, 2, 4096), {0, 1, 2}, 2);
  Work work;
  root->start(work);
  EXPECT_EQ(work.copies, (std::vector<ElementRange>{{0, 4096}}));
  ASSERT_EQ(work.sends.size(), 2u);
  EXPECT_EQ(work.sends[0], (Transfer{0, 0, 0, {0, 2048}, false}));
  EXPECT_EQ(work.sends[1], (Transfer{0, 1, 0, {2048, 4096}, false}));

  auto middle = make_ring_broadcast(make_request(3, 0, 4096), {0, 1, 2}, 2);
  work = {};
  middle->start(work);
  EXPECT_TRUE(work.sends.empty());
  EXPECT_EQ(middle->awaited(), std::vector<uint32_t>{2});
  middle->absorbed({2, 1, 0, {2048, 4096}}, work);
  ASSERT_EQ(work.sends.size(), 1u);
  EXPECT_EQ(work.sends[0], (Transfer{1, 1, 1, {2048, 4096}, false}));
  EXPECT_FALSE(middle->complete());
}

TEST(RingBroadcast, RefusesWhatItDoesNotExpect) {
  auto last = make_ring_broadcast(make_request(3, 1, 4096), {0, 1, 2}, 2);
  Work work;
  last->start(work);
  const Arrival good{0, 1, 1, {2048, 4096}};
  std::vector<Arrival> wrong(5, good);
  wrong[0].from = 2;
  wrong[1].segment = 2;
  wrong[2].step = 0;
  wrong[3].range.end -= 1;
  wrong[4].step = 0xFFFFFFFFu;
  for (const Arrival& arrival : wrong) {
    const Result<Accepted> answer = last->expect(arrival);
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, ErrorCode::kInvalidArgument);
  }
  ASSERT_TRUE(last->expect(good).has_value());
  last->absorbed(good, work);
  EXPECT_TRUE(work.sends.empty());
  EXPECT_FALSE(last->expect(good).has_value());
  EXPECT_THROW(last->absorbed(good, work), BrokenInvariant);
  EXPECT_EQ(last->chunks_absorbed(), 1u);

  auto root = make_ring_broadcast(make_request(3, 2, 4096), {0, 1, 2}, 2);
  work = {};
  root->start(work);
  EXPECT_FALSE(root->expect({1, 0, 2, {0, 2048}}).has_value());
}

TEST(RingBroadcast, AssertsOnARootThatDoesNotTakePart) {
  EXPECT_THROW(make_ring_broadcast(make_request(3, 1, 10), {0, 1, 2}, 3), BrokenInvariant);
}

}  // namespace
}  // namespace atoll_core::collective
