// How the weights of an average travel, and what is refused.
#include "engine/average_weights.h"

#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "base/limits.h"
#include "wire/little_endian.h"

namespace atoll_core::engine {
namespace {

std::vector<PeerId> peers(uint64_t count) {
  std::vector<PeerId> ids;
  for (uint64_t i = 0; i < count; ++i) ids.push_back(PeerId{100 + i});
  return ids;
}

std::vector<uint32_t> in_view_order(uint32_t world) {
  std::vector<uint32_t> ring(world);
  std::iota(ring.begin(), ring.end(), 0u);
  return ring;
}

AverageWeights begun(double weight, uint32_t world, uint32_t self, uint64_t count,
                     bool average = true) {
  AverageWeights weights(average, DataType::kFloat32, weight);
  weights.begin(peers(world), in_view_order(world), self, count);
  return weights;
}

wire::FrameHeader chunk(uint32_t step, bool weighted) {
  wire::FrameHeader header;
  header.step = step;
  header.weighted = weighted;
  return header;
}

TEST(WeightList, TravelsAsEightBytesEachAndIsBounded) {
  const WeightList weights = {2.5, 0, 0x1p50, 0.1};
  const ByteBuffer bytes = encode(weights);
  ASSERT_EQ(bytes.size(), 32u);
  EXPECT_EQ(wire::load_little_endian<uint64_t>(bytes.data()), std::bit_cast<uint64_t>(2.5));
  EXPECT_EQ(decode_weights(bytes), weights);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const double wrong : {-0.5, -kInfinity, kInfinity, std::numeric_limits<double>::quiet_NaN(),
                             std::nextafter(limits::kWeight, kInfinity)}) {
    EXPECT_FALSE(decode_weights(encode({1, wrong, 1})).has_value()) << wrong;
  }
}

TEST(WeightList, IsEmptyWhereAllAreOne) {
  EXPECT_EQ(decode_weights(encode({1, 1, 1})), WeightList());
  EXPECT_EQ(decode_weights({}), WeightList());
  EXPECT_EQ(shortened({1, 0.5}), (WeightList{1, 0.5}));
  EXPECT_EQ(spelled_out({}, 3), (WeightList{1, 1, 1}));
  EXPECT_EQ(total_weight({}, 5), 5.0);
  EXPECT_EQ(total_weight({0.5, 2, 0}, 3), 2.5);
}

TEST(AverageWeights, OnlyAnAverageTakesThem) {
  const ByteBuffer bytes = encode({2.5, 1});
  const AverageWeights average = begun(1.0, 4, 0, 100);
  const AverageWeights sum = begun(1.0, 4, 0, 100, false);
  EXPECT_EQ(sum.read(chunk(1, false), bytes), WeightList());
  EXPECT_EQ(average.read(chunk(1, true), bytes), (WeightList{2.5, 1}));
  EXPECT_FALSE(average.read(chunk(1, true), ByteSpan(bytes).first(15)).has_value());
  EXPECT_FALSE(sum.read(chunk(1, true), bytes).has_value());
}

// As many as there are peers in a chunk, whatever step it claims to be.
TEST(AverageWeights, TheLengthFollowsFromTheStep) {
  const AverageWeights weights = begun(1.0, 4, 0, 3);
  EXPECT_EQ(weights.bytes_after(chunk(0, false)), 0u);
  EXPECT_EQ(weights.bytes_after(chunk(0, true)), 8u);
  EXPECT_EQ(weights.bytes_after(chunk(2, true)), 24u);
  for (const uint32_t step : {3u, 4u, 5u, 0xFFFFFFFFu}) {
    EXPECT_EQ(weights.bytes_after(chunk(step, true)), 32u) << step;
  }
}

TEST(AverageWeights, SayNothingWhereAllAreOne) {
  AverageWeights ones = begun(1.0, 4, 0, 100);
  EXPECT_TRUE(ones.bytes_for(0, ones.own()).empty());
  EXPECT_TRUE(ones.bytes_for(1, ones.with_own(0, {})).empty());
  EXPECT_EQ(ones.with_own(1, {0.5, 1}), (WeightList{0.5, 1, 1}));
  AverageWeights half = begun(0.5, 4, 0, 100);
  EXPECT_EQ(half.bytes_for(0, half.own()).size(), 8u);
  EXPECT_EQ(half.with_own(1, {}), (WeightList{1, 1, 0.5}));
  // 0.5 and 1.5 are not 1 and 1, although their sum is.
  EXPECT_EQ(half.bytes_for(1, half.with_own(0, {1.5})).size(), 16u);
}

TEST(AverageWeights, TheGatherBringsThemOnlyWhereSomeOwnNothing) {
  const WeightList all = {4, 3, 2, 1};
  AverageWeights each_owns = begun(3.0, 4, 1, 4);
  EXPECT_TRUE(each_owns.bytes_for(3, all).empty());
  AverageWeights some_do_not = begun(3.0, 4, 1, 3);
  EXPECT_EQ(some_do_not.bytes_for(3, all).size(), 32u);
}

// Three walks that end at three peers of a ring in another order than the view's: all know whose
// weight is whose.
TEST(AverageWeights, AreKnownByPeerWhereverAWalkBegan) {
  const std::vector<PeerId> view = peers(4);
  const std::vector<uint32_t> ring = {2, 0, 3, 1};
  const WeightList in_view = {4, 0.5, 7, 0};
  for (uint32_t place = 0; place < 4; ++place) {
    const uint32_t self = ring[place];
    AverageWeights weights(true, DataType::kFloat32, in_view[self]);
    weights.begin(view, ring, self, 100);
    WeightList walk;  // what has come as step 2: of the three behind this peer
    for (uint32_t i = 1; i < 4; ++i) walk.push_back(in_view[ring[(place + i) % 4]]);
    EXPECT_EQ(weights.heard_all(2, weights.with_own(2, walk)), 11.5);
    EXPECT_EQ(weights.of(view), in_view);
    EXPECT_EQ(weights.of({view[2], view[1]}), (WeightList{7, 0.5}));
    EXPECT_FALSE(weights.of({view[2], PeerId{9}}).has_value());
    weights.begin(view, ring, self, 100);
    EXPECT_EQ(weights.of(view), WeightList());  // of the next attempt nothing is known
  }
}

}  // namespace
}  // namespace atoll_core::engine
