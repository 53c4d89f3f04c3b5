#include "transport/numeric_address.h"

#include <gmock/gmock.h>
#include <net/if.h>

namespace atoll_core::transport {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

TEST(NumericAddressTest, NumbersAreAddressesAndTheRestIsNames) {
  for (const char* number : {"127.0.0.1", "::1", "2001:db8::7"}) {
    for (const Zone zone : {Zone::kOurs, Zone::kTheirs}) {
      const auto addresses = numeric_addresses(number, zone);
      ASSERT_TRUE(addresses && *addresses) << number;
      ASSERT_THAT(**addresses, SizeIs(1));
      EXPECT_EQ((*addresses)->front().to_string(), number);
    }
  }
  for (const char* name : {"localhost", "fe80.example.com", "127.0.0.1.example.com", ""}) {
    const auto addresses = numeric_addresses(name, Zone::kOurs);
    ASSERT_TRUE(addresses.has_value()) << name;
    EXPECT_FALSE(addresses->has_value()) << name;
  }
}

TEST(NumericAddressTest, AZoneOfOursIsKept) {
  const unsigned loopback = ::if_nametoindex("lo");
  if (loopback == 0) GTEST_SKIP() << "no interface is called lo";
  const auto named = numeric_addresses("fe80::1%lo", Zone::kOurs);
  ASSERT_TRUE(named && *named);
  EXPECT_EQ((*named)->front().to_v6().scope_id(), loopback);
  const auto numbered = numeric_addresses("fe80::1%" + std::to_string(loopback), Zone::kOurs);
  ASSERT_TRUE(numbered && *numbered);
  EXPECT_EQ((*numbered)->front().to_v6().scope_id(), loopback);
}

TEST(NumericAddressTest, AnAddressThatCannotBeUsedIsRefusedWithASentence) {
  const auto bare = numeric_addresses("fe80::1", Zone::kOurs);
  ASSERT_FALSE(bare.has_value());
  EXPECT_THAT(bare.error().message, HasSubstr("fe80::1%eth0"));
  for (const char* text : {"fe80::1%no-such-cable", "fe80::1%4000000000", "fe80::1%"}) {
    const auto unknown = numeric_addresses(text, Zone::kOurs);
    ASSERT_FALSE(unknown.has_value()) << text;
    EXPECT_THAT(unknown.error().message, HasSubstr(text));
    EXPECT_THAT(unknown.error().message, HasSubstr("no interface"));
  }
}

// One address for each interface over which the other host may be; or a sentence.
TEST(NumericAddressTest, AZoneOfTheirsMeansNothing) {
  const auto addresses = numeric_addresses("fe80::1%no-such-cable", Zone::kTheirs);
  if (!addresses) {
    EXPECT_THAT(addresses.error().message, HasSubstr("no interface of this machine has one"));
    return;
  }
  ASSERT_TRUE(addresses->has_value());
  EXPECT_FALSE((*addresses)->empty());
  EXPECT_LE((*addresses)->size(), kInterfacesPerAddress);
  for (const auto& address : **addresses) EXPECT_NE(address.to_v6().scope_id(), 0u);
}

}  // namespace
}  // namespace atoll_core::transport
