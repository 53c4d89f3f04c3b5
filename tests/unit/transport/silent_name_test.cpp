// Name servers that do not answer, or do when nobody is left to hear it.
#include <atomic>

#include <gmock/gmock.h>

#include "support/silent_name_server.h"
#include "transport/control_exchange.h"
#include "unit/transport/network_fixture.h"

namespace atoll_core::transport {
namespace {

using atoll_test::SilentNameServer;
using testing::AllOf;
using testing::HasSubstr;
using testing::SizeIs;
using namespace std::chrono_literals;  // NOLINT: durations

const char* const kName = "trainer.example.com";

class SilentNameTest : public testing::Test {
 protected:
  ~SilentNameTest() override { server_.answer("127.0.0.1"); }

  NetworkConfig config() {
    NetworkConfig config = loopback_config();
    config.names = &lookups_;
    return config;
  }

  SilentNameServer server_;
  names::NameLookups lookups_{server_.resolve()};
};

TEST_F(SilentNameTest, ADialEndsInItsTimeAndNamesTheName) {
  TestPeer one(1, config());
  for (int retry = 0; retry < 3; ++retry) {
    const DialOutcome outcome = one.dial({{kName, 1}}, one.hello(2), 50ms);
    EXPECT_EQ(outcome.failure, DialFailure::kUnreachable);
    EXPECT_THAT(outcome.reason, AllOf(HasSubstr(kName), HasSubstr("could not be resolved")));
  }
  EXPECT_THAT(server_.questions(), SizeIs(1)) << "retries join the lookup that is under way";
}

TEST_F(SilentNameTest, TheOtherCandidatesDoNotWaitForIt) {
  TestPeer one(1, config());
  TestPeer two(2);
  const DialOutcome outcome = one.dial({{kName, 1}, two.endpoint()}, one.hello(2));
  EXPECT_NE(outcome.connection, nullptr) << outcome.reason;
}

TEST_F(SilentNameTest, AnAnswerInTimeIsUsed) {
  TestPeer one(1, config());
  TestPeer two(2);
  Mailbox<DialOutcome> outcomes;
  one.on_loop([&] {
    one.network->dial({{kName, two.port}}, one.hello(2), kPatience,
                      [&](const DialOutcome& outcome) { outcomes.push(outcome); });
  });
  ASSERT_TRUE(server_.wait_for_questions(1));
  server_.answer("127.0.0.1");
  const DialOutcome outcome = outcomes.pop();
  EXPECT_NE(outcome.connection, nullptr) << outcome.reason;
}

TEST_F(SilentNameTest, AControlConnectionTellsWhatHasNotCome) {
  TestPeer one(1, config());
  Mailbox<std::string> waiting;
  one.on_loop([&] {
    Network::ControlHandler handler;
    handler.on_waiting = [&](const std::string& what) { waiting.push(what); };
    one.network->open_control({{kName, 7700}}, kPatience, handler);
  });
  EXPECT_THAT(waiting.pop(), AllOf(HasSubstr(kName), HasSubstr("could not be resolved")));
  one.end();
}

// Everything is gone when the name server answers.
TEST_F(SilentNameTest, TheEndOfANetworkWaitsForNoNameServer) {
  std::atomic<int> calls = 0;
  {
    TestPeer one(1, config());
    one.on_loop([&] {
      one.network->dial({{kName, 1}, {"other.example.com", 1}}, one.hello(2), kPatience,
                        [&](const DialOutcome&) { ++calls; });
      Network::ControlHandler handler;
      handler.on_failed = [&](const std::string&) { ++calls; };
      one.network->open_control({{kName, 1}}, kPatience, handler);
    });
    ASSERT_TRUE(server_.wait_for_questions(2));
  }
  server_.answer("127.0.0.1");
  EXPECT_TRUE(server_.wait_for_answers(2));
  EXPECT_EQ(calls, 0);
}

TEST_F(SilentNameTest, ListeningAtANameGivesUpInTime) {
  NetworkConfig listening = config();
  listening.bind_host = kName;
  listening.bind_timeout = 50ms;
  const auto made = Network::create(listening, {}, {});
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(made.error().message, AllOf(HasSubstr(kName), HasSubstr("50 ms")));
}

TEST_F(SilentNameTest, AQuestionToACoordinatorEndsInItsTime) {
  const auto answer = control_exchange({{kName, 7700}}, 50ms, "how is the run?",
                                       [](ByteSpan) { return true; }, lookups_);
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, ErrorCode::kCoordinatorUnreachable);
  EXPECT_THAT(answer.error().message, AllOf(HasSubstr(kName), HasSubstr("resolved")));
}

}  // namespace
}  // namespace atoll_core::transport
