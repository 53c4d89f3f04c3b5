#include "wire/control_framing.h"

#include <algorithm>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/assert.h"
#include "base/limits.h"

namespace atoll_core::wire {
namespace {

using ::testing::HasSubstr;

class Stream {
 public:
  explicit Stream(uint64_t seed) : random_(seed) {}

  uint64_t below(uint64_t end) { return random_() % end; }

  std::string random_bytes(size_t size) {
    std::string bytes(size, ' ');
    for (char& byte : bytes) byte = static_cast<char>(random_());
    return bytes;
  }

  // Messages of 1 to some hundred bytes and, at the end, a larger one.
  std::vector<std::string> random_messages() {
    std::vector<std::string> messages;
    for (int i = 0; i < 20; ++i) messages.push_back(random_bytes(1 + below(300)));
    messages.push_back(random_bytes(70000));
    return messages;
  }

 private:
  std::mt19937_64 random_;
};

std::string framed(const std::vector<std::string>& messages, bool preamble = true) {
  std::string bytes(preamble ? kControlPreamble : "");
  for (const std::string& message : messages) append_framed(message, bytes);
  return bytes;
}

std::string refusal(ControlFramer& framer, std::string_view bytes) {
  std::vector<std::string> messages;
  const auto fed = framer.feed(as_bytes(bytes), messages);
  return fed ? "" : fed.error().message;
}

TEST(ControlFraming, PrefixIsLittleEndian) {
  std::string out;
  append_framed(std::string(0x0203, 'm'), out);
  EXPECT_EQ(out.substr(0, 5), std::string("\x03\x02\x00\x00m", 5));
  EXPECT_EQ(out.size(), 4u + 0x0203u);
}

TEST(ControlFraming, CutsAStreamFedOneByteAtATime) {
  Stream stream(11);
  const auto sent = stream.random_messages();
  const std::string bytes = framed(sent);
  ControlFramer framer;
  std::vector<std::string> received;
  for (const char& byte : bytes) {
    ASSERT_TRUE(framer.feed(as_bytes({&byte, 1}), received).has_value());
  }
  EXPECT_EQ(received, sent);
}

TEST(ControlFraming, CutsAStreamFedInPiecesOfAnySize) {
  Stream stream(12);
  for (int round = 0; round < 50; ++round) {
    const bool preamble = round % 2 == 0;
    const auto sent = stream.random_messages();
    const std::string bytes = framed(sent, preamble);
    ControlFramer framer(preamble);
    std::vector<std::string> received;
    for (size_t at = 0; at < bytes.size();) {
      const size_t size = std::min(bytes.size() - at, 1 + stream.below(round < 25 ? 40 : 40000));
      ASSERT_TRUE(framer.feed(as_bytes(bytes).subspan(at, size), received).has_value());
      at += size;
    }
    ASSERT_EQ(received, sent) << "round " << round;
  }
}

TEST(ControlFraming, TakesTheLargestMessage) {
  Stream stream(13);
  const std::string largest = stream.random_bytes(limits::kControlMessageBytes);
  ControlFramer framer;
  std::vector<std::string> received;
  ASSERT_TRUE(framer.feed(as_bytes(framed({largest, "next"})), received).has_value());
  ASSERT_EQ(received.size(), 2u);
  EXPECT_TRUE(received[0] == largest);
  EXPECT_EQ(received[1], "next");
}

TEST(ControlFraming, RefusesALengthOverTheLimitByItsPrefixAlone) {
  ControlFramer framer(false);
  EXPECT_EQ(refusal(framer, std::string("\x01\x00\x00\x01", 4)),
            "the other side announces a control message of 16777217 bytes, 1 to 16777216 are "
            "allowed");
}

TEST(ControlFraming, RefusesAnEmptyMessage) {
  ControlFramer framer(false);
  EXPECT_THAT(refusal(framer, std::string(4, '\0')), HasSubstr("of 0 bytes"));
}

TEST(ControlFraming, KeepsItsFirstErrorAndTheMessagesBeforeIt) {
  ControlFramer framer;
  std::vector<std::string> received;
  std::string bytes = framed({"one", "two"}) + "\xFF\xFF\xFF\xFF";
  const auto first = framer.feed(as_bytes(bytes), received);
  ASSERT_FALSE(first.has_value());
  EXPECT_EQ(received, (std::vector<std::string>{"one", "two"}));
  const auto later = framer.feed(as_bytes(framed({"three"}, false)), received);
  ASSERT_FALSE(later.has_value());
  EXPECT_EQ(later.error(), first.error());
  EXPECT_EQ(received.size(), 2u);
}

TEST(ControlPreamble, MustNotBeSomeOtherProtocol) {
  ControlFramer framer;
  EXPECT_EQ(refusal(framer, "GET / HTTP/1.1\r\n"),
            "the other side does not speak Atoll's control protocol: it began with \"GET / HT\", "
            "not with \"ATOLLC01\"");
}

TEST(ControlPreamble, IsRefusedAtItsFirstWrongByte) {
  ControlFramer framer;
  EXPECT_EQ(refusal(framer, "ATO"), "");
  EXPECT_THAT(refusal(framer, "M"), HasSubstr("it began with \"ATOM\""));
}

TEST(ControlPreamble, OfTlsAndOfDataConnectionsIsRecognized) {
  ControlFramer tls;
  EXPECT_THAT(refusal(tls, "\x16\x03\x01"), HasSubstr("looks like TLS"));
  ControlFramer data;
  EXPECT_THAT(refusal(data, "ATOLLD01"), HasSubstr("start of a data connection"));
}

TEST(ControlPreamble, OfAnotherVersionIsAVersionMismatch) {
  ControlFramer framer;
  std::vector<std::string> messages;
  const auto fed = framer.feed(as_bytes("ATOLLC02"), messages);
  ASSERT_FALSE(fed.has_value());
  EXPECT_EQ(fed.error().code, ErrorCode::kVersionMismatch);
}

TEST(ControlFraming, OurOwnOversizedMessageIsOurBug) {
  std::string out;
  EXPECT_THROW(append_framed(std::string(limits::kControlMessageBytes + 1, 'x'), out),
               BrokenInvariant);
  EXPECT_THROW(append_framed("", out), BrokenInvariant);
}

}  // namespace
}  // namespace atoll_core::wire
