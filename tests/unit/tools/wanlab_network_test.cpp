// The network in virtual time: rate, delay, queue, loss and jitter are what was asked for.
#include "tools/atoll/wanlab/network.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "unit/tools/wanlab_frames.h"

namespace atoll_cli {
namespace {

using atoll_test::Bytes;
using atoll_test::plain_frame;
using atoll_test::tcp_frame;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Arrival {
  unsigned to;
  Nanoseconds at;
  size_t packet_bytes;
  uint8_t mark;  // the last byte of the sender's address
};

std::vector<Arrival> drain(EmulatedNetwork& network, Nanoseconds until = seconds(1'000'000)) {
  std::vector<Arrival> arrivals;
  while (const auto deadline = network.next_deadline()) {
    if (*deadline > until) break;
    while (auto delivery = network.take_due(*deadline)) {
      EXPECT_LE(delivery->due, *deadline);
      arrivals.push_back({delivery->to, delivery->due, delivery->frame.size - atoll_test::kVirtio,
                          delivery->frame.data[atoll_test::kVirtio + 15]});
    }
  }
  return arrivals;
}

EmulatedNetwork make(NetworkSettings settings, uint64_t seed = 1, bool reorder = false) {
  settings.choose_queues();
  return {settings, seed, reorder};
}

TEST(WanlabNetwork, DelaysByWhatItShould) {
  PathSettings path;
  path.delay = milliseconds(40);
  EmulatedNetwork network = make({2, path, {}});
  network.accept(1, plain_frame(1, 2, 100), milliseconds(5));
  EXPECT_EQ(network.next_deadline(), Nanoseconds(milliseconds(45)));
  EXPECT_FALSE(network.take_due(milliseconds(45) - Nanoseconds(1)));
  const auto arrivals = drain(network);
  ASSERT_EQ(arrivals.size(), 1u);
  EXPECT_EQ(arrivals[0].to, 2u);
  EXPECT_EQ(arrivals[0].at, milliseconds(45));
  EXPECT_FALSE(network.next_deadline());
}

TEST(WanlabNetwork, RatesAddUpAlongThePath) {
  HostSettings host;
  host.up = 8e6;  // 1,000 bytes in 1 ms
  host.down = 2e6;
  PathSettings path;
  path.rate = 4e6;
  EmulatedNetwork network = make({2, path, host});
  network.accept(1, plain_frame(1, 2, 1000), Nanoseconds(0));
  EXPECT_EQ(drain(network).at(0).at, milliseconds(1 + 2 + 4));
}

// A super-packet takes as long as the packets that it stands for, in all: they follow each other
// through the links.
TEST(WanlabNetwork, ASuperPacketIsChargedForItsPackets) {
  HostSettings host;
  host.up = host.down = 12e6;  // 1,500 bytes in 1 ms
  EmulatedNetwork network = make({2, {}, host});
  network.accept(1, tcp_frame(false, 1, 2, 10 * 1448, 1448), Nanoseconds(0));
  const auto arrivals = drain(network);
  ASSERT_EQ(arrivals.size(), 1u);
  EXPECT_EQ(arrivals[0].at, milliseconds(10 + 1));  // the last one passes two links
  EXPECT_EQ(network.counters(1, 2).delivered_packets, 10u);
  EXPECT_EQ(network.counters(1, 2).delivered_bytes, 15'000u);
}

// Offers `rate` in super-packets of ten for a second, from each of `senders`; bits delivered.
double delivered(EmulatedNetwork& network, const std::vector<unsigned>& senders, double rate) {
  const Nanoseconds step(static_cast<int64_t>(15'000 * 8e9 / rate));
  Nanoseconds time{0};
  for (; time < seconds(1); time += step) {
    for (const unsigned from : senders) {
      network.accept(from, tcp_frame(false, static_cast<uint8_t>(from), 4, 14'480, 1448), time);
    }
    drain(network, time);
  }
  double bits = 0;
  drain(network, seconds(1));
  for (const unsigned from : senders) {
    bits += static_cast<double>(network.counters(from, 4).delivered_bytes) * 8;
  }
  return bits;
}

TEST(WanlabNetwork, ADownlinkIsSharedByAllWhoSend) {
  HostSettings host;
  host.up = host.down = 100e6;
  PathSettings path;
  path.rate = 40e6;  // slower than the downlink, whose gaps are for others
  EmulatedNetwork three = make({4, path, host});
  EXPECT_NEAR(delivered(three, {1, 2, 3}, 60e6), 100e6, 3e6);
  EmulatedNetwork two = make({4, path, host});
  EXPECT_NEAR(delivered(two, {1, 2}, 60e6), 80e6, 3e6);
  EmulatedNetwork one = make({4, path, host});
  EXPECT_NEAR(delivered(one, {3}, 60e6), 40e6, 2e6);
  EmulatedNetwork idle = make({4, path, host});
  EXPECT_NEAR(delivered(idle, {1, 2}, 30e6), 60e6, 2e6);
}

TEST(WanlabNetwork, AnUplinkIsSharedByAllPaths) {
  HostSettings host;
  host.up = 12e6;
  EmulatedNetwork network = make({3, {}, host});
  network.accept(1, plain_frame(1, 2, 1500), Nanoseconds(0));
  network.accept(1, plain_frame(1, 3, 1500), Nanoseconds(0));
  network.accept(2, plain_frame(2, 3, 1500), Nanoseconds(0));
  const auto arrivals = drain(network);
  ASSERT_EQ(arrivals.size(), 3u);
  EXPECT_EQ(arrivals[0].at, milliseconds(1));
  EXPECT_EQ(arrivals[1].at, milliseconds(1));  // another host's uplink
  EXPECT_EQ(arrivals[2].at, milliseconds(2));
}

TEST(WanlabNetwork, NobodysRateHoldsUpTheCoordinator) {
  HostSettings host;
  host.up = host.down = 1e6;
  PathSettings path;
  path.delay = milliseconds(3);
  path.rate = 1e6;
  EmulatedNetwork network = make({1, path, host});
  network.accept(1, plain_frame(1, 254, 1500), Nanoseconds(0));
  EXPECT_EQ(drain(network).at(0).at, milliseconds(3));
}

TEST(WanlabNetwork, AFullQueueDropsTheTail) {
  HostSettings host;
  host.up = 12e6;
  host.queue = milliseconds(4);
  EmulatedNetwork network = make({2, {}, host});
  for (int i = 0; i < 8; ++i) network.accept(1, plain_frame(1, 2, 1500), Nanoseconds(0));
  EXPECT_EQ(drain(network).size(), 5u);  // the fifth waits for 4 ms
  EXPECT_EQ(network.counters(1, 2).dropped_up, 3u);

  network.accept(1, tcp_frame(false, 1, 2, 8 * 1448, 1448), seconds(1));
  const auto arrivals = drain(network);
  ASSERT_EQ(arrivals.size(), 1u);
  EXPECT_EQ(arrivals[0].packet_bytes, 52u + 5 * 1448);
  EXPECT_EQ(network.counters(1, 2).dropped_up, 6u);
}

TEST(WanlabNetwork, ADownlinkHasAQueueToo) {
  HostSettings host;
  host.down = 12e6;
  host.queue = milliseconds(2);
  EmulatedNetwork network = make({2, {}, host});
  network.accept(1, tcp_frame(false, 1, 2, 8 * 1448, 1448), Nanoseconds(0));
  const auto arrivals = drain(network);
  ASSERT_EQ(arrivals.size(), 1u);
  EXPECT_EQ(arrivals[0].packet_bytes, 52u + 3 * 1448);
  EXPECT_EQ(network.counters(1, 2).dropped_down, 5u);
  EXPECT_EQ(network.counters(1, 2).delivered_packets, 3u);
}

TEST(WanlabNetwork, LosesTheShareAskedFor) {
  for (const double loss : {0.001, 0.02, 0.5}) {
    PathSettings path;
    path.loss = loss;
    EmulatedNetwork network = make({2, path, {}}, 3);
    const Bytes frame = tcp_frame(false, 1, 2, 1000, 100);
    uint64_t packets = 0;
    for (int i = 0; i < 20'000; ++i) {
      network.accept(1, frame, microseconds(i));
      while (network.take_due(microseconds(i))) {
      }
      packets += 10;
    }
    const PathCounters& counters = network.counters(1, 2);
    const double lost = static_cast<double>(counters.lost) / static_cast<double>(packets);
    EXPECT_NEAR(lost, loss, 5 * std::sqrt(loss / static_cast<double>(packets)));
    EXPECT_EQ(counters.sent_packets, packets);
    EXPECT_EQ(counters.delivered_packets + counters.lost, packets);
    EXPECT_EQ(network.counters(2, 1).lost, 0u);
  }
}

TEST(WanlabNetwork, EdgesOfLoss) {
  PathSettings path;
  path.loss = 1;
  EmulatedNetwork network = make({2, path, {}});
  network.accept(1, tcp_frame(false, 1, 2, 5000, 1000), Nanoseconds(0));
  EXPECT_TRUE(drain(network).empty());
  EXPECT_EQ(network.counters(1, 2).lost, 5u);
}

TEST(WanlabNetwork, TheSeedDecidesWhatIsLost) {
  PathSettings path;
  path.loss = 0.1;
  const auto which = [&](uint64_t seed) {
    EmulatedNetwork network = make({2, path, {}}, seed);
    for (int i = 0; i < 100; ++i) network.accept(1, plain_frame(1, 2, 100), milliseconds(i));
    std::vector<Nanoseconds> times;
    for (const Arrival& arrival : drain(network)) times.push_back(arrival.at);
    return times;
  };
  EXPECT_EQ(which(5), which(5));
  EXPECT_NE(which(5), which(6));
}

TEST(WanlabNetwork, JitterStaysInRangeAndInOrder) {
  PathSettings path;
  path.delay = milliseconds(40);
  path.jitter = milliseconds(10);
  EmulatedNetwork network = make({2, path, {}}, 9);
  std::map<Nanoseconds, int> delays;
  Nanoseconds sum{0}, before{0};
  constexpr int kPackets = 100'000;
  for (int i = 0; i < kPackets; ++i) {
    const Nanoseconds sent = microseconds(100) * i;
    network.accept(1, plain_frame(1, 2, 100), sent);
    const Nanoseconds at = drain(network).at(0).at;
    EXPECT_GT(at, before);
    before = at;
    sum += at - sent;
    ++delays[at - sent];
  }
  EXPECT_GE(delays.begin()->first, milliseconds(30));
  EXPECT_LE(delays.rbegin()->first, milliseconds(50));
  EXPECT_LT(delays.begin()->first, milliseconds(32));
  EXPECT_GT(delays.rbegin()->first, milliseconds(48));
  EXPECT_NEAR(std::chrono::duration<double>(sum).count() / kPackets, 0.040, 0.002);
}

TEST(WanlabNetwork, ReordersOnlyWhereAsked) {
  PathSettings path;
  path.delay = milliseconds(40);
  path.jitter = milliseconds(10);
  for (const bool reorder : {false, true}) {
    EmulatedNetwork network = make({2, path, {}}, 2, reorder);
    for (unsigned i = 0; i < 200; ++i) {
      network.accept(1, plain_frame(1, 2, 100 + i), microseconds(100) * i);
    }
    bool in_order = true;
    size_t before = 0;
    for (const Arrival& arrival : drain(network)) {
      in_order = in_order && arrival.packet_bytes > before;
      before = arrival.packet_bytes;
    }
    EXPECT_EQ(in_order, !reorder);
  }
}

TEST(WanlabNetwork, NothingPassesACutPath) {
  NetworkSettings settings(2, {}, {});
  settings.path(1, 2).cut = true;
  EmulatedNetwork network = make(settings);
  network.accept(1, plain_frame(1, 2, 100), Nanoseconds(0));
  network.accept(2, plain_frame(2, 1, 100), Nanoseconds(0));
  const auto arrivals = drain(network);
  ASSERT_EQ(arrivals.size(), 1u);
  EXPECT_EQ(arrivals[0].to, 1u);
  EXPECT_EQ(network.counters(1, 2).dropped_cut, 1u);
}

TEST(WanlabNetwork, WhatIsOnItsWayIsBounded) {
  PathSettings path;
  path.delay = seconds(10);
  NetworkSettings settings(2, path, {});
  EmulatedNetwork network(settings, 1, false, 5000);
  const Bytes frame = tcp_frame(false, 1, 2, 2000, 1000);  // two packets
  for (int i = 0; i < 4; ++i) network.accept(1, frame, Nanoseconds(0));
  EXPECT_EQ(network.counters(1, 2).dropped_full, 4u);
  EXPECT_EQ(drain(network).size(), 2u);
  network.accept(1, frame, seconds(11));
  EXPECT_EQ(network.counters(1, 2).dropped_full, 4u);
}

}  // namespace
}  // namespace atoll_cli
