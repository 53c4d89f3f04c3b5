// Addresses, names and run ids that are wrong: typed errors in time, and nobody else is harmed.
#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "support/raw_socket.h"
#include "support/test_run.h"

namespace atoll_test {
namespace {

// The call may be late by what a busy machine needs, not by another timeout.
constexpr auto kSlack = 4s;

TestPeer::Change with(uint32_t connect_timeout_ms) {
  return [connect_timeout_ms](auto& config) { config.connect_timeout_ms = connect_timeout_ms; };
}

void expect_unreachable(const std::string& coordinator, const std::string& word) {
  TestPeer peer(coordinator, "alice", with(1500));
  ASSERT_EQ(peer.created().result, atollSuccess) << peer.created();
  const auto began = std::chrono::steady_clock::now();
  const Outcome outcome = peer.calls([&] { return atollCommConnect(peer.comm()); }).end();
  const auto took = std::chrono::steady_clock::now() - began;
  EXPECT_EQ(outcome.result, atollCoordinatorUnreachable) << outcome;
  EXPECT_TRUE(outcome.names(word)) << outcome;
  EXPECT_LT(took, 1500ms + kSlack);
  EXPECT_EQ(peer.update().result, atollNotConnected);
}

TEST(BadAddressTest, NoAddressIsAnInvalidArgument) {
  const std::string addresses[] = {
      "",          ":7700",    "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:0",
      "[::1:7700", "::1:7700", "127.0.0.1:7x", std::string(300, 'a') + ":1"};
  for (const std::string& address : addresses) {
    TestPeer peer(address, "alice");
    EXPECT_EQ(peer.created().result, atollInvalidArgument) << address << ": " << peer.created();
    EXPECT_EQ(peer.comm(), nullptr);
  }
}

TEST(BadAddressTest, NobodyListens) {
  const std::string nobody = RawSocket::free_address();
  expect_unreachable(nobody, nobody);
}

TEST(BadAddressTest, SomebodyListensAndIsSilent) {
  const RawSocket silent = RawSocket::listen_silently();
  ASSERT_TRUE(silent.ok());
  expect_unreachable(silent.local_address(), "1500 ms");
}

TEST(BadAddressTest, NameWithoutAddress) {
  expect_unreachable("no-such-host.invalid:7700", "no-such-host.invalid");
}

// A peer's data port is an address where somebody speaks, but not as a coordinator.
TEST(BadAddressTest, PeerInsteadOfCoordinator) {
  TestRun run({"alice", "bob"});
  const uint64_t port = run[0].attribute(atollAttributeListeningPort);
  expect_unreachable("127.0.0.1:" + std::to_string(port), std::to_string(port));
  expect_all_reduce(run.all());
}

TEST(BadAddressTest, AbortEndsAConnectThatWaits) {
  const RawSocket silent = RawSocket::listen_silently();
  TestPeer peer(silent.local_address(), "alice", with(60000));
  Calling connecting = peer.calls([&] { return atollCommConnect(peer.comm()); });
  EXPECT_TRUE(wait_until([&] { return atollCommAbort(peer.comm()) == atollSuccess; }));
  const Outcome outcome = connecting.end();
  EXPECT_EQ(outcome.result, atollCancelled) << outcome;
}

TEST(BadAddressTest, WrongRunIdIsAMismatch) {
  atollCoordinatorConfig_t config = coordinator_config(2);
  config.run = "atlantis";
  TestRun run(config, {"alice", "bob"}, [](auto& peer) { peer.run = "atlantis"; });
  TestPeer& stranger = run.add("mallory", [](auto& peer) { peer.run = "lemuria"; });
  const Outcome outcome = stranger.connect();
  EXPECT_EQ(outcome.result, atollMismatch) << outcome;
  for (const char* word : {"mallory", "lemuria", "atlantis"}) {
    EXPECT_TRUE(outcome.names(word)) << outcome;
  }
  expect_all_reduce({&run[0], &run[1]});
  TestPeer& any = run.add("carol");  // names no run: whatever the coordinator has
  TestRun::admit(any, {&run[0], &run[1]});
  expect_all_reduce({&run[0], &run[1], &any});
}

TEST(BadAddressTest, SecondHolderOfAPlaceIsRefused) {
  const auto place = [](const char* replica) {
    return [replica](auto& config) { config.replica = replica; };
  };
  TestRun run(coordinator_config(1), {"alice"}, place("island"));
  TestPeer& second = run.add("mallory", place("island"));
  for (int attempt = 0; attempt < 2; ++attempt) {
    const Outcome outcome = second.connect();
    EXPECT_EQ(outcome.result, atollDuplicatePeer) << outcome;
    EXPECT_TRUE(outcome.names("alice") && outcome.names("island")) << outcome;
    EXPECT_EQ(second.update().result, atollNotConnected);
    expect_all_reduce({&run[0]});
    expect_update({&run[0]});
  }
  // The place is free when its holder has left.
  EXPECT_EQ(atollCommLeave(run[0].comm()), atollSuccess);
  EXPECT_TRUE(wait_until([&] { return second.connect().result == atollSuccess; }));
  expect_update({&second});
  expect_all_reduce({&second});
}

TEST(BadAddressTest, ShardsThatDisagreeAboutTheirNumber) {
  CoordinatorThread coordinator(1);
  const auto shard = [](uint32_t index, uint32_t count) {
    return [=](auto& config) {
      config.replica = "island";
      config.shard = index;
      config.shard_count = count;
    };
  };
  TestPeer first(coordinator.address(), "alice", shard(0, 2));
  TestPeer other(coordinator.address(), "bob", shard(1, 3));
  EXPECT_EQ(first.connect().result, atollSuccess);
  const Outcome outcome = other.connect();
  EXPECT_EQ(outcome.result, atollMismatch) << outcome;
  EXPECT_TRUE(outcome.names("alice") && outcome.names("bob")) << outcome;
}

TEST(BadAddressTest, AddressesOfTheDataPort) {
  CoordinatorThread coordinator(1);
  const auto result_with_bind = [&](const std::string& bind) {
    TestPeer peer(coordinator.address(), "alice",
                  [&](auto& config) { config.bind = bind.c_str(); });
    if (peer.created().result != atollSuccess) return peer.created();
    return peer.connect();
  };
  const Outcome taken = result_with_bind(coordinator.address());
  EXPECT_EQ(taken.result, atollSystemError) << taken;
  EXPECT_TRUE(taken.names(coordinator.address())) << taken;
  const Outcome foreign = result_with_bind("192.0.2.1");  // an address for documentation
  EXPECT_EQ(foreign.result, atollInvalidArgument) << foreign;
  EXPECT_TRUE(foreign.names("192.0.2.1")) << foreign;
  EXPECT_EQ(result_with_bind("127.0.0.1:99999").result, atollInvalidArgument);
  EXPECT_EQ(result_with_bind("").result, atollInvalidArgument);
}

}  // namespace
}  // namespace atoll_test
