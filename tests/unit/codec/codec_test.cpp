#include "codec/codec.h"

#include <random>

#include <gtest/gtest.h>

#include "unit/codec/random_tensors.h"

namespace atoll_core::codec {
namespace {

TEST(IdentityCodec, IsFoundByItsId) {
  EXPECT_EQ(find_codec(kIdentityCodec), &identity_codec());
  EXPECT_EQ(identity_codec().id(), kIdentityCodec);
  EXPECT_EQ(identity_codec().name(), "identity");
  EXPECT_TRUE(identity_codec().is_identity());
  EXPECT_EQ(find_codec(0xFFFFFFFF), nullptr);
}

TEST(IdentityCodec, KeepsEveryBit) {
  std::mt19937_64 random(1);
  for (int i = 0; i < kDataTypeCount; ++i) {
    const auto type = static_cast<DataType>(i);
    for (const uint64_t count : {0, 1, 7, 1000}) {
      const ByteBuffer elements = testing::random_bytes(random, count * size_of(type));
      ASSERT_EQ(identity_codec().encoded_bytes(type, count), elements.size());
      ByteBuffer encoded(elements.size());
      ASSERT_TRUE(identity_codec().encode(type, elements, encoded));
      EXPECT_EQ(encoded, elements);
      ByteBuffer decoded(elements.size());
      ASSERT_TRUE(identity_codec().decode(type, encoded, decoded));
      EXPECT_EQ(decoded, elements);
    }
  }
}

TEST(IdentityCodec, RefusesWrongSizes) {
  ByteBuffer eight(8), twelve(12), ten(10), other_ten(10);
  const auto expect_refusal = [](const Result<void>& result) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(result.error().message.find("float32"), std::string::npos);
  };
  expect_refusal(identity_codec().encode(DataType::kFloat32, eight, twelve));
  expect_refusal(identity_codec().decode(DataType::kFloat32, twelve, eight));
  expect_refusal(identity_codec().decode(DataType::kFloat32, ten, other_ten));
}

}  // namespace
}  // namespace atoll_core::codec
