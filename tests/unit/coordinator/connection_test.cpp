// One control connection, with the loop on a thread of its own and the test as the other side.
#include "coordinator/connection.h"

#include <array>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/listener.h"
#include "unit/coordinator/control_client.h"

namespace atoll_core::coordinator {
namespace {

using testing::HasSubstr;

// Accepts one connection, runs `on_accepted` with it, and writes down what happens to it.
class OneConnection final : private ConnectionHandler {
 public:
  OneConnection(ConnectionLimits limits, std::function<void(Connection&)> on_accepted)
      : loop_(EventLoop::create().value()),
        limits_(limits),
        on_accepted_(std::move(on_accepted)),
        listener_(Listener::open(*loop_, {"127.0.0.1", 0}, false,
                                 [this](const Result<int>& socket) { accept(socket.value()); })
                      .value()),
        thread_([this] { result_ = loop_->run(); }) {}

  ~OneConnection() {
    loop_->stop();
    thread_.join();
    loop_->drain();
  }
  OneConnection(const OneConnection&) = delete;
  OneConnection& operator=(const OneConnection&) = delete;

  const Endpoint& address() const { return listener_->address(); }

  // Waits for the end and tells how it came about.
  std::string ending() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [this] { return closed_; }));
    return ending_;
  }

  std::vector<std::string> messages() {
    const std::lock_guard lock(mutex_);
    return messages_;
  }

 private:
  void accept(int socket) {
    ConnectionHandler& handler = *this;
    connection_ = std::make_unique<Connection>(*loop_, membership::ConnectionId{1}, handler,
                                               limits_, read_buffer_);
    ASSERT_TRUE(connection_->accept(socket).has_value());
    on_accepted_(*connection_);
  }
  void note(const std::string& ending) {
    const std::lock_guard lock(mutex_);
    ending_ += ending;
  }
  void on_messages(Connection&, std::vector<std::string> messages) override {
    const std::lock_guard lock(mutex_);
    for (std::string& message : messages) messages_.push_back(std::move(message));
  }
  void on_bytes(Connection&) override {}
  void on_garbage(Connection& connection, const Error& error) override {
    note("garbage: " + error.message);
    connection.close_after_flush();
  }
  void on_broken(Connection&, const std::string& reason) override { note("broken: " + reason); }
  void on_closed(Connection&) noexcept override {
    connection_.reset();
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  std::unique_ptr<EventLoop> loop_;
  ConnectionLimits limits_;
  std::function<void(Connection&)> on_accepted_;
  std::array<std::byte, 4096> read_buffer_{};
  std::unique_ptr<Connection> connection_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool closed_ = false;
  std::string ending_;
  std::vector<std::string> messages_;
  Result<void> result_;
  std::unique_ptr<Listener> listener_;
  std::thread thread_;
};

constexpr ConnectionLimits kRoomy{16 << 20, 60'000};

std::string random_message(size_t size) {
  std::mt19937_64 random(20260103 + size);
  std::string message(size, '\0');
  for (char& byte : message) byte = static_cast<char>(random());
  return message;
}

TEST(Connection, DeliversWhatCameBeforeTheGarbage) {
  OneConnection server(kRoomy, [](Connection&) {});
  ControlClient client(server.address());
  client.send_preamble();
  client.send(wire::PeerHeartbeat{77});
  client.send_raw("\xFF\xFF\xFF\xFF");
  client.shut_sending();
  EXPECT_THAT(server.ending(), HasSubstr("garbage: "));
  ASSERT_EQ(server.messages().size(), 1u);
  EXPECT_EQ(wire::decode_to_coordinator(server.messages()[0]).value(),
            wire::ToCoordinator(wire::PeerHeartbeat{77}));
}

TEST(Connection, SaysWhoBrokeIt) {
  OneConnection server(kRoomy, [](Connection&) {});
  ControlClient client(server.address());
  client.send_preamble();
  client.close();
  EXPECT_EQ(server.ending(), "broken: closed by the other side");

  OneConnection other(kRoomy, [](Connection&) {});
  ControlClient resetting(other.address());
  resetting.send_preamble();
  resetting.reset();
  EXPECT_THAT(other.ending(), HasSubstr("broken: "));  // which words, the kernel decides
}

TEST(Connection, AFullQueueIsAnError) {
  // More than the kernel's buffers take: the client does not read.
  constexpr size_t kLimit = 1 << 20;
  const std::string message = random_message(64 << 10);
  std::optional<Error> refused;
  size_t sent = 0;
  OneConnection server({kLimit, 60'000}, [&](Connection& connection) {
    while (sent < (256u << 20)) {
      if (const auto result = connection.send(message); !result) {
        refused = result.error();
        break;
      }
      sent += message.size();
      ASSERT_TRUE(connection.flush().has_value());
    }
    connection.abort();
  });
  ControlClient client(server.address());
  server.ending();
  ASSERT_TRUE(refused.has_value()) << sent << " bytes were taken";
  EXPECT_EQ(refused->code, ErrorCode::kPeerLost);
  EXPECT_THAT(refused->message, HasSubstr("does not read"));
  EXPECT_THAT(refused->message, HasSubstr("127.0.0.1:"));
}

TEST(Connection, SendsAllOfItsQueueBeforeItCloses) {
  // Far more than the kernel takes at once, and the client sends all the while.
  const wire::Refused refused{ErrorCode::kMismatch, std::string(1500, 'r')};
  constexpr int kCopies = 8000;
  OneConnection server({64u << 20, 60'000}, [&](Connection& connection) {
    const std::string message = wire::encode(wire::ToPeer(refused));
    for (int i = 0; i < kCopies; ++i) ASSERT_TRUE(connection.send(message).has_value());
    connection.close_after_flush();
  });
  ControlClient client(server.address());
  client.send_raw(random_message(100'000));
  int received = 0;
  while (const auto message = client.receive()) {
    ASSERT_EQ(*message, wire::ToPeer(refused));
    ++received;
  }
  EXPECT_EQ(received, kCopies);
  client.close();
  EXPECT_EQ(server.ending(), "");  // asked for: nobody is told
}

TEST(Connection, DoesNotLingerForEver) {
  OneConnection server({kRoomy.queue_bytes_max, 20},
                       [](Connection& connection) { connection.close_after_flush(); });
  ControlClient client(server.address());  // never closes its end
  EXPECT_EQ(server.ending(), "");
}

TEST(Connection, DoesNotLingerForEverOnAPeerThatDoesNotRead) {
  const std::string message = random_message(1 << 20);
  OneConnection server({64u << 20, 20}, [&](Connection& connection) {
    for (int i = 0; i < 48; ++i) ASSERT_TRUE(connection.send(message).has_value());
    connection.close_after_flush();
  });
  ControlClient client(server.address());
  EXPECT_EQ(server.ending(), "");
}

}  // namespace
}  // namespace atoll_core::coordinator
