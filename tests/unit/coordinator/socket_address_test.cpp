#include "coordinator/socket_address.h"

#include <gmock/gmock.h>
#include <net/if.h>
#include <netinet/in.h>

#include "support/silent_name_server.h"

namespace atoll_core::coordinator {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using namespace std::chrono_literals;  // NOLINT: durations

TEST(SocketAddressTest, ANumberIsItsOwnAddress) {
  for (const Endpoint& endpoint : {Endpoint{"127.0.0.1", 7700}, Endpoint{"::1", 7700}}) {
    const auto addresses = resolve(endpoint, 30s);
    ASSERT_TRUE(addresses.has_value()) << addresses.error().message;
    EXPECT_EQ(endpoint_of(addresses->front()), endpoint);
  }
}

TEST(SocketAddressTest, ALinkLocalAddressKeepsItsZone) {
  if (::if_nametoindex("lo") == 0) GTEST_SKIP() << "no interface is called lo";
  const Endpoint endpoint{"fe80::1%lo", 7700};
  const auto addresses = resolve(endpoint, 30s);
  ASSERT_TRUE(addresses.has_value()) << addresses.error().message;
  EXPECT_EQ(endpoint_of(addresses->front()), endpoint);
}

TEST(SocketAddressTest, ASilentNameServerIsWaitedForNoLonger) {
  atoll_test::SilentNameServer server;
  names::NameLookups lookups(server.resolve());
  const auto addresses = resolve({"trainer.example.com", 7700}, 50ms, lookups);
  ASSERT_FALSE(addresses.has_value());
  EXPECT_THAT(addresses.error().message, AllOf(HasSubstr("trainer.example.com"),
                                               HasSubstr("50 ms")));
  server.answer("192.0.2.1");
}

}  // namespace
}  // namespace atoll_core::coordinator
