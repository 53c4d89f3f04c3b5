#include <gmock/gmock.h>

#include "base/limits.h"
#include "transport/network.h"
#include "unit/transport/network_fixture.h"

namespace atoll_core::transport {
namespace {

using testing::HasSubstr;

class ControlClientTest : public testing::Test {
 protected:
  ControlClientTest() : endpoint_{"127.0.0.1", coordinator_.listen()} {}
  ~ControlClientTest() override { peer_.end(); }

  Network::ControlHandler handler() {
    Network::ControlHandler handler;
    handler.on_connected = [this](const Network::ControlEnds& ends) { connected_.push(ends); };
    handler.on_bytes = [this](ByteSpan bytes) { received_.push(std::string(as_text(bytes))); };
    handler.on_failed = [this](const std::string& reason) { failed_.push(reason); };
    return handler;
  }
  void open(const std::vector<Endpoint>& candidates, Duration timeout = kPatience) {
    peer_.on_loop([&] { peer_.network->open_control(candidates, timeout, handler()); });
  }
  void send(const std::string& bytes) {
    peer_.on_loop([&] { peer_.network->send_control(bytes); });
  }
  void close() {
    peer_.on_loop([&] { peer_.network->close_control(); });
  }

  RawSocket coordinator_;
  Endpoint endpoint_;
  Mailbox<Network::ControlEnds> connected_;
  Mailbox<std::string> received_;
  Mailbox<std::string> failed_;
  TestPeer peer_{1};
};

TEST_F(ControlClientTest, CarriesBytesBothWaysInOrder) {
  std::string forward(as_text(random_bytes(1, 3u << 20)));
  const std::string backward(as_text(random_bytes(2, 3u << 20)));
  peer_.on_loop([&] {
    peer_.network->open_control({endpoint_}, kPatience, handler());
    peer_.network->send_control(forward.substr(0, 5));  // before it is connected
    peer_.network->send_control(forward.substr(5, 7));
  });
  RawSocket connection = coordinator_.accept();
  connected_.pop();
  std::thread sending([&] {
    for (size_t at = 12; at < forward.size(); at += 100'000) send(forward.substr(at, 100'000));
  });
  EXPECT_TRUE(connection.receive(forward.size()) == forward);
  sending.join();
  std::thread answering([&] { connection.send(backward); });
  std::string got;
  while (got.size() < backward.size()) got += received_.pop();
  answering.join();
  EXPECT_TRUE(got == backward);
}

TEST_F(ControlClientTest, FallsBackToTheNextCandidate) {
  RawSocket closed;
  open({{"127.0.0.1", closed.bind()}, endpoint_});
  const Network::ControlEnds ends = connected_.pop();
  EXPECT_EQ(ends.remote, endpoint_);
  EXPECT_EQ(ends.local.host, "127.0.0.1");
  EXPECT_EQ(failed_.size(), 0);
}

TEST_F(ControlClientTest, FailsWhenNobodyListens) {
  RawSocket closed;
  const Endpoint refusing{"127.0.0.1", closed.bind()};
  open({refusing});
  EXPECT_THAT(failed_.pop(), HasSubstr(to_string(refusing)));
  send("dropped");
  close();
  EXPECT_EQ(connected_.size(), 0);
}

TEST_F(ControlClientTest, FailsOnceWhenTheCoordinatorCloses) {
  open({endpoint_});
  RawSocket connection = coordinator_.accept();
  connection.send("last words");
  connection.close();
  EXPECT_EQ(received_.pop(), "last words");
  EXPECT_THAT(failed_.pop(), HasSubstr(to_string(endpoint_)));
  send("dropped");
  close();
  EXPECT_EQ(failed_.size(), 0);
}

TEST_F(ControlClientTest, FailsWhenTheConnectionIsReset) {
  open({endpoint_});
  RawSocket connection = coordinator_.accept();
  connected_.pop();
  connection.reset();
  EXPECT_THAT(failed_.pop(), HasSubstr(to_string(endpoint_)));
}

TEST_F(ControlClientTest, CloseFlushesAndThenEnds) {
  // Few enough for the kernel to take them at once: the flush time must not decide this test.
  const std::string bytes(as_text(random_bytes(3, 50'000)));
  open({endpoint_});
  RawSocket connection = coordinator_.accept();
  connected_.pop();
  connection.send("unread");
  peer_.on_loop([&] {
    peer_.network->send_control(bytes);
    peer_.network->close_control();
    peer_.network->send_control("too late");
  });
  EXPECT_TRUE(connection.receive(bytes.size() + 1) == bytes);
  connection.close();
  EXPECT_EQ(failed_.size(), 0);
}

TEST_F(ControlClientTest, CloseDoesNotWaitForACoordinatorThatDoesNotRead) {
  open({endpoint_});
  RawSocket connection = coordinator_.accept();
  connected_.pop();
  const std::string flood(64u << 20, 'x');
  peer_.on_loop([&] {
    peer_.network->send_control(flood);
    peer_.network->close_control();
  });
  // Wait for the end of the flush time, then read: the stream was cut.
  Mailbox<bool> over;
  peer_.on_loop([&] {
    peer_.network->set_timer(Network::now() + std::chrono::milliseconds(400),
                             [&] { over.push(true); });
  });
  over.pop();
  EXPECT_LT(connection.receive(flood.size()).size(), flood.size());
}

TEST_F(ControlClientTest, CloseWhileDiallingCallsNothing) {
  peer_.on_loop([&] {
    peer_.network->open_control({endpoint_}, kPatience, handler());
    peer_.network->close_control();
  });
  open({endpoint_});
  connected_.pop();
  EXPECT_EQ(connected_.size() + failed_.size(), 0);
}

TEST_F(ControlClientTest, CallbacksMayCloseAndOpenAgain) {
  Network::ControlHandler closing;
  closing.on_bytes = [&](ByteSpan) {
    peer_.network->close_control();
    peer_.network->open_control({endpoint_}, kPatience, handler());
  };
  closing.on_failed = [&](const std::string& reason) { failed_.push(reason); };
  peer_.on_loop([&] { peer_.network->open_control({endpoint_}, kPatience, closing); });
  RawSocket first = coordinator_.accept();
  first.send("close");
  EXPECT_EQ(first.receive(1), "");
  first.close();
  RawSocket second = coordinator_.accept();
  connected_.pop();
  second.send("hello");
  EXPECT_EQ(received_.pop(), "hello");
  EXPECT_EQ(failed_.size(), 0);
}

// It has a bound what is kept for a coordinator that does not read.
TEST_F(ControlClientTest, ACoordinatorThatDoesNotReadIsGivenUp) {
  open({endpoint_});
  const RawSocket connection = coordinator_.accept();
  connected_.pop();
  const std::string part(1u << 20, 'x');
  size_t sent = 0;
  while (failed_.size() == 0 && sent <= 4 * limits::kControlQueueBytes) {
    send(part);
    sent += part.size();
  }
  EXPECT_GE(sent, limits::kControlQueueBytes);
  EXPECT_LE(sent, 2 * limits::kControlQueueBytes);
  EXPECT_THAT(failed_.pop(), HasSubstr("does not read"));
}

}  // namespace
}  // namespace atoll_core::transport
