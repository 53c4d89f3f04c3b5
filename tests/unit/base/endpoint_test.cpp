#include "base/endpoint.h"

#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace atoll_core {
namespace {

using testing::HasSubstr;

struct Parsed {
  std::string text;
  Endpoint endpoint;
};

class ParsesEndpoint : public testing::TestWithParam<Parsed> {};

TEST_P(ParsesEndpoint, AndPrintsIt) {
  const auto endpoint = parse_endpoint(GetParam().text);
  ASSERT_TRUE(endpoint.has_value()) << endpoint.error().message;
  EXPECT_EQ(*endpoint, GetParam().endpoint);
  EXPECT_EQ(to_string(*endpoint), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(Endpoint, ParsesEndpoint,
                         testing::Values(Parsed{"127.0.0.1:7700", {"127.0.0.1", 7700}},
                                         Parsed{"0.0.0.0:0", {"0.0.0.0", 0}},
                                         Parsed{"island-3.example.org:65535",
                                                {"island-3.example.org", 65535}},
                                         Parsed{"[::1]:7700", {"::1", 7700}},
                                         Parsed{"[fe80::1%eth0]:1", {"fe80::1%eth0", 1}}));

struct Refused {
  std::string text;
  std::string sentence;  // a part of it
};

class RefusesEndpoint : public testing::TestWithParam<Refused> {};

TEST_P(RefusesEndpoint, WithASentence) {
  const auto endpoint = parse_endpoint(GetParam().text);
  ASSERT_FALSE(endpoint.has_value()) << to_string(*endpoint);
  EXPECT_EQ(endpoint.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(endpoint.error().message, HasSubstr(GetParam().sentence));
  EXPECT_THAT(endpoint.error().message, HasSubstr("'" + GetParam().text + "'"));
}

INSTANTIATE_TEST_SUITE_P(Endpoint, RefusesEndpoint,
                         testing::Values(Refused{"", "no port"}, Refused{"127.0.0.1", "no port"},
                                         Refused{"127.0.0.1:", "'' is not a port"},
                                         Refused{"127.0.0.1:65536", "'65536' is not a port"},
                                         Refused{"127.0.0.1:-1", "'-1' is not a port"},
                                         Refused{"127.0.0.1:80 ", "'80 ' is not a port"},
                                         Refused{"127.0.0.1:http", "'http' is not a port"},
                                         Refused{":7700", "host is empty"},
                                         Refused{"[]:7700", "host is empty"},
                                         Refused{std::string(256, 'a') + ":1", "at most 255"},
                                         Refused{"::1:7700", "[ADDRESS]:PORT"},
                                         Refused{"[::1]", "[ADDRESS]:PORT"}));

TEST(Endpoint, RandomOnesComeBackAsTheyWere) {
  std::mt19937 random(20260101);
  for (int i = 0; i < 1000; ++i) {
    const bool v6 = random() % 2 == 0;
    const std::string host =
        v6 ? fmt::format("fd00::{:x}:{:x}", 1 + random() % 65535, random() % 65536)
           : fmt::format("{}.{}.{}.{}", 1 + random() % 255, random() % 256, random() % 256,
                         random() % 256);
    const Endpoint endpoint{host, static_cast<uint16_t>(random())};
    const auto parsed = parse_endpoint(to_string(endpoint));
    ASSERT_TRUE(parsed.has_value()) << to_string(endpoint);
    EXPECT_EQ(*parsed, endpoint);
  }
}

TEST(Endpoint, OrdersByHostThenPort) {
  EXPECT_LT((Endpoint{"a", 9}), (Endpoint{"b", 1}));
  EXPECT_LT((Endpoint{"a", 1}), (Endpoint{"a", 9}));
}

TEST(Endpoint, ALinkLocalAddressNeedsItsZone) {
  for (const char* bare : {"fe80::1", "FE80::1", "febf:1::2", "fe90::"}) {
    EXPECT_THAT(lacks_zone(bare), HasSubstr(bare));
  }
  for (const char* fine : {"fe80::1%eth0", "::1", "fec0::1", "fe8::1", "2001:db8::fe80",
                           "127.0.0.1", "fe80.example.com", "fe80", ""}) {
    EXPECT_EQ(lacks_zone(fine), "") << fine;
  }
}

}  // namespace
}  // namespace atoll_core
