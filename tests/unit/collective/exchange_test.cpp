#include "collective/exchange.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/assert.h"
#include "unit/collective/fabric.h"

namespace atoll_core::collective {
namespace {

enum class Pattern { kAllGather, kGather, kScatter, kBroadcast, kAny };

struct Case {
  Pattern pattern = Pattern::kAllGather;
  uint32_t world = 1;
  uint64_t count = 0;
  uint32_t chunk_bytes_max = 1;
  uint32_t segments_in_flight = 2;
  uint32_t root = 0;
  uint64_t seed = 1;
  Delivery delivery = Delivery::kAnyOrder;
};

// Regions of unlike lengths, some of them empty; for kAny any two participants.
std::vector<Block> blocks_of(const Case& test) {
  std::mt19937_64 random(test.seed);
  std::vector<uint64_t> ends{test.count};
  while (ends.size() < test.world) ends.push_back(random() % (test.count + 1));
  std::sort(ends.begin(), ends.end());
  std::vector<Block> blocks;
  uint64_t begin = 0;
  for (uint32_t i = 0; i < test.world; ++i) {
    const ElementRange range{begin, ends[i]};
    begin = ends[i];
    const auto other = static_cast<uint32_t>(random() % test.world);
    switch (test.pattern) {
      case Pattern::kAllGather: blocks.push_back({range, i, kAllMembers}); break;
      case Pattern::kGather: blocks.push_back({range, i, test.root}); break;
      case Pattern::kScatter: blocks.push_back({range, test.root, i}); break;
      case Pattern::kBroadcast: break;
      case Pattern::kAny: {
        const auto from = static_cast<uint32_t>(random() % test.world);
        blocks.push_back({range, from, random() % 3 == 0 ? kAllMembers : other});
      }
    }
  }
  if (test.pattern == Pattern::kBroadcast) blocks.push_back({{0, test.count}, test.root});
  return blocks;
}

ScheduleRequest request_of(const Case& test, uint32_t self) {
  ScheduleRequest request;
  request.world = test.world;
  request.self = self;
  request.count = test.count;
  request.element_bytes = 2;
  request.chunk_bytes_max = test.chunk_bytes_max;
  request.segments_in_flight = test.segments_in_flight;
  return request;
}

Fabric<uint16_t> fabric_of(const Case& test) {
  std::mt19937_64 random(test.seed);
  Fabric<uint16_t> fabric(test.seed);
  for (uint32_t self = 0; self < test.world; ++self) {
    fabric.add(make_exchange(request_of(test, self), blocks_of(test)),
               random_elements<uint16_t>(test.count, random), random() % 2 == 0);
  }
  return fabric;
}

void check_exchange(Fabric<uint16_t>& fabric, const Case& test) {
  uint64_t sent = 0;
  uint64_t due = 0;
  for (const Block& block : blocks_of(test)) {
    const uint64_t receivers = block.to == kAllMembers ? test.world - 1 : block.to != block.from;
    due += receivers * block.range.count();
  }
  for (uint32_t i = 0; i < test.world; ++i) {
    auto& participant = fabric.at(i);
    std::vector<uint16_t> expected(test.count, 7);
    if (participant.in_place) expected = participant.source;
    for (const Block& block : blocks_of(test)) {
      if (block.to != kAllMembers && block.to != i) continue;
      for (uint64_t e = block.range.begin; e < block.range.end; ++e) {
        expected[e] = fabric.at(block.from).source[e];
      }
    }
    ASSERT_EQ(participant.sink, expected) << "participant " << i;
    EXPECT_TRUE(participant.schedule->complete());
    EXPECT_TRUE(participant.schedule->awaited().empty());
    EXPECT_EQ(participant.schedule->chunks_absorbed(), participant.schedule->chunks_expected());
    sent += participant.elements_sent;
  }
  EXPECT_EQ(sent, due);
}

void exchange(const Case& test) {
  SCOPED_TRACE(fmt::format("pattern {} world {} count {} chunk {} window {} root {} seed {}",
                           static_cast<int>(test.pattern), test.world, test.count,
                           test.chunk_bytes_max, test.segments_in_flight, test.root, test.seed));
  Fabric<uint16_t> fabric = fabric_of(test);
  fabric.start_and_run(test.delivery);
  if (!testing::Test::HasFatalFailure()) check_exchange(fabric, test);
}

TEST(Exchange, GivesEverybodyItsBlocksForAllWorldsAndCounts) {
  uint64_t seed = 1;
  for (const Pattern pattern : {Pattern::kAllGather, Pattern::kGather, Pattern::kScatter,
                                Pattern::kBroadcast, Pattern::kAny}) {
    for (uint32_t world = 1; world <= 9; ++world) {
      for (const uint64_t count : {0, 1, 2, 7, 256, 257, 1000, 20000}) {
        for (const Delivery delivery :
             {Delivery::kAnyOrder, Delivery::kOldestFirst, Delivery::kNewestFirst}) {
          ++seed;
          exchange({pattern, world, count, 1024, 2, static_cast<uint32_t>(seed) % world, seed,
                    delivery});
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

RC_GTEST_PROP(ExchangeProperty, GivesEverybodyItsBlocks, ()) {
  if (testing::Test::HasFailure()) return;
  Case test;
  test.pattern = *rc::gen::element(Pattern::kAllGather, Pattern::kGather, Pattern::kScatter,
                                   Pattern::kBroadcast, Pattern::kAny);
  test.world = *rc::gen::inRange<uint32_t>(1, 10);
  test.count = *rc::gen::oneOf(rc::gen::inRange<uint64_t>(0, 30),
                               rc::gen::inRange<uint64_t>(0, 5000));
  test.chunk_bytes_max = *rc::gen::element(1u, 2048u, 1u << 20);
  test.segments_in_flight = *rc::gen::inRange<uint32_t>(1, 6);
  test.root = *rc::gen::inRange<uint32_t>(0, test.world);
  test.seed = *rc::gen::arbitrary<uint64_t>();
  exchange(test);
}

TEST(Exchange, AllGatherBeginsAsMuchOfItsOwnAsHasArrivedAndTheWindow) {
  ScheduleRequest request;
  request.world = 3;
  request.self = 1;
  request.count = 3 * 256 * 4;
  request.chunk_bytes_max = 1;
  request.segments_in_flight = 1;
  const std::vector<Block> blocks{{{0, 1024}, 0}, {{1024, 2048}, 1}, {{2048, 3072}, 2}};
  auto schedule = make_exchange(request, blocks);
  Work work;
  schedule->start(work);
  EXPECT_EQ(work.copies, (std::vector<ElementRange>{{1024, 2048}}));
  EXPECT_EQ(work.sends, (std::vector<Transfer>{{2, 4, 0, {1024, 1280}, true},
                                               {0, 4, 0, {1024, 1280}, true}}));
  EXPECT_EQ(schedule->chunks_expected(), 8u);
  EXPECT_EQ(schedule->awaited(), (std::vector<uint32_t>{0, 2}));
  work = {};
  ASSERT_EQ(schedule->expect({0, 3, 0, {768, 1024}})->action, Action::kStore);
  schedule->absorbed({0, 3, 0, {768, 1024}}, work);
  EXPECT_TRUE(work.sends.empty());
  schedule->absorbed({2, 8, 0, {2048, 2304}}, work);
  EXPECT_EQ(work.sends, (std::vector<Transfer>{{2, 5, 0, {1280, 1536}, true},
                                               {0, 5, 0, {1280, 1536}, true}}));
}

TEST(Exchange, WhoHasNothingToGoBySendsAllAtOnce) {
  ScheduleRequest request;
  request.world = 3;
  request.self = 1;
  request.count = 256 * 6;
  request.chunk_bytes_max = 1;
  request.segments_in_flight = 1;
  // The root of a scatter, and the only one who has something for all.
  const std::vector<Block> scatter{{{0, 512}, 1, 0}, {{512, 1024}, 1, 1}, {{1024, 1536}, 1, 2}};
  auto schedule = make_exchange(request, scatter);
  Work work;
  schedule->start(work);
  EXPECT_TRUE(schedule->complete());
  EXPECT_EQ(work.copies, (std::vector<ElementRange>{{512, 1024}}));
  EXPECT_EQ(work.sends, (std::vector<Transfer>{{0, 0, 0, {0, 256}, true},
                                               {0, 1, 0, {256, 512}, true},
                                               {2, 4, 0, {1024, 1280}, true},
                                               {2, 5, 0, {1280, 1536}, true}}));
  schedule = make_exchange(request, {{{0, 1536}, 1}});
  work = {};
  schedule->start(work);
  EXPECT_TRUE(schedule->complete());
  EXPECT_EQ(work.sends.size(), 12u);
  EXPECT_EQ(work.sends[0], (Transfer{2, 0, 0, {0, 256}, true}));
}

TEST(Exchange, RefusesWhatItDoesNotExpect) {
  ScheduleRequest request;
  request.world = 3;
  request.self = 1;
  request.count = 1024;
  request.chunk_bytes_max = 1;
  auto schedule = make_exchange(request, {{{0, 512}, 0, 1}, {{512, 768}, 0, 2}, {{768, 1024}, 2}});
  Work work;
  schedule->start(work);
  const auto text = [&](const Arrival& arrival) {
    const Result<Accepted> answer = schedule->expect(arrival);
    if (answer.has_value()) return std::string();
    EXPECT_EQ(answer.error().code, ErrorCode::kInvalidArgument);
    return answer.error().message;
  };
  EXPECT_EQ(text({0, 2, 0, {512, 768}}),
            "participant 0 sent segment 2 to participant 1, which is of elements that participant "
            "0 sends to participant 2");
  EXPECT_EQ(text({0, 3, 0, {768, 1024}}),
            "participant 0 sent segment 3 to participant 1, which is of elements that participant "
            "2 sends to all");
  EXPECT_EQ(text({0, 0, 1, {0, 256}}),
            "participant 0 sent segment 0 step 1 of an exchange of 4 segments and one step");
  EXPECT_NE(text({0, 4, 0, {0, 256}}), "");
  EXPECT_NE(text({1, 0, 0, {0, 256}}), "");
  EXPECT_NE(text({3, 0, 0, {0, 256}}), "");
  EXPECT_NE(text({0, 0, 0, {0, 255}}), "");
  EXPECT_NE(text({0, 0, 0, {256, 512}}), "");
  EXPECT_EQ(schedule->chunks_absorbed(), 0u);
  EXPECT_EQ(text({0, 0, 0, {0, 256}}), "");
  schedule->absorbed({0, 0, 0, {0, 256}}, work);
  EXPECT_EQ(text({0, 0, 0, {0, 256}}), "participant 0 sent segment 0 step 0 twice");
  EXPECT_THROW(schedule->absorbed({0, 0, 0, {0, 256}}, work), BrokenInvariant);
  EXPECT_EQ(schedule->awaited(), (std::vector<uint32_t>{0, 2}));
}

TEST(Exchange, AssertsOnUnsoundBlocks) {
  ScheduleRequest request;
  request.world = 2;
  request.count = 100;
  EXPECT_THROW(make_exchange(request, {{{0, 101}, 0}}), BrokenInvariant);
  EXPECT_THROW(make_exchange(request, {{{0, 10}, 2}}), BrokenInvariant);
  EXPECT_THROW(make_exchange(request, {{{0, 10}, 0, 2}}), BrokenInvariant);
  EXPECT_THROW(make_exchange(request, {{{20, 10}, 0}}), BrokenInvariant);
  EXPECT_THROW(make_exchange(request, {{{0, 10}, 0}, {{9, 20}, 1, 0}}), BrokenInvariant);
  EXPECT_NO_THROW(make_exchange(request, {{{0, 10}, 0}, {{9, 20}, 1, 1}, {{10, 20}, 1, 0}}));
}

}  // namespace
}  // namespace atoll_core::collective
