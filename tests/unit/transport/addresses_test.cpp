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

TEST(LocalCandidatesTest, OnlyLoopbackWhenTheCoordinatorIsOnLoopback) {
  std::string why;
  EXPECT_THAT(local_candidates(kPort, {"127.0.0.1", 1}, &why),
              ElementsAre(Endpoint{"127.0.0.1", kPort}));
  EXPECT_THAT(why, HasSubstr("127.0.0.1:1"));
  EXPECT_THAT(why, HasSubstr("loopback"));
}

TEST(LocalCandidatesTest, NoLoopbackAndNoLinkLocalOtherwise) {
  // An address for documentation: a route to it is looked up and nothing is sent.
  const auto candidates = local_candidates(kPort, {"203.0.113.7", 48148});
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
  const auto any = local_candidates(kPort, {"203.0.113.7", 48148});
  if (any.empty()) GTEST_SKIP() << "this machine has only loopback addresses";
  // A coordinator on one of this machine's own addresses is faced from that same address.
  for (const Endpoint& own : any) {
    const auto candidates = local_candidates(kPort, {own.host, 48148});
    ASSERT_FALSE(candidates.empty());
    EXPECT_EQ(candidates.front(), own);
    EXPECT_EQ(candidates.size(), any.size());
  }
}

TEST(LocalCandidatesTest, AnUnknownCoordinatorIsNoObstacle) {
  const auto known = local_candidates(kPort, {"203.0.113.7", 48148});
  std::string why;
  const auto unknown = local_candidates(kPort, {"no such host", 48148}, &why);
  EXPECT_EQ(unknown.size(), known.size());
  EXPECT_THAT(why, HasSubstr("no address faces the coordinator at no such host:48148"));
}

}  // namespace
}  // namespace atoll_core::transport
