#include "transport/network.h"

#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include "unit/transport/network_fixture.h"

namespace atoll_core::transport {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<std::unique_ptr<Network>> create(NetworkConfig config) {
  return Network::create(
      std::move(config), [](const wire::Hello&) { return HelloAnswer{}; }, [](AcceptedHello) {});
}

// Random bytes both ways over `connections` connections at once.
void exchange_bytes(TestPeer& one, TestPeer& two, size_t connections, size_t bytes) {
  struct Pair {
    ByteBuffer forward;
    ByteBuffer backward;
    std::unique_ptr<RandomDriver> dialler;
    std::unique_ptr<RandomDriver> listener;
  };
  std::vector<Pair> pairs(connections);
  for (size_t i = 0; i < connections; ++i) {
    Pair& pair = pairs[i];
    pair.forward = random_bytes(2 * i, bytes + i);
    pair.backward = random_bytes(2 * i + 1, bytes + 3 * i);
    pair.dialler = std::make_unique<RandomDriver>(i, pair.forward, pair.backward.size());
    pair.listener = std::make_unique<RandomDriver>(~i, pair.backward, pair.forward.size());
    const DialOutcome outcome = one.dial(two);
    ASSERT_NE(outcome.connection, nullptr) << outcome.reason;
    const AcceptedHello accepted = two.accepted.pop();
    EXPECT_EQ(accepted.hello, one.hello(2));
    EXPECT_EQ(outcome.answer, two.hello(1));
    one.on_loop([&] { outcome.connection->start(pair.dialler.get()); });
    two.on_loop([&] { accepted.connection->start(pair.listener.get()); });
  }
  for (Pair& pair : pairs) {
    pair.dialler->complete.pop();
    pair.listener->complete.pop();
    EXPECT_TRUE(pair.listener->incoming == pair.forward);
    EXPECT_TRUE(pair.dialler->incoming == pair.backward);
  }
  one.end();
  two.end();
  for (Pair& pair : pairs) EXPECT_EQ(pair.dialler->closed.size() + pair.listener->closed.size(), 0);
}

TEST(NetworkTest, MovesRandomBytesBothWays) {
  TestPeer one(1);
  TestPeer two(2);
  exchange_bytes(one, two, 1, 24u << 20);
}

TEST(NetworkTest, MovesBytesOnManyConnectionsWithSmallSocketBuffers) {
  NetworkConfig config = loopback_config();
  config.socket_send_buffer = 8192;
  config.socket_receive_buffer = 8192;
  TestPeer one(1, config);
  TestPeer two(2, config);
  exchange_bytes(one, two, 40, 200'000);
}

TEST(NetworkTest, ListensOnAllAddressesOfBothFamilies) {
  NetworkConfig everywhere;
  everywhere.bind_host = "";
  TestPeer one(1);
  TestPeer two(2, everywhere);
  EXPECT_NE(one.dial(two).connection, nullptr);
  two.host = "::1";
  const DialOutcome ipv6 = one.dial(two);
  if (ipv6.connection == nullptr) GTEST_SKIP() << "no IPv6 loopback: " << ipv6.reason;
  EXPECT_EQ(ipv6.connection->remote(), to_string(two.endpoint()));
  EXPECT_THAT(two.accepted.pop().connection->remote(), testing::StartsWith("127.0.0.1:"));
  EXPECT_THAT(two.accepted.pop().connection->remote(), testing::StartsWith("[::1]:"));
}

TEST(NetworkTest, ListensOnIpv6Loopback) {
  NetworkConfig config;
  config.bind_host = "::1";
  if (const auto probe = create(config); !probe) GTEST_SKIP() << probe.error().message;
  TestPeer one(1, config);
  TestPeer two(2, config);
  exchange_bytes(one, two, 2, 1u << 20);
}

TEST(NetworkTest, ATakenPortIsAnErrorThatNamesIt) {
  const auto first = create(loopback_config());
  ASSERT_TRUE(first);
  NetworkConfig config = loopback_config();
  config.port = (*first)->listening_port();
  const auto second = create(config);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kSystemError);
  EXPECT_THAT(second.error().message, HasSubstr("127.0.0.1:" + std::to_string(config.port)));
  config.bind_host = "";  // IPv6 is free, but half of the addresses is not enough
  EXPECT_FALSE(create(config));
}

TEST(NetworkTest, AnAddressOfAnotherMachineCannotBeBound) {
  NetworkConfig config;
  config.bind_host = "203.0.113.7";
  const auto network = create(config);
  ASSERT_FALSE(network);
  EXPECT_EQ(network.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(network.error().message, HasSubstr("203.0.113.7:0"));
  config.bind_host = "no such host";
  const auto unnamed = create(config);
  ASSERT_FALSE(unnamed);
  EXPECT_EQ(unnamed.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(unnamed.error().message, HasSubstr("no such host"));
}

TEST(NetworkTest, RunsPostedTasksOfManyThreadsOnItsOwn) {
  TestPeer peer(1);
  constexpr int kThreads = 8;
  constexpr int kTasks = 1000;
  int sum = 0;  // only the loop's thread touches it
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&] {
      for (int task = 0; task < kTasks; ++task) peer.network->post([&sum] { ++sum; });
    });
  }
  for (std::thread& thread : threads) thread.join();
  int seen = 0;
  peer.on_loop([&] { seen = sum; });
  EXPECT_EQ(seen, kThreads * kTasks);
}

