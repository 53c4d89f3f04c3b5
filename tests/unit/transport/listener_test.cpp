#include "transport/listener.h"

#include <list>

#include <gmock/gmock.h>

#include "transport/network.h"
#include "unit/transport/network_fixture.h"

namespace atoll_core::transport {
namespace {

// A listener that would wait for ever, so that what is closed was closed for a reason.
NetworkConfig patient_config() {
  NetworkConfig config = loopback_config();
  config.hello_timeout = std::chrono::hours(1);
  return config;
}

TEST(ListenerTest, ClosesASilentConnectionInTime) {
  NetworkConfig config = loopback_config();
  config.hello_timeout = std::chrono::milliseconds(50);
  TestPeer peer(1, config);
  RawSocket silent;
  silent.connect(peer.port);
  EXPECT_EQ(silent.receive(1), "");
  RawSocket half;
  half.connect(peer.port);
  half.send(std::string(wire::kHelloMagic));
  EXPECT_EQ(half.receive(1), "");
}

TEST(ListenerTest, ClosesStrangersAtOnceAndServesTheOthers) {
  TestPeer one(1, patient_config());
  TestPeer two(2, patient_config());
  std::string damaged = bytes_of(one.hello(2));
  damaged[30] = static_cast<char>(damaged[30] ^ 1);
  RawSocket silent;
  silent.connect(two.port);
  for (const std::string& garbage :
       {std::string("GET / HTTP/1.1\r\n\r\n"), std::string("\x16\x03\x01"), std::string("X"),
        std::string("ATOLLD02"), std::string(1000, 'A'), damaged}) {
    RawSocket stranger;
    stranger.connect(two.port);
    stranger.send(garbage);
    EXPECT_EQ(stranger.receive(1), "") << garbage;
    EXPECT_NE(one.dial(two).connection, nullptr);
    two.accepted.pop();
  }
  EXPECT_EQ(two.accepted.size(), 0);
}

TEST(ListenerTest, ReadsAHelloByteByByte) {
  TestPeer peer(1, patient_config());
  RawSocket slow;
  slow.connect(peer.port);
  wire::Hello hello;
  hello.peer = {7};
  hello.session = {0x1122334455667788, 0x99AABBCCDDEEFF00};
  for (const char byte : bytes_of(hello)) slow.send(std::string(1, byte));
  EXPECT_EQ(slow.receive(wire::kHelloBytes), bytes_of(peer.hello(7)));
  EXPECT_EQ(peer.accepted.pop().hello, hello);
}

TEST(ListenerTest, LeavesWhatFollowsTheHelloToTheDriver) {
  TestPeer peer(1, patient_config());
  const ByteBuffer payload = random_bytes(5, 1000);
  RawSocket hasty;
  hasty.connect(peer.port);
  wire::Hello hello;
  hello.peer = {7};
  hasty.send(bytes_of(hello) + std::string(as_text(payload)));
  const AcceptedHello accepted = peer.accepted.pop();
  RandomDriver driver(1, {}, payload.size());
  peer.on_loop([&] { accepted.connection->start(&driver); });
  driver.complete.pop();
  EXPECT_TRUE(driver.incoming == payload);
  peer.end();
}

TEST(ListenerTest, ClosesAfterTheAnswerWhenItIsNotToBeKept) {
  TestPeer peer(1, patient_config());
  RawSocket probe;
  probe.connect(peer.port);
  wire::Hello hello;
  hello.role = wire::HelloRole::kProbe;
  hello.peer = {7};
  probe.send(bytes_of(hello));
  EXPECT_EQ(probe.receive(wire::kHelloBytes + 1), bytes_of(peer.hello(7, wire::HelloRole::kProbe)));
}

TEST(ListenerTest, SilentConnectionsUpToTheLimitDoNotLockTheOthersOut) {
  TestPeer one(1, patient_config());
  TestPeer two(2, patient_config());
  std::list<RawSocket> silent;
  for (size_t i = 0; i < Listener::kHalfOpenMax + 2; ++i) {
    silent.emplace_back();
    silent.back().connect(two.port);
  }
  const DialOutcome outcome = one.dial(two);
  EXPECT_NE(outcome.connection, nullptr) << outcome.reason;
  EXPECT_EQ(silent.front().receive(1), "");  // the oldest had to go
}

}  // namespace
}  // namespace atoll_core::transport
