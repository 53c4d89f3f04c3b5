#include "wire/hello.h"

#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <xxhash.h>

#include "base/limits.h"

namespace atoll_core::wire {
namespace {

using ::testing::HasSubstr;

Hello random_hello(std::mt19937_64& random) {
  Hello hello;
  hello.version_min = static_cast<uint16_t>(random() % 3);
  hello.version_max = static_cast<uint16_t>(2 + random() % 0xFFFE);
  hello.role = random() % 2 == 0 ? HelloRole::kLink : HelloRole::kProbe;
  hello.connection_count = static_cast<uint16_t>(1 + random() % limits::kConnectionsPerLink);
  hello.connection_index = static_cast<uint8_t>(random() % hello.connection_count);
  hello.session = {random(), random()};
  hello.target_session = {random(), random()};
  hello.peer = PeerId{random()};
  hello.target_peer = PeerId{random()};
  hello.run = random();
  hello.ticket = {random(), random()};
  hello.life = random();
  hello.bound_to = random();
  return hello;
}

// Sets one documented number and makes the checksum fit.
void poke(HelloBytes& bytes, size_t offset, size_t size, uint64_t value) {
  for (size_t i = 0; i < size; ++i) bytes[offset + i] = static_cast<std::byte>(value >> (8 * i));
  const uint64_t checksum = XXH3_64bits(bytes.data(), kHelloBytes - 8);
  for (size_t i = 0; i < 8; ++i) {
    bytes[kHelloBytes - 8 + i] = static_cast<std::byte>(checksum >> (8 * i));
  }
}

TEST(Hello, RoundTrip) {
  std::mt19937_64 random(41);
  for (int i = 0; i < 1000; ++i) {
    const Hello hello = random_hello(random);
    HelloBytes bytes;
    encode_hello(hello, bytes);
    const auto decoded = decode_hello(bytes);
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    ASSERT_EQ(*decoded, hello);
  }
}

TEST(Hello, HasTheDocumentedLayout) {
  Hello hello;
  hello.version_min = 0x0001;
  hello.version_max = 0x0203;
  hello.role = HelloRole::kProbe;
  hello.connection_index = 5;
  hello.connection_count = 7;
  hello.session = {0x1011121314151617, 0x18191A1B1C1D1E1F};
  hello.target_session = {0x2021222324252627, 0x28292A2B2C2D2E2F};
  hello.peer = PeerId{0x3031323334353637};
  hello.target_peer = PeerId{0x4041424344454647};
  hello.run = 0x5051525354555657;
  hello.ticket = {0x6061626364656667, 0x68696A6B6C6D6E6F};
  hello.life = 0x7071727374757677;
  hello.bound_to = 0x8081828384858687;
  HelloBytes expected{};
  poke(expected, 0, 8, 0x313044'4C4C4F5441);  // "ATOLLD01"
  poke(expected, 8, 2, hello.version_min);
  poke(expected, 10, 2, hello.version_max);
  poke(expected, 12, 1, 2);
  poke(expected, 13, 1, 5);
  poke(expected, 14, 2, 7);
  poke(expected, 16, 8, hello.session.high);
  poke(expected, 24, 8, hello.session.low);
  poke(expected, 32, 8, hello.target_session.high);
  poke(expected, 40, 8, hello.target_session.low);
  poke(expected, 48, 8, hello.peer.value);
  poke(expected, 56, 8, hello.target_peer.value);
  poke(expected, 64, 8, hello.run);
  poke(expected, 72, 8, hello.ticket.high);
  poke(expected, 80, 8, hello.ticket.low);
  poke(expected, 88, 8, hello.life);
  poke(expected, 96, 8, hello.bound_to);
  HelloBytes bytes;
  bytes.fill(std::byte{0xCC});
  encode_hello(hello, bytes);
  for (size_t i = 0; i < bytes.size(); ++i) EXPECT_EQ(bytes[i], expected[i]) << "offset " << i;
}

TEST(Hello, EveryFlippedBitIsDetected) {
  std::mt19937_64 random(42);
  HelloBytes bytes;
  encode_hello(random_hello(random), bytes);
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    HelloBytes flipped = bytes;
    flipped[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    EXPECT_FALSE(decode_hello(flipped).has_value()) << "bit " << bit;
  }
}

TEST(Hello, RefusesWhatItDoesNotKnow) {
  struct Case {
    size_t offset, size;
    uint64_t value;
    ErrorCode code;
    std::string expected;
  };
  const std::vector<Case> cases = {
      {0, 8, 0x54482F20'20544547, ErrorCode::kInvalidArgument,
       "\"GET  /HT\", not with \"ATOLLD01\""},
      {8, 2, 4, ErrorCode::kVersionMismatch, "speaks data versions 4 to 3, this side speaks 3"},
      {10, 2, 1, ErrorCode::kVersionMismatch, "speaks data versions 3 to 1, this side speaks 3"},
      {12, 1, 0, ErrorCode::kInvalidArgument, "the unknown role 0"},
      {12, 1, 3, ErrorCode::kInvalidArgument, "the unknown role 3"},
      {13, 1, 64, ErrorCode::kInvalidArgument, "names connection 64 of 1, a link has 1 to 64"},
      {14, 2, 0, ErrorCode::kInvalidArgument, "names connection 0 of 0, a link has 1 to 64"},
      {14, 2, 65, ErrorCode::kInvalidArgument, "names connection 0 of 65, a link has 1 to 64"},
  };
  for (const Case& wrong : cases) {
    HelloBytes bytes;
    encode_hello(Hello{}, bytes);
    poke(bytes, wrong.offset, wrong.size, wrong.value);
    const auto decoded = decode_hello(bytes);
    ASSERT_FALSE(decoded.has_value()) << wrong.expected;
    EXPECT_EQ(decoded.error().code, wrong.code);
    EXPECT_THAT(decoded.error().message, HasSubstr(wrong.expected));
  }
}

TEST(RunId, IsHashedWithXxh3) {
  const std::string run = "llama-outer-7";
  EXPECT_EQ(hash_run_id(run), XXH3_64bits(run.data(), run.size()));
  EXPECT_NE(hash_run_id(run), hash_run_id("llama-outer-8"));
}

}  // namespace
}  // namespace atoll_core::wire
