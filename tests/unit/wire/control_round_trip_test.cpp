#include <algorithm>

#include <gtest/gtest.h>

#include "unit/wire/message_bounds.h"
#include "unit/wire/random_messages.h"
#include "wire/control.h"

namespace atoll_core::wire {
namespace {

using message_bounds::count_violations;
using random_messages::one_of_each;
using random_messages::Random;

constexpr int kRounds = 200;

Result<ToCoordinator> decode(const std::string& bytes, const ToCoordinator&) {
  return decode_to_coordinator(bytes);
}
Result<ToPeer> decode(const std::string& bytes, const ToPeer&) { return decode_to_peer(bytes); }

template <class Envelope>
class ControlRoundTrip : public ::testing::Test {};

using Envelopes = ::testing::Types<ToCoordinator, ToPeer>;
TYPED_TEST_SUITE(ControlRoundTrip, Envelopes);

TYPED_TEST(ControlRoundTrip, KeepsEveryFieldOfEveryMessage) {
  Random random(0xA7011);
  for (int round = 0; round < kRounds; ++round) {
    for (const TypeParam& message : one_of_each<TypeParam>(random)) {
      const auto decoded = decode(encode(message), message);
      ASSERT_TRUE(decoded.has_value()) << name_of(message) << ": " << decoded.error().message;
      ASSERT_TRUE(*decoded == message) << name_of(message) << " in round " << round;
    }
  }
}

TYPED_TEST(ControlRoundTrip, EncodesEqualMessagesEqually) {
  Random random(1);
  Random same(1);
  const auto messages = one_of_each<TypeParam>(random);
  const auto again = one_of_each<TypeParam>(same);
  for (size_t i = 0; i < messages.size(); ++i) EXPECT_EQ(encode(messages[i]), encode(again[i]));
}

TYPED_TEST(ControlRoundTrip, NamesAreDistinct) {
  Random random(2);
  std::vector<std::string_view> names;
  for (const TypeParam& message : one_of_each<TypeParam>(random)) names.push_back(name_of(message));
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
}

TYPED_TEST(ControlRoundTrip, TruncatedMessagesAreRefused) {
  Random random(3);
  for (const TypeParam& message : one_of_each<TypeParam>(random)) {
    const std::string bytes = encode(message);
    for (size_t size = 0; size < bytes.size(); ++size) {
      const auto decoded = decode(bytes.substr(0, size), message);
      // The envelope is one length-delimited field, so that no part of it is whole.
      ASSERT_FALSE(decoded.has_value()) << name_of(message) << " cut to " << size;
      EXPECT_EQ(decoded.error().code, ErrorCode::kInvalidArgument);
      EXPECT_FALSE(decoded.error().message.empty());
    }
  }
}

TYPED_TEST(ControlRoundTrip, CorruptedMessagesAreRefusedOrWithinBounds) {
  Random random(4);
  int refused = 0;
  for (int round = 0; round < kRounds; ++round) {
    for (const TypeParam& message : one_of_each<TypeParam>(random)) {
      std::string bytes = encode(message);
      const uint64_t changes = random.between(1, 4);
      for (uint64_t i = 0; i < changes; ++i) {
        bytes[random.between(0, bytes.size() - 1)] = static_cast<char>(random.number());
      }
      const auto decoded = decode(bytes, message);
      if (!decoded) {
        ++refused;
        EXPECT_FALSE(decoded.error().message.empty());
        continue;
      }
      EXPECT_EQ(count_violations(*decoded), 0) << name_of(*decoded);
      const auto again = decode(encode(*decoded), message);
      ASSERT_TRUE(again.has_value()) << again.error().message;
      EXPECT_TRUE(*again == *decoded) << name_of(*decoded);
    }
  }
  EXPECT_GT(refused, kRounds);
}

TEST(ControlEnvelope, TheTwoDirectionsDoNotUnderstandWhatTheyDoNotKnow) {
  const std::string unknown("\xFA\x07\x00", 3);  // field 127, an empty message
  const auto from_peer = decode_to_coordinator(unknown);
  ASSERT_FALSE(from_peer.has_value());
  EXPECT_EQ(from_peer.error().message, "a peer sent a control message of an unknown kind");
  const auto from_coordinator = decode_to_peer(unknown);
  ASSERT_FALSE(from_coordinator.has_value());
  EXPECT_EQ(from_coordinator.error().message,
            "the coordinator sent a control message of an unknown kind");
}

}  // namespace
}  // namespace atoll_core::wire
