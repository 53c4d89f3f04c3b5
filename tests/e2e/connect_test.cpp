// Getting in, out and in again: over IPv4 and IPv6, with addresses of one's own, several
// communicators in a process, and what a communicator tells about itself.
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/raw_socket.h"
#include "support/test_run.h"

namespace atoll_test {
namespace {

TestPeer::Change bound_to(const char* bind) {
  return [bind](auto& config) { config.bind = bind; };
}
TestPeer::Change advertising(const char* addresses) {
  return [addresses](auto& config) { config.advertise = addresses; };
}

bool has_ipv6() { return RawSocket::listen_silently("[::1]:0").ok(); }

atollCoordinatorConfig_t on_ipv6(uint32_t min_replicas) {
  atollCoordinatorConfig_t config = coordinator_config(min_replicas);
  config.listen = "[::1]:0";
  return config;
}

TEST(ConnectTest, Ipv6Only) {
  if (!has_ipv6()) GTEST_SKIP() << "this computer has no IPv6 loopback";
  TestRun run(on_ipv6(3), {"alice", "bob", "carol"}, bound_to("::1"));
  EXPECT_EQ(run.address().substr(0, 6), "[::1]:");
  expect_all_reduce(run.all(), 50000);
}

TEST(ConnectTest, Ipv6ByDefault) {
  if (!has_ipv6()) GTEST_SKIP() << "this computer has no IPv6 loopback";
  TestRun run(on_ipv6(2), {"alice", "bob"});
  expect_all_reduce(run.all());
}

TEST(ConnectTest, Ipv6InBrackets) {
  if (!has_ipv6()) GTEST_SKIP() << "this computer has no IPv6 loopback";
  TestRun run({"alice", "bob"}, bound_to("[::1]:0"));
  expect_all_reduce(run.all());
}

// A run whose coordinator is on loopback is on this computer: its peers listen nowhere else.
TEST(ConnectTest, UnderACoordinatorOnLoopbackOnlyLoopbackIsListenedOn) {
  TestRun run({"alice", "bob"});
  const std::string port = std::to_string(run[0].attribute(atollAttributeListeningPort));
  EXPECT_TRUE(RawSocket::connect("127.0.0.1:" + port).ok());
  EXPECT_FALSE(RawSocket::connect("127.0.0.2:" + port).ok());
  expect_all_reduce(run.all());
}

TEST(ConnectTest, ABindOfOnesOwnWinsOverLoopback) {
  TestRun run({"alice", "bob"}, bound_to("0.0.0.0"));
  const std::string port = std::to_string(run[0].attribute(atollAttributeListeningPort));
  EXPECT_TRUE(RawSocket::connect("127.0.0.2:" + port).ok());
  expect_all_reduce(run.all());
}

TEST(ConnectTest, BoundToOneAddressAndPort) {
  const std::string address = RawSocket::free_address();
  TestRun run({"alice"});
  TestPeer& bob = run.add("bob", bound_to(address.c_str()));
  TestRun::admit(bob, {&run[0]});
  EXPECT_EQ(std::to_string(bob.attribute(atollAttributeListeningPort)),
            host_and_port(address).second);
  // Not on the other addresses of this computer.
  EXPECT_FALSE(RawSocket::connect("127.0.0.2:" + host_and_port(address).second).ok());
  expect_all_reduce(run.all());
  // The port is free again for the next stay.
  EXPECT_EQ(atollCommLeave(bob.comm()), atollSuccess);
  TestRun::admit(bob, {&run[0]});
  expect_all_reduce(run.all());
}

TEST(ConnectTest, AdvertisedNamesAndDeadAddresses) {
  const std::string dead = RawSocket::free_address() + ",127.0.0.1";
  TestRun run({"alice", "bob"}, advertising("localhost"));
  TestPeer& carol = run.add("carol", advertising(dead.c_str()));
  TestPeer& dave = run.add("dave", advertising(dead.c_str()));
  TestRun::admit(carol, {&run[0], &run[1]});
  TestRun::admit(dave, {&run[0], &run[1], &carol});
  expect_all_reduce(run.all());
}

// Members are dialled by newcomers: who cannot be reached is not waited for, and harms nobody.
// Either side dials; here neither is answered.
TEST(ConnectTest, NewcomerThatReachesNobodyAndIsReachedByNobodyStaysOutside) {
  const std::string dead = RawSocket::free_address();
  CoordinatorThread coordinator(1);
  TestPeer alice(coordinator.address(), "alice", advertising(dead.c_str()));
  ASSERT_EQ(alice.connect().result, atollSuccess);
  expect_update({&alice});
  TestPeer bob(coordinator.address(), "bob", [&dead](auto& config) {
    config.update_timeout_ms = 700;
    config.advertise = dead.c_str();
  });
  ASSERT_EQ(bob.connect().result, atollSuccess);
  Calling waiting = bob.calls([&] { return bob.update().result; });
  while (!waiting.over()) {
    expect_update({&alice});
    EXPECT_EQ(alice.view().world, 1u);
    expect_all_reduce({&alice});
  }
  const Outcome outcome = waiting.end();
  EXPECT_EQ(outcome.result, atollTimeout) << outcome;
}

TEST(ConnectTest, LeaveAndComeBackOnTheSameCommunicator) {
  TestRun run({"alice", "bob"});
  uint64_t last = run[1].attribute(atollAttributePeer);
  for (int stay = 0; stay < 3; ++stay) {
    EXPECT_EQ(atollCommLeave(run[1].comm()), atollSuccess);
    expect_update({&run[0]});
    EXPECT_EQ(run[0].view().world, 1u);
    EXPECT_EQ(run[0].view().lost, 1u);
    expect_all_reduce({&run[0]});
    TestRun::admit(run[1], {&run[0]});
    EXPECT_EQ(run[0].view().joined, 1u);
    const uint64_t now = run[1].attribute(atollAttributePeer);
    EXPECT_NE(now, last);
    last = now;
    expect_all_reduce(run.all());
  }
  EXPECT_EQ(run[1].connect().result, atollInvalidUsage);  // it is connected
  expect_all_reduce(run.all());
}

TEST(ConnectTest, AbortAndComeBack) {
  TestRun run({"alice", "bob"});
  EXPECT_EQ(atollCommAbort(run[1].comm()), atollSuccess);
  TestRun::admit(run[1], {&run[0]});
  expect_all_reduce(run.all());
}

TEST(ConnectTest, TwoCommunicatorsOfOneProcessInTwoRuns) {
  TestRun one({"alice", "bob"});
  TestRun other({"alice", "bob", "carol"});
  for (int round = 0; round < 5; ++round) {
    std::thread beside([&] { expect_all_reduce(other.all(), 30000); });
    expect_all_reduce(one.all(), 30000);
    beside.join();
  }
}

TEST(ConnectTest, CommunicatorsThatWereNeverUsed) {
  CoordinatorThread coordinator(1);
  TestPeer created(coordinator.address(), "alice");
  EXPECT_EQ(created.update().result, atollNotConnected);
  TestPeer connected(coordinator.address(), "bob");
  EXPECT_EQ(connected.connect().result, atollSuccess);
  EXPECT_EQ(atollBarrier(connected.comm(), nullptr), atollNotConnected);
  atollView_t view = ATOLL_VIEW_INITIALIZER;
  EXPECT_EQ(atollGetView(connected.comm(), &view), atollNotConnected);
  // Both are destroyed as they are, one of them while it is pending.
}

TEST(ConnectTest, AttributesAndView) {
  TestRun run({"alice", "bob", "carol"}, [](auto& config) { config.connections = 2; });
  std::vector<bool> seen(3);
  for (TestPeer* peer : run.all()) {
    const uint64_t rank = peer->attribute(atollAttributeRank);
    ASSERT_LT(rank, 3u);
    EXPECT_FALSE(seen[rank]);
    seen[rank] = true;
    EXPECT_EQ(rank, peer->view().rank);
    EXPECT_EQ(peer->attribute(atollAttributeWorld), 3u);
    EXPECT_EQ(peer->attribute(atollAttributeReplicas), 3u);
    EXPECT_EQ(peer->attribute(atollAttributePeer), peer->view().peer);
    EXPECT_EQ(peer->view().replicas, 3u);
    EXPECT_EQ(peer->view().epoch, run[0].view().epoch);
    EXPECT_EQ(peer->view().incarnation, run[0].view().incarnation);
    EXPECT_EQ(peer->view().generation, peer->view().epoch);
    EXPECT_EQ(peer->view().joined, 3u);
    EXPECT_EQ(peer->view().lost, 0u);
    for (const TestPeer* other : run.all()) {
      uint64_t id = 0;
      EXPECT_EQ(atollGetPeerAt(peer->comm(), other->view().rank, &id), atollSuccess);
      EXPECT_EQ(id, other->view().peer);
    }
    EXPECT_TRUE(wait_until([&] { return peer->attribute(atollAttributeConnections) == 4; }));
    EXPECT_TRUE(RawSocket::connect("127.0.0.1:" + std::to_string(peer->attribute(
                                                      atollAttributeListeningPort)))
                    .ok());
  }
}

TEST(ConnectTest, BytesAreCounted) {
  TestRun run({"alice", "bob", "carol"});
  constexpr uint64_t kElements = 30000;
  expect_all_reduce(run.all(), kElements, 0, atollAlgorithmRing);
  uint64_t sent = 0;
  uint64_t received = 0;
  const auto count = [&] {
    sent = received = 0;
    for (TestPeer* peer : run.all()) {
      sent += peer->attribute(atollAttributeBytesSent);
      received += peer->attribute(atollAttributeBytesReceived);
    }
    return sent == received;
  };
  // A small call returns before all that this peer passes on has been sent. A ring moves
  // 2 (n - 1) / n of the tensor per peer.
  EXPECT_TRUE(wait_until(count)) << sent << " sent, " << received << " received";
  EXPECT_EQ(received, 2 * 2 * kElements * sizeof(float));
}

}  // namespace
}  // namespace atoll_test
