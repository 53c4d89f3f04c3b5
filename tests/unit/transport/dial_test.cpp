#include <gmock/gmock.h>

#include "transport/network.h"
#include "unit/transport/network_fixture.h"

namespace atoll_core::transport {
namespace {

using testing::HasSubstr;

class DialTest : public testing::Test {
 protected:
  static Endpoint local(uint16_t port) { return {"127.0.0.1", port}; }

  TestPeer one_{1};
  TestPeer two_{2};
};

TEST_F(DialTest, NamesAreResolved) {
  const DialOutcome outcome = one_.dial({{"localhost", two_.port}}, one_.hello(2));
  EXPECT_NE(outcome.connection, nullptr) << outcome.reason;
}

// Of the handshake, which kernels do by themselves, however late this process runs.
TEST_F(DialTest, TellsTheRoundTrip) {
  const DialOutcome outcome = one_.dial({two_.endpoint()}, one_.hello(2));
  ASSERT_NE(outcome.connection, nullptr) << outcome.reason;
  EXPECT_GT(outcome.rtt_us, 0u);
  EXPECT_LT(outcome.rtt_us, 1'000'000u);
}

TEST_F(DialTest, AClosedPortRefuses) {
  RawSocket closed;
  const Endpoint endpoint = local(closed.bind());
  const DialOutcome outcome = one_.dial({endpoint}, one_.hello(2));
  EXPECT_EQ(outcome.connection, nullptr);
  EXPECT_FALSE(outcome.answered);
  EXPECT_EQ(outcome.failure, DialFailure::kRefused);
  EXPECT_THAT(outcome.reason, HasSubstr(to_string(endpoint)));
}

TEST_F(DialTest, AnotherSessionRefuses) {
  wire::Hello hello = one_.hello(2);
  hello.target_session.low ^= 1;
  const DialOutcome outcome = one_.dial({two_.endpoint()}, hello);
  EXPECT_EQ(outcome.connection, nullptr);
  EXPECT_FALSE(outcome.answered);
  EXPECT_EQ(outcome.failure, DialFailure::kRefused);
  EXPECT_THAT(outcome.reason, HasSubstr(to_string(two_.endpoint())));
  EXPECT_THAT(outcome.reason, HasSubstr(to_string(hello.target_session)));
}

TEST_F(DialTest, DiallingOneselfRefuses) {
  wire::Hello anybody = one_.hello(2);
  anybody.target_session = {};
  const DialOutcome outcome = one_.dial({one_.endpoint()}, anybody);
  EXPECT_EQ(outcome.connection, nullptr);
  EXPECT_EQ(outcome.failure, DialFailure::kRefused);
}

TEST_F(DialTest, AnyAnswerWillDoForNoSessionInParticular) {
  wire::Hello anybody = one_.hello(2);
  anybody.target_session = {};
  EXPECT_NE(one_.dial({two_.endpoint()}, anybody).connection, nullptr);
}

TEST_F(DialTest, AProbeIsAnsweredAndClosed) {
  const DialOutcome outcome = one_.dial({two_.endpoint()}, one_.hello(2, wire::HelloRole::kProbe));
  EXPECT_TRUE(outcome.answered) << outcome.reason;
  EXPECT_EQ(outcome.connection, nullptr);
  EXPECT_EQ(outcome.answer, two_.hello(1, wire::HelloRole::kProbe));
  two_.on_loop([] {});
  EXPECT_EQ(two_.accepted.size(), 0);
}

TEST_F(DialTest, ASilentListenerIsUnreachable) {
  RawSocket silent;
  const Endpoint endpoint = local(silent.listen());
  const TimePoint start = Network::now();
  const DialOutcome outcome = one_.dial({endpoint}, one_.hello(2), std::chrono::milliseconds(100));
  EXPECT_GE(Network::now() - start, std::chrono::milliseconds(100));
  EXPECT_EQ(outcome.connection, nullptr);
  EXPECT_FALSE(outcome.answered);
  EXPECT_EQ(outcome.failure, DialFailure::kUnreachable);
  EXPECT_THAT(outcome.reason, HasSubstr("no answer from " + to_string(endpoint)));
}

TEST_F(DialTest, AConnectionClosedWithoutAnAnswerProvesNothing) {
  RawSocket listener;
  const Endpoint endpoint = local(listener.listen());
  std::thread closing([&] { listener.accept().receive(wire::kHelloBytes); });
  const DialOutcome outcome = one_.dial({endpoint}, one_.hello(2));
  closing.join();
  EXPECT_EQ(outcome.failure, DialFailure::kUnreachable);
  EXPECT_THAT(outcome.reason, HasSubstr(to_string(endpoint)));
}

TEST_F(DialTest, AStrangersAnswerRefuses) {
  RawSocket listener;
  const uint16_t port = listener.listen();
  std::thread answering([&] {
    RawSocket connection = listener.accept();
    connection.send("220 mail.example.org ESMTP\r\n");
    connection.receive(wire::kHelloBytes + 1);
  });
  const DialOutcome outcome = one_.dial({local(port)}, one_.hello(2));
  answering.join();
  EXPECT_EQ(outcome.failure, DialFailure::kRefused);
  EXPECT_FALSE(outcome.answered);
}

TEST_F(DialTest, ADamagedAnswerProvesNothing) {
  RawSocket listener;
  const uint16_t port = listener.listen();
  std::thread answering([&] {
    RawSocket connection = listener.accept();
    std::string damaged = bytes_of(two_.hello(1));
    damaged[40] = static_cast<char>(damaged[40] ^ 4);
    connection.send(damaged);
    connection.receive(wire::kHelloBytes + 1);
  });
  const DialOutcome outcome = one_.dial({local(port)}, one_.hello(2));
  answering.join();
  EXPECT_EQ(outcome.failure, DialFailure::kUnreachable);
  EXPECT_FALSE(outcome.answered);
}

TEST_F(DialTest, ALaterCandidateWinsWhenTheFirstRefusesOrIsSilent) {
  RawSocket closed;
  RawSocket silent;
  const TimePoint start = Network::now();
  const DialOutcome outcome =
      one_.dial({local(closed.bind()), local(silent.listen()), two_.endpoint()}, one_.hello(2));
  ASSERT_NE(outcome.connection, nullptr) << outcome.reason;
  EXPECT_EQ(outcome.connection->remote(), to_string(two_.endpoint()));
  EXPECT_LT(Network::now() - start, kPatience / 2);
  // The attempt that lost is closed: its bytes end.
  EXPECT_LE(silent.accept().receive(wire::kHelloBytes + 1).size(), wire::kHelloBytes);
}

TEST_F(DialTest, OneSilentCandidateMakesARefusalDoubtful) {
  RawSocket closed;
  RawSocket silent;
  const Endpoint refusing = local(closed.bind());
  const Endpoint quiet = local(silent.listen());
  const DialOutcome outcome =
      one_.dial({refusing, quiet}, one_.hello(2), std::chrono::milliseconds(50));
  EXPECT_EQ(outcome.failure, DialFailure::kUnreachable);
  EXPECT_THAT(outcome.reason, HasSubstr(to_string(refusing)));
  EXPECT_THAT(outcome.reason, HasSubstr(to_string(quiet)));
}

TEST_F(DialTest, NoCandidatesAndUnknownNamesAreUnreachable) {
  const DialOutcome none = one_.dial({}, one_.hello(2));
  EXPECT_EQ(none.failure, DialFailure::kUnreachable);
  EXPECT_THAT(none.reason, HasSubstr("no address"));
  const DialOutcome unknown = one_.dial({{"no such host", 1}}, one_.hello(2));
  EXPECT_EQ(unknown.failure, DialFailure::kUnreachable);
  EXPECT_THAT(unknown.reason, HasSubstr("no such host"));
}

TEST_F(DialTest, TheHandlerIsNeverCalledFromWithinDial) {
  bool called = false;
  Mailbox<bool> called_later;
  one_.on_loop([&] {
    one_.network->dial({}, one_.hello(2), kPatience, [&](const DialOutcome&) {
      called = true;
      called_later.push(true);
    });
    EXPECT_FALSE(called);
  });
  called_later.pop();
}

}  // namespace
}  // namespace atoll_core::transport
