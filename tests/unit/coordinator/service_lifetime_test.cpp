// Binding, stopping and destroying a coordinator.
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/service.h"
#include "unit/coordinator/control_client.h"
#include "unit/coordinator/running_service.h"

namespace atoll_core::coordinator {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

ServiceConfig listening_on(const std::string& host, uint16_t port = 0) {
  ServiceConfig config;
  config.listen = {host, port};
  return config;
}

TEST(ServiceBind, AnAddressInUseIsNamed) {
  const auto first = Service::create({});
  ASSERT_TRUE(first.has_value());
  const Endpoint taken = (*first)->address();
  const auto second = Service::create(listening_on(taken.host, taken.port));
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kSystemError);
  EXPECT_EQ(second.error().message,
            "cannot listen on " + to_string(taken) + ": address already in use (EADDRINUSE)");
}

TEST(ServiceBind, APortIsFreeAgainAfterwards) {
  Endpoint address;
  {
    RunningService service;
    address = service.address();
    ControlClient client(address);
    client.send_preamble();
    client.send(register_message(1));
    ASSERT_TRUE(client.receive_a<wire::Registered>().has_value());
  }
  const auto again = Service::create(listening_on(address.host, address.port));
  EXPECT_TRUE(again.has_value()) << again.error().message;
}

TEST(ServiceBind, OtherThanLoopbackNeedsInsecure) {
  for (const std::string host : {"0.0.0.0", "::", "192.0.2.1"}) {
    const auto service = Service::create(listening_on(host));
    ASSERT_FALSE(service.has_value()) << host;
    EXPECT_EQ(service.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(service.error().message, HasSubstr("--insecure"));
    EXPECT_THAT(service.error().message, HasSubstr(host));
  }
  ServiceConfig config = listening_on("0.0.0.0");
  config.insecure = true;
  const auto service = Service::create(config);
  ASSERT_TRUE(service.has_value()) << service.error().message;
  EXPECT_EQ((*service)->address().host, "0.0.0.0");
}

TEST(ServiceBind, AllOfLoopbackIsLoopback) {
  const auto service = Service::create(listening_on("127.1.2.3"));
  ASSERT_TRUE(service.has_value()) << service.error().message;
  EXPECT_EQ((*service)->address().host, "127.1.2.3");
}

TEST(ServiceBind, TakesANameAndTellsTheAddress) {
  RunningService service(listening_on("localhost"));
  EXPECT_TRUE(service.address().host == "127.0.0.1" || service.address().host == "::1")
      << service.address().host;
  ControlClient client(service.address());
  client.send_preamble();
  client.send(register_message(1));
  EXPECT_TRUE(client.receive_a<wire::Registered>().has_value());
}

TEST(ServiceBind, WorksOverIpv6) {
  auto probe = Service::create(listening_on("::1"));
  if (!probe && probe.error().message.find("EADDRNOTAVAIL") != std::string::npos) {
    GTEST_SKIP() << "no IPv6 on this computer";
  }
  ASSERT_TRUE(probe.has_value()) << probe.error().message;
  RunningService service(listening_on("::1"));
  EXPECT_THAT(to_string(service.address()), StartsWith("[::1]:"));
  ControlClient client(service.address());
  client.send_preamble();
  client.send(register_message(1));
  EXPECT_TRUE(client.receive_a<wire::Registered>().has_value());
}

TEST(ServiceBind, AnAddressOfNobodyIsNamed) {
  ServiceConfig config = listening_on("192.0.2.1");  // reserved for documentation
  config.insecure = true;
  const auto service = Service::create(config);
  ASSERT_FALSE(service.has_value());
  EXPECT_THAT(service.error().message, StartsWith("cannot listen on 192.0.2.1:0: "));
  const auto nameless = Service::create(listening_on("no such host"));
  ASSERT_FALSE(nameless.has_value());
  EXPECT_EQ(nameless.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(nameless.error().message, HasSubstr("'no such host'"));
}

TEST(ServiceConfig, ImpossibleValuesAreRefused) {
  ServiceConfig config;
  config.min_replicas = 0;
  EXPECT_EQ(Service::create(config).error().code, ErrorCode::kInvalidArgument);
  config = {};
  config.heartbeat_interval = Duration::zero();
  EXPECT_EQ(Service::create(config).error().code, ErrorCode::kInvalidArgument);
  config = {};
  config.peer_timeout = config.heartbeat_interval;
  EXPECT_THAT(Service::create(config).error().message, HasSubstr("heartbeat"));
  config = {};
  config.run = std::string(limits::kNameBytes + 1, 'r');
  EXPECT_THAT(Service::create(config).error().message, HasSubstr("run id"));
}

TEST(ServiceStop, BeforeRunMakesRunReturn) {
  auto service = Service::create({});
  ASSERT_TRUE(service.has_value());
  (*service)->stop();
  EXPECT_TRUE((*service)->run().has_value());
  (*service)->stop();  // harmless afterwards
}

TEST(ServiceStop, ASecondRunIsRefused) {
  auto service = Service::create({});
  ASSERT_TRUE(service.has_value());
  (*service)->stop();
  ASSERT_TRUE((*service)->run().has_value());
  const auto again = (*service)->run();
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, ErrorCode::kInvalidUsage);
}

TEST(ServiceStop, FromSeveralThreadsAtOnce) {
  auto service = Service::create({});
  ASSERT_TRUE(service.has_value());
  std::vector<std::thread> stoppers;
  for (int i = 0; i < 4; ++i) stoppers.emplace_back([&] { (*service)->stop(); });
  EXPECT_TRUE((*service)->run().has_value());
  for (std::thread& thread : stoppers) thread.join();
}

TEST(ServiceStop, WithConnectionsInEveryCondition) {
  RunningService service;
  ControlClient silent(service.address());
  ControlClient halfway(service.address());
  halfway.send_raw(wire::kControlPreamble.substr(0, 3));
  ControlClient registered(service.address());
  registered.send_preamble();
  registered.send(register_message(1));
  ASSERT_TRUE(registered.receive_a<wire::Registered>().has_value());
  ControlClient lingering(service.address());  // refused, and does not close its end
  lingering.send_raw("no preamble");
  ASSERT_TRUE(lingering.receive_a<wire::Refused>().has_value());
  EXPECT_TRUE(service.stop().has_value());
}

TEST(ServiceStop, BySignalWhenAsked) {
  for (const int signal : {SIGINT, SIGTERM}) {
    ServiceConfig config;
    config.handle_signals = true;
    auto service = Service::create(config);
    ASSERT_TRUE(service.has_value());
    std::thread sender([signal] { kill(getpid(), signal); });
    EXPECT_TRUE((*service)->run().has_value());
    sender.join();
  }
}

TEST(ServiceLog, EventsReachTheCallback) {
  setenv("ATOLL_LOG", "info", 1);
  std::mutex mutex;
  std::string text;
  ServiceConfig config;
  config.log = [&](int level, std::string_view message) {
    const std::lock_guard lock(mutex);
    text += fmt::format("{} {}\n", level, message);
  };
  {
    RunningService service(config);
    ControlClient client(service.address());
    client.send_preamble();
    client.send(register_message(1));
    ASSERT_TRUE(client.receive_a<wire::Registered>().has_value());
    service.stop();
  }
  unsetenv("ATOLL_LOG");
  EXPECT_THAT(text, HasSubstr("2 listening on 127.0.0.1:"));
  EXPECT_THAT(text, HasSubstr("island-1"));
  EXPECT_THAT(text, HasSubstr("2 stopped"));
}

}  // namespace
}  // namespace atoll_core::coordinator
