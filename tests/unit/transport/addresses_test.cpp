#include "transport/addresses.h"

#include <algorithm>

#include <gmock/gmock.h>

#include "base/limits.h"

namespace atoll_core::transport {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr uint16_t kPort = 4711;

// A coordinator that is faced from this address; it is one for documentation.
Network::ControlEnds from(const std::string& own) { return {{own, 40000}, {"203.0.113.7", 7700}}; }

TEST(LocalCandidatesTest, OnlyLoopbackWhenTheCoordinatorIsOnLoopback) {
  std::string why;
  EXPECT_THAT(local_candidates(kPort, {{"127.0.0.1", 40000}, {"127.0.0.1", 1}}, &why),
              ElementsAre(Endpoint{"127.0.0.1", kPort}));
  EXPECT_THAT(why, HasSubstr("127.0.0.1:1"));
  EXPECT_THAT(why, HasSubstr("loopback"));
}

TEST(LocalCandidatesTest, NoLoopbackAndNoLinkLocalOtherwise) {
  const auto candidates = local_candidates(kPort, from("198.51.100.1"));
  EXPECT_LE(candidates.size(), limits::kEndpointsPerPeer);
  for (const Endpoint& candidate : candidates) {
    EXPECT_EQ(candidate.port, kPort);
    EXPECT_THAT(candidate.host, Not(StartsWith("127.")));
    EXPECT_THAT(candidate.host, Not(StartsWith("169.254.")));
    EXPECT_THAT(candidate.host, Not(StartsWith("fe80:")));
    EXPECT_NE(candidate.host, "::1");
    EXPECT_EQ(std::count(candidates.begin(), candidates.end(), candidate), 1);
  }
}

TEST(LocalCandidatesTest, TheAddressThatFacesTheCoordinatorComesFirst) {
  const auto any = local_candidates(kPort, from("198.51.100.1"));
  ASSERT_FALSE(any.empty());
  EXPECT_EQ(any.front(), (Endpoint{"198.51.100.1", kPort}));
  // One of this machine's own interfaces is not listed twice.
  for (const Endpoint& own : any) {
    const auto candidates = local_candidates(kPort, from(own.host));
    ASSERT_FALSE(candidates.empty());
    EXPECT_EQ(candidates.front(), own);
    EXPECT_EQ(std::count(candidates.begin(), candidates.end(), own), 1);
  }
}

// Its zone names an interface of this machine, which is no use to others.
TEST(LocalCandidatesTest, ALinkLocalAddressThatFacesTheCoordinatorIsToldWithoutItsZone) {
  const auto candidates =
      local_candidates(kPort, {{"fe80::1%cable", 40000}, {"fe80::2%cable", 7700}});
  ASSERT_FALSE(candidates.empty());
  EXPECT_EQ(candidates.front(), (Endpoint{"fe80::1", kPort}));
}

}  // namespace
}  // namespace atoll_core::transport