TEST(NetworkTest, StopEndsOneRunAndTheNextGoesOn) {
  const auto network = std::move(*create(loopback_config()));
  std::vector<int> order;
  network->stop();  // before run: run returns at once
  network->run();
  network->post([&] {
    order.push_back(1);
    network->stop();
  });
  network->post([&] {
    order.push_back(2);
    network->stop();
  });
  network->run();
  EXPECT_THAT(order, ElementsAre(1));
  network->run();
  EXPECT_THAT(order, ElementsAre(1, 2));
}

TEST(NetworkTest, ExceptionsOfCallbacksComeOutOfRun) {
  const auto network = std::move(*create(loopback_config()));
  network->post([] { throw std::runtime_error("from a task"); });
  EXPECT_THROW(network->run(), std::runtime_error);
  network->post([&] { network->stop(); });
  network->run();
}

TEST(NetworkTest, TheTimerFiresOnceAndNotBeforeItsTime) {
  const auto network = std::move(*create(loopback_config()));
  const TimePoint start = Network::now();
  const TimePoint due = start + std::chrono::milliseconds(30);
  int fired = 0;
  network->set_timer(start + std::chrono::milliseconds(5), [&] { fired += 100; });
  network->set_timer(due, [&] {  // later than what it replaces
    ++fired;
    EXPECT_GE(Network::now(), due);
    network->set_timer(Network::now() - std::chrono::seconds(1), [&] { network->stop(); });
  });
  network->run();
  EXPECT_EQ(fired, 1);
}

TEST(NetworkTest, TheTimerCanBeSetNearerAndTakenAway) {
  const auto network = std::move(*create(loopback_config()));
  bool wrong = false;
  network->set_timer(Network::now() + std::chrono::hours(24), [&] { wrong = true; });
  network->set_timer(Network::now() + std::chrono::milliseconds(1), [&] { network->stop(); });
  network->run();
  network->set_timer(Network::now(), [&] { wrong = true; });
  network->set_timer(kNever, [&] { wrong = true; });
  network->post([&] { network->post([&] { network->stop(); }); });
  network->run();
  EXPECT_FALSE(wrong);
}

TEST(NetworkTest, DestructionCallsNoHandler) {
  RawSocket silent;
  const Endpoint nowhere{"127.0.0.1", silent.listen()};
  std::atomic<int> calls = 0;
  TestPeer two(2);
  RandomDriver driver(1, random_bytes(1, 1000), 1000);
  {
    TestPeer one(1);
    const DialOutcome outcome = one.dial(two);
    ASSERT_NE(outcome.connection, nullptr) << outcome.reason;
    one.on_loop([&] {
      outcome.connection->start(&driver);
      one.network->set_timer(Network::now() + std::chrono::hours(1), [&] { ++calls; });
      one.network->dial({nowhere, {"localhost", nowhere.port}}, one.hello(3), kPatience,
                        [&](const DialOutcome&) { ++calls; });
      Network::ControlHandler handler;
      handler.on_failed = [&](const std::string&) { ++calls; };
      handler.on_connected = [&](const Network::ControlEnds&) { ++calls; };
      one.network->open_control({nowhere}, kPatience, handler);
      one.network->stop();
      one.network->post([&] { ++calls; });
    });
  }
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(driver.closed.size(), 0);
}

}  // namespace
}  // namespace atoll_core::transport
