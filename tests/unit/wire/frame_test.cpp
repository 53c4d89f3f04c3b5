#include "wire/frame.h"

#include <algorithm>
#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <xxhash.h>

#include "base/limits.h"
#include "wire/payload_checksum.h"

namespace atoll_core::wire {
namespace {

using ::testing::HasSubstr;

FrameHeader random_header(std::mt19937_64& random) {
  const auto number = [&random] { return static_cast<uint32_t>(random()); };
  FrameHeader header;
  header.kind = static_cast<FrameKind>(1 + random() % 11);
  header.weighted = header.kind == FrameKind::kData && random() % 2 == 0;
  header.eager = (header.kind == FrameKind::kData || header.kind == FrameKind::kSkip) &&
                 random() % 2 == 0;
  header.payload_bytes = static_cast<uint32_t>(random() % (limits::kChunkBytes + 1));
  header.link_sequence = random();
  header.acknowledged = random();
  header.attempt.op.generation.first = {{number(), number()}, random()};
  header.attempt.epoch = {{number(), number()}, random()};
  header.attempt.op.tag = random();
  header.attempt.op.sequence = random();
  header.attempt.op.group = number();
  header.segment = number();
  header.step = number();
  header.element_count = number();
  header.element_offset = random();
  header.detail = random();
  header.fingerprint = random();
  header.payload_checksum = random();
  return header;
}

// The documented number at `offset`, `size` bytes wide, is set to `value` and nothing else is
// touched; the checksum is made to fit.
void poke(FrameHeaderBytes& bytes, size_t offset, size_t size, uint64_t value) {
  for (size_t i = 0; i < size; ++i) bytes[offset + i] = static_cast<std::byte>(value >> (8 * i));
  std::vector<std::byte> covered(bytes.begin(), bytes.end());
  covered.erase(covered.begin() + 12, covered.begin() + 16);
  const uint64_t checksum = XXH3_64bits(covered.data(), covered.size());
  for (size_t i = 0; i < 4; ++i) bytes[12 + i] = static_cast<std::byte>(checksum >> (8 * i));
}

std::string refusal(const FrameHeaderBytes& bytes) {
  const auto decoded = decode_frame_header(bytes);
  return decoded ? "" : decoded.error().message;
}

TEST(FrameHeader, RoundTrip) {
  std::mt19937_64 random(31);
  for (int i = 0; i < 1000; ++i) {
    const FrameHeader header = random_header(random);
    FrameHeaderBytes bytes;
    encode_frame_header(header, bytes);
    const auto decoded = decode_frame_header(bytes);
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    ASSERT_EQ(*decoded, header);
  }
}

TEST(FrameHeader, HasTheDocumentedLayout) {
  FrameHeader header;
  header.kind = FrameKind::kStateRequest;
  header.payload_bytes = 0x00010203;
  header.link_sequence = 0x1011121314151617;
  header.acknowledged = 0x2021222324252627;
  header.attempt.op.generation.first = {{0x30313233, 0x34353637}, 0x4041424344454647};
  header.attempt.epoch = {{0x50515253, 0x54555657}, 0x6061626364656667};
  header.attempt.op.tag = 0x7071727374757677;
  header.attempt.op.sequence = 0x8081828384858687;
  header.attempt.op.group = 0x90919293;
  header.segment = 0x94959697;
  header.step = 0xA0A1A2A3;
  header.element_count = 0xA4A5A6A7;
  header.element_offset = 0xB0B1B2B3B4B5B6B7;
  header.detail = 0xC0C1C2C3C4C5C6C7;
  header.fingerprint = 0xD0D1D2D3D4D5D6D7;
  header.payload_checksum = 0xE0E1E2E3E4E5E6E7;

  struct Place {
    size_t offset;
    size_t size;
    uint64_t value;
  };
  const std::vector<Place> table = {
      {0, 4, 0x314C5441},  // "ATL1"
      {4, 1, 3},
      {5, 1, 5},
      {6, 2, 0},
      {8, 4, header.payload_bytes},
      {16, 8, header.link_sequence},
      {24, 8, header.acknowledged},
      {32, 8, 0x3031323334353637},
      {40, 8, 0x4041424344454647},
      {48, 8, 0x5051525354555657},
      {56, 8, 0x6061626364656667},
      {64, 8, header.attempt.op.tag},
      {72, 8, header.attempt.op.sequence},
      {80, 4, header.attempt.op.group},
      {84, 4, header.segment},
      {88, 4, header.step},
      {92, 4, header.element_count},
      {96, 8, header.element_offset},
      {104, 8, header.detail},
      {112, 8, header.fingerprint},
      {120, 8, header.payload_checksum},
  };
  FrameHeaderBytes expected{};
  for (const Place& place : table) poke(expected, place.offset, place.size, place.value);
  FrameHeaderBytes bytes;
  bytes.fill(std::byte{0xCC});
  encode_frame_header(header, bytes);
  for (size_t i = 0; i < bytes.size(); ++i) EXPECT_EQ(bytes[i], expected[i]) << "offset " << i;
}

TEST(FrameHeader, EveryFlippedBitIsDetected) {
  std::mt19937_64 random(32);
  FrameHeaderBytes bytes;
  encode_frame_header(random_header(random), bytes);
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    FrameHeaderBytes flipped = bytes;
    flipped[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    EXPECT_FALSE(decode_frame_header(flipped).has_value()) << "bit " << bit;
  }
}

TEST(FrameHeader, RefusesWhatItDoesNotKnow) {
  FrameHeaderBytes good;
  encode_frame_header(FrameHeader{}, good);
  ASSERT_EQ(refusal(good), "");
  struct Case {
    size_t offset, size;
    uint64_t value;
    std::string expected;
  };
  const std::vector<Case> cases = {
      {0, 4, 0x20544547, "a data frame begins with \"GET \", not with \"ATL1\""},
      {4, 1, 1, "a data frame has version 1, this side speaks 3"},
      {5, 1, 0, "a data frame has the unknown kind 0"},
      {5, 1, 12, "a data frame has the unknown kind 12"},
      {6, 2, 0x100, "a data frame has the unknown flags 0x100"},
      {6, 2, 7, "a data frame has the unknown flags 0x7"},
      {8, 4, limits::kChunkBytes + 1,
       "a data frame announces 4194305 bytes of payload, at most 4194304 are allowed"},
  };
  for (const Case& wrong : cases) {
    FrameHeaderBytes bytes = good;
    poke(bytes, wrong.offset, wrong.size, wrong.value);
    EXPECT_EQ(refusal(bytes), wrong.expected);
  }
}

TEST(FrameHeader, OnlyElementsAreWeighted) {
  FrameHeader header;
  header.weighted = true;
  FrameHeaderBytes bytes;
  for (uint8_t kind = 1; kind <= 11; ++kind) {
    header.kind = FrameKind{kind};
    encode_frame_header(header, bytes);
    if (header.kind == FrameKind::kData || header.kind == FrameKind::kResultData) {
      EXPECT_EQ(decode_frame_header(bytes), header);
    } else {
      EXPECT_EQ(refusal(bytes), "a data frame has the unknown flags 0x1");
    }
  }
}

TEST(FrameHeader, OnlyChunksAndWhatTakesTheirPlaceAreEager) {
  FrameHeader header;
  header.eager = true;
  FrameHeaderBytes bytes;
  for (uint8_t kind = 1; kind <= 11; ++kind) {
    header.kind = FrameKind{kind};
    encode_frame_header(header, bytes);
    if (header.kind == FrameKind::kData || header.kind == FrameKind::kSkip) {
      EXPECT_EQ(decode_frame_header(bytes), header);
    } else {
      EXPECT_EQ(refusal(bytes), "a data frame has the unknown flags 0x2");
    }
  }
}

TEST(FrameHeader, DamageIsCalledDamage) {
  FrameHeaderBytes bytes;
  encode_frame_header(FrameHeader{}, bytes);
  bytes[100] ^= std::byte{1};
  EXPECT_THAT(refusal(bytes), HasSubstr("damaged on its way"));
}

TEST(FrameKindText, IsDistinct) {
  std::vector<std::string_view> names;
  for (uint8_t kind = 1; kind <= 11; ++kind) names.push_back(to_string(FrameKind{kind}));
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
}

TEST(PayloadChecksum, IsXxh3OfTheBytesHoweverTheyAreCut) {
  std::mt19937_64 random(33);
  ByteBuffer payload(100000);
  for (std::byte& byte : payload) byte = static_cast<std::byte>(random());
  const uint64_t whole = payload_checksum(payload);
  EXPECT_EQ(whole, XXH3_64bits(payload.data(), payload.size()));
  const ByteSpan all(payload);
  const std::vector<ByteSpan> parts = {all.first(1), all.subspan(1, 777), all.subspan(778)};
  EXPECT_EQ(payload_checksum_of(parts), whole);
  payload[5000] ^= std::byte{4};
  EXPECT_NE(payload_checksum(payload), whole);
}

}  // namespace
}  // namespace atoll_core::wire
