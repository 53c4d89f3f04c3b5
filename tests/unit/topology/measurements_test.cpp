#include "topology/measurements.h"

#include <gtest/gtest.h>

#include "base/assert.h"
#include "unit/topology/networks.h"

namespace atoll_core::topology {
namespace {

TEST(FillGaps, TakesTheConstantsWhereNothingIsKnown) {
  const Network network = fill_gaps(Measurements(3));
  EXPECT_EQ(network.path(0, 2).latency_ns, kUnknownLatencyNs);
  EXPECT_EQ(network.path(0, 2).bytes_per_second, kUnknownBytesPerSecond);
  EXPECT_EQ(network.hosts[1].egress_bytes_per_second, kUnknownBytesPerSecond);
  EXPECT_TRUE(network.linked(0, 2));
}

TEST(FillGaps, KeepsWhatWasMeasured) {
  Measurements measurements(2);
  measurements.pair(0, 1) = {123, 456, false};
  measurements.host(0).egress_bytes_per_second = 400;
  const Network network = fill_gaps(measurements);
  EXPECT_EQ(network.path(0, 1).latency_ns, 123u);
  EXPECT_EQ(network.path(0, 1).bytes_per_second, 456u);
  EXPECT_EQ(network.alone_bytes_per_second(0, 1), 400u);
}

TEST(FillGaps, KnowsWhoSharesAComputer) {
  Measurements measurements(5);
  measurements.host(1).computer = measurements.host(4).computer = 7;
  measurements.host(4).cpus = 16;
  const Network network = fill_gaps(measurements);
  std::vector<uint32_t> computers;
  for (const Host& host : network.hosts) computers.push_back(host.computer);
  EXPECT_EQ(computers, (std::vector<uint32_t>{0, 1, 2, 3, 1})) << "0 is nobody's";
  EXPECT_EQ(network.hosts[4].cpus, 16u);
  EXPECT_EQ(network.hosts[0].cpus, 1u);
}

TEST(FillGaps, LooksForALatencyInTheOtherDirectionFirst) {
  Measurements measurements = homes(4);
  measurements.pair(2, 1).latency_ns = 7;
  measurements.pair(1, 2).latency_ns.reset();
  EXPECT_EQ(fill_gaps(measurements).path(1, 2).latency_ns, 7u);
}

TEST(FillGaps, TakesASlowHostForSlowTowardsAll) {
  Measurements measurements = homes(6);
  for (uint32_t other = 1; other < 6; ++other) measurements.pair(0, other).bytes_per_second = 1000;
  measurements.pair(0, 3).bytes_per_second.reset();
  measurements.pair(2, 3).bytes_per_second.reset();
  const Network network = fill_gaps(measurements);
  EXPECT_EQ(network.path(0, 3).bytes_per_second, 1000u);
  EXPECT_EQ(network.path(2, 3).bytes_per_second, k100Mbit);
}

TEST(FillGaps, TakesTheMedianOfAllForWhoWasNeverMeasured) {
  Measurements measurements(5);
  measurements.pair(0, 1) = {10, 100, false};
  measurements.pair(1, 2) = {20, 200, false};
  measurements.pair(2, 0) = {90, 900, false};
  const Network network = fill_gaps(measurements);
  EXPECT_EQ(network.path(3, 4).latency_ns, 20u);
  EXPECT_EQ(network.path(3, 4).bytes_per_second, 200u);
}

TEST(FillGaps, TakesAHostForAsFastAsItsBestPair) {
  Measurements measurements(3);
  measurements.pair(0, 1).bytes_per_second = 100;
  measurements.pair(0, 2).bytes_per_second = 300;
  measurements.pair(1, 0).bytes_per_second = 50;
  measurements.pair(2, 0).bytes_per_second = 40;
  const Network network = fill_gaps(measurements);
  EXPECT_EQ(network.hosts[0].egress_bytes_per_second, 300u);
  EXPECT_EQ(network.hosts[0].ingress_bytes_per_second, 50u);
}

TEST(FillGaps, CountsNothingOfWhatIsUnreachable) {
  Measurements measurements(3);
  measurements.pair(0, 1) = {5, 1'000'000, true};
  measurements.pair(1, 0) = {5, 1'000'000, true};
  measurements.pair(0, 2) = {50, 100, false};
  const Network network = fill_gaps(measurements);
  EXPECT_FALSE(network.linked(0, 1));
  EXPECT_EQ(network.path(1, 2).bytes_per_second, 100u);
  EXPECT_EQ(network.hosts[0].egress_bytes_per_second, 100u);
}

TEST(FillGaps, BoundsWhatWouldOverflowOrDivideByNothing) {
  Measurements measurements(2);
  measurements.pair(0, 1) = {~uint64_t{0}, 0, false};
  measurements.host(1) = {0, 0};
  const Network network = fill_gaps(measurements);
  EXPECT_EQ(network.path(0, 1).latency_ns, kLatencyNsMax);
  EXPECT_EQ(network.path(0, 1).bytes_per_second, 1u);
  EXPECT_EQ(network.hosts[1].ingress_bytes_per_second, 1u);
}

TEST(Measurements, OfAStrangerAreABrokenInvariant) {
  Measurements measurements(2);
  EXPECT_THROW(measurements.pair(0, 2), BrokenInvariant);
  EXPECT_THROW(measurements.host(2), BrokenInvariant);
}

}  // namespace
}  // namespace atoll_core::topology
