// Whatever a call lets through its checks decodes where it is read, and nothing else does.
#include "base/limits.h"
#include "wire/sendable.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/field_rules.h"
#include "unit/wire/random_messages.h"
#include "wire/control_framing.h"

namespace atoll_core::wire {
namespace {

using random_messages::any;
using random_messages::Random;
using testing::HasSubstr;

// Short and long, of ASCII, of longer characters, and of bytes that are none.
std::string any_text(Random& random, size_t around) {
  static const std::vector<std::string> kPieces = {"a", "b",    "-",    " ",    "é",
                                                   "環", "🏝", "\n", "\xFF", "\xC3"};
  const size_t legal = random.coin() ? kPieces.size() : 7;
  const size_t bytes = random.coin() ? random.number() % 8 : around - 4 + random.number() % 9;
  std::string text;
  while (text.size() < bytes) text += kPieces[random.number() % legal];
  return text;
}

template <class Message>
bool is_sent(const Message& message) {
  return frame(ToCoordinator(message)).has_value();
}

TEST(Sendable, ANameIsSentIfTheRuleOfNamesHoldsAndNotElse) {
  Random random(1);
  int sent = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::string name = any_text(random, limits::kNameBytes);
    const bool fine = problem_with_name(name).empty();
    sent += fine;
    auto hello = any<Register>(random);
    hello.peer.name = name;
    EXPECT_EQ(is_sent(hello), fine) << name;
    hello.peer.name = "fine", hello.peer.replica = name;
    EXPECT_EQ(is_sent(hello), fine) << name;
    hello.peer.replica = "fine", hello.run = name;
    EXPECT_EQ(is_sent(hello), fine) << name;
    SyncRequest sync;
    sync.state.tensors.resize(2);
    sync.state.tensors[1].name = name;
    EXPECT_EQ(is_sent(sync), fine) << name;
    Registered registered;
    registered.peer = {1};
    registered.run = name;
    EXPECT_EQ(decode_to_peer(encode(ToPeer(registered))).has_value(), fine) << name;
  }
  EXPECT_GT(sent, 200);
  EXPECT_LT(sent, 1800);
}

TEST(Sendable, AHostIsSentIfTheRuleOfHostsHoldsAndNotElse) {
  Random random(2);
  for (int i = 0; i < 2000; ++i) {
    const std::string host = any_text(random, limits::kHostBytes);
    Register hello;
    hello.peer.endpoints = {{"fine", 1}, {host, 1}};
    EXPECT_EQ(is_sent(hello), problem_with_host(host).empty()) << host;
  }
}

TEST(Sendable, SentencesOfWhateverTheyAreMadeAreSent) {
  Random random(3);
  for (int i = 0; i < 2000; ++i) {
    AbortRequest request;
    request.reason = any_text(random, limits::kSentenceBytes) + any_text(random, 128);
    EXPECT_TRUE(is_sent(request)) << request.reason;
    EXPECT_TRUE(is_sent(Leave{request.reason})) << request.reason;
  }
}

TEST(Sendable, TheGreatestCallIsSent) {
  OpDone done;
  done.call.tensors = limits::kTensorsPerBatch;
  for (int type = 0; type < kDataTypeCount; ++type) {
    done.call.type = static_cast<DataType>(type);
    done.call.count = limits::kCallBytes / size_of(done.call.type);
    EXPECT_TRUE(decode_to_coordinator(encode(ToCoordinator(done))));
  }
}

TEST(Sendable, EveryLegalMessageOfAPeerIsFramed) {
  Random random(4);
  for (int i = 0; i < 200; ++i) {
    const ToCoordinator message = any<SettleReport>(random);
    const auto framed = frame(message);
    ASSERT_TRUE(framed) << framed.error().message;
    std::vector<std::string> read;
    ASSERT_TRUE(ControlFramer(false).feed(as_bytes(*framed), read));
    ASSERT_EQ(read.size(), 1u);
    EXPECT_EQ(*decode_to_coordinator(read[0]), message);
  }
}

TEST(Sendable, WhatTheCoordinatorWouldRefuseStaysHereAndTheFieldIsNamed) {
  Positions positions;
  positions.positions.resize(limits::kCallPositions + 1);
  const auto framed = frame(ToCoordinator(positions));
  ASSERT_FALSE(framed);
  EXPECT_EQ(framed.error().code, ErrorCode::kInternalError);
  EXPECT_EQ(framed.error().message,
            "the message positions cannot be sent: positions.positions has 65537 "
            "elements, at most 65536 are allowed");
}

// It used to end the coordinator, and with it the run.
TEST(Sendable, AMessageOfTheCoordinatorThatIsTooLongIsAnError) {
  Roster roster;
  roster.peers.resize(limits::kPeers);
  for (uint64_t i = 0; i < roster.peers.size(); ++i) {
    roster.peers[i].peer.id = {i + 1};
    roster.peers[i].peer.endpoints.assign(limits::kEndpointsPerPeer, {std::string(255, 'h'), 1});
  }
  const auto encoded = encode_sendable(ToPeer(roster));
  ASSERT_FALSE(encoded);
  EXPECT_EQ(encoded.error().code, ErrorCode::kInternalError);
  EXPECT_THAT(encoded.error().message, HasSubstr("the message roster cannot be sent"));
  roster.peers.resize(limits::kPeers / 2);
  EXPECT_TRUE(encode_sendable(ToPeer(roster)));
}

}  // namespace
}  // namespace atoll_core::wire
