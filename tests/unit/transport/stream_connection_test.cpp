#include "transport/stream_connection.h"

#include <sys/epoll.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "transport/network.h"
#include "unit/transport/network_fixture.h"

namespace atoll_core::transport {
namespace {

using testing::HasSubstr;

enum class Callback { kReadSpans, kOnRead, kWriteSpans, kOnWritten, kOnClosed };

// A RandomDriver with something to do in its callbacks.
class HookedDriver : public RandomDriver {
 public:
  using RandomDriver::RandomDriver;

  size_t read_spans(std::span<MutableByteSpan> spans) override {
    const size_t count = RandomDriver::read_spans(spans);
    return call(Callback::kReadSpans), count;
  }
  bool on_read(size_t bytes) override {
    RandomDriver::on_read(bytes);
    return call(Callback::kOnRead), !broken;
  }
  size_t write_spans(std::span<ByteSpan> spans) override {
    const size_t count = RandomDriver::write_spans(spans);
    return call(Callback::kWriteSpans), count;
  }
  void on_written(size_t bytes) override {
    RandomDriver::on_written(bytes);
    call(Callback::kOnWritten);
  }
  void on_closed(const std::string& reason) override {
    call(Callback::kOnClosed);
    RandomDriver::on_closed(reason);
  }

  std::function<void(Callback)> hook;
  bool broken = false;
  int calls = 0;
  int depth = 0;

 private:
  void call(Callback callback) {
    ++calls;
    EXPECT_EQ(depth, 0) << "callbacks of one driver must not be nested";
    ++depth;
    if (hook) hook(callback);
    --depth;
  }
};

// What this process watches its connected sockets for, all of them together.
uint32_t watched_for() {
  uint32_t all = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fdinfo")) {
    std::ifstream info(entry.path());
    for (std::string line; std::getline(info, line);) {
      int socket = -1;
      unsigned events = 0;
      if (std::sscanf(line.c_str(), "tfd: %d events: %x", &socket, &events) != 2) continue;
      sockaddr_storage peer{};
      socklen_t size = sizeof(peer);
      if (::getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size) == 0) all |= events;
    }
  }
  return all;
}

class StreamConnectionTest : public testing::Test {
 protected:
  struct Ends {
    Connection* one = nullptr;  // of peer one
    Connection* two = nullptr;
  };
  Ends connect() {
    const DialOutcome outcome = one_.dial(two_);
    if (outcome.connection == nullptr) throw std::runtime_error(outcome.reason);
    return {outcome.connection, two_.accepted.pop().connection};
  }
  // A plain socket that has said its hello, and the connection it is for peer one.
  Connection* accept(RawSocket& client) {
    client.connect(one_.port);
    client.send(bytes_of(two_.hello(1)));
    client.receive(wire::kHelloBytes);
    return one_.accepted.pop().connection;
  }
  // The drivers of a test are gone before this fixture is.
  void end() {
    one_.end();
    two_.end();
  }

  TestPeer one_{1};
  TestPeer two_{2};
};

TEST_F(StreamConnectionTest, IsNotWatchedForRoomToWriteBeforeItLacksSome) {
  HookedDriver one(1, random_bytes(1, 1000), 1000);
  HookedDriver two(2, random_bytes(2, 1000), 1000);
  const Ends ends = connect();
  one_.on_loop([&] { ends.one->start(&one); });
  two_.on_loop([&] { ends.two->start(&two); });
  one.complete.pop();
  two.complete.pop();
  EXPECT_NE(watched_for() & EPOLLIN, 0u);
  EXPECT_EQ(watched_for() & EPOLLOUT, 0u);
  end();
}

TEST_F(StreamConnectionTest, ReportsThatTheOtherSideClosed) {
  RawSocket client;
  Connection* connection = accept(client);
  const ByteBuffer payload = random_bytes(1, 5000);
  RandomDriver driver(1, {}, payload.size() + 1);
  one_.on_loop([&] { connection->start(&driver); });
  client.send(as_text(payload));
  client.shut_down_sending();  // half-closed is closed: nobody would read what we send
  EXPECT_THAT(driver.closed.pop(), HasSubstr("closed the connection"));
  EXPECT_EQ(driver.received, payload.size());
  EXPECT_TRUE(std::equal(payload.begin(), payload.end(), driver.incoming.begin()));
  EXPECT_EQ(client.receive(1), "");
  end();
}

TEST_F(StreamConnectionTest, ReportsAReset) {
  RawSocket client;
  Connection* connection = accept(client);
  RandomDriver driver(1, {}, 10);
  one_.on_loop([&] { connection->start(&driver); });
  client.reset();
  EXPECT_THAT(driver.closed.pop(), HasSubstr("127.0.0.1:"));
  end();
}

TEST_F(StreamConnectionTest, ReportsAFailedWrite) {
  RawSocket client;
  Connection* connection = accept(client);
  // Reads nothing, so that only the writer can find out.
  RandomDriver driver(1, random_bytes(1, 16u << 20), 0);
  one_.on_loop([&] { connection->start(&driver); });
  client.receive(100);
  client.reset();
  EXPECT_THAT(driver.closed.pop(), HasSubstr("sending to 127.0.0.1:"));
  end();
}

TEST_F(StreamConnectionTest, ClosesABrokenStreamWithItsReason) {
  const Ends ends = connect();
  HookedDriver driver(1, {}, 100);
  driver.broken = true;
  RandomDriver sender(2, random_bytes(2, 10), 100);
  one_.on_loop([&] { ends.one->start(&driver); });
  two_.on_loop([&] { ends.two->start(&sender); });
  EXPECT_THAT(driver.closed.pop(), HasSubstr("these bytes are garbage"));
  sender.closed.pop();
  end();
}

TEST_F(StreamConnectionTest, MayBeClosedFromEachOfItsCallbacks) {
  for (const Callback where : {Callback::kReadSpans, Callback::kOnRead, Callback::kWriteSpans,
                               Callback::kOnWritten, Callback::kOnClosed}) {
    SCOPED_TRACE(static_cast<int>(where));
    const Ends ends = connect();
    // Both want more than they get: who does not read does not see the end.
    HookedDriver driver(1, random_bytes(1, 1u << 20), 2u << 20);
    RandomDriver other(2, random_bytes(2, 1u << 20), 2u << 20);
    Mailbox<int> calls_at_close;
    driver.hook = [&](Callback callback) {
      if (callback != where) return;
      ends.one->close();
      calls_at_close.push(driver.calls);
    };
    one_.on_loop([&] { ends.one->start(&driver); });
    two_.on_loop([&] { ends.two->start(&other); });
    if (where == Callback::kOnClosed) two_.on_loop([&] { ends.two->close(); });
    const int calls = calls_at_close.pop();
    if (where != Callback::kOnClosed) other.closed.pop();
    one_.on_loop([&] { EXPECT_EQ(driver.calls, calls); });
  }
  end();
}

TEST_F(StreamConnectionTest, MayBeClosedFromTheCallbacksOfAnother) {
  for (const Callback where :
       {Callback::kReadSpans, Callback::kOnRead, Callback::kWriteSpans, Callback::kOnWritten}) {
    SCOPED_TRACE(static_cast<int>(where));
    const Ends closer = connect();
    const Ends closed = connect();
    HookedDriver driver(1, random_bytes(1, 1u << 20), 1u << 20);
    RandomDriver driver_two(2, random_bytes(2, 1u << 20), 1u << 20);
    HookedDriver victim(3, random_bytes(3, 8u << 20), 8u << 20);
    RandomDriver victim_two(4, random_bytes(4, 8u << 20), 9u << 20);  // reads to the end
    Connection* to_close = closed.one;
    Mailbox<int> calls_at_close;
    driver.hook = [&](Callback callback) {
      if (callback != where || to_close == nullptr) return;
      to_close->wake_writer();
      to_close->resume_reading();
      std::exchange(to_close, nullptr)->close();
      calls_at_close.push(victim.calls);
    };
    two_.on_loop([&] {
      closer.two->start(&driver_two);
      closed.two->start(&victim_two);
    });
    one_.on_loop([&] {
      closed.one->start(&victim);
      closer.one->start(&driver);
    });
    const int calls = calls_at_close.pop();
    victim_two.closed.pop();
    driver.complete.pop();
    driver_two.complete.pop();
    one_.on_loop([&] {
      EXPECT_EQ(victim.calls, calls);
      closer.one->close();
    });
    two_.on_loop([&] { closer.two->close(); });
  }
  end();
}

// Every callback wakes both directions of both connections: everything still goes through, no
// callback is nested in another, and the loop is not stuck.
TEST_F(StreamConnectionTest, CallbacksMayWakeEverything) {
  const Ends first = connect();
  const Ends second = connect();
  const ByteBuffer bytes = random_bytes(9, 2u << 20);
  HookedDriver drivers[2] = {{1, bytes, bytes.size()}, {2, bytes, bytes.size()}};
  RandomDriver others[2] = {{3, bytes, bytes.size()}, {4, bytes, bytes.size()}};
  int depth = 0;
  const auto wake_all = [&](Callback) {
    EXPECT_EQ(depth++, 0);
    for (Connection* connection : {first.one, second.one}) {
      connection->wake_writer();
      connection->resume_reading();
    }
    --depth;
  };
  drivers[0].hook = wake_all;
  drivers[1].hook = wake_all;
  two_.on_loop([&] {
    first.two->start(&others[0]);
    second.two->start(&others[1]);
  });
  one_.on_loop([&] {
    first.one->start(&drivers[0]);
    second.one->start(&drivers[1]);
  });
  for (int i = 0; i < 2; ++i) {
    drivers[i].complete.pop();
    others[i].complete.pop();
    EXPECT_TRUE(drivers[i].incoming == bytes);
    EXPECT_TRUE(others[i].incoming == bytes);
  }
  end();
}

// Reads and writes only what it was granted.
class GrantedDriver : public RandomDriver {
 public:
  using RandomDriver::RandomDriver;

  size_t read_spans(std::span<MutableByteSpan> spans) override {
    if (received == readable) return 0;
    spans[0] = MutableByteSpan(incoming).subspan(received, readable - received);
    return 1;
  }
  bool on_read(size_t bytes) override {
    RandomDriver::on_read(bytes);
    EXPECT_LE(received, readable);
    if (received == readable) used_up.push(received);
    return true;
  }
  size_t write_spans(std::span<ByteSpan> spans) override {
    ++write_calls;
    if (sent == writable) return 0;
    spans[0] = ByteSpan(payload).subspan(sent, writable - sent);
    return 1;
  }

  ByteBuffer payload;
  size_t readable = 0;
  size_t writable = 0;
  int write_calls = 0;
  Mailbox<size_t> used_up;
};

TEST_F(StreamConnectionTest, ReadsOnlyWhatThereIsRoomFor) {
  const Ends ends = connect();
  const ByteBuffer bytes = random_bytes(1, 3u << 20);
  GrantedDriver reader(1, {}, bytes.size());
  RandomDriver sender(2, bytes, 0);
  one_.on_loop([&] { ends.one->start(&reader); });
  two_.on_loop([&] { ends.two->start(&sender); });
  std::mt19937_64 random(7);
  size_t granted = 0;
  while (granted < bytes.size()) {
    granted += std::uniform_int_distribution<size_t>(
        1, std::min<size_t>(300'000, bytes.size() - granted))(random);
    one_.on_loop([&] {
      reader.readable = granted;
      ends.one->resume_reading();
    });
    EXPECT_EQ(reader.used_up.pop(), granted);
  }
  EXPECT_TRUE(reader.incoming == bytes);
  end();
}

TEST_F(StreamConnectionTest, WritesWhatItIsWokenForAndManyWakeUpsAreOne) {
  const Ends ends = connect();
  const ByteBuffer bytes = random_bytes(1, 1u << 20);
  GrantedDriver writer(1, {}, 0);
  writer.payload = bytes;
  GrantedDriver reader(2, {}, bytes.size());
  reader.readable = bytes.size();
  one_.on_loop([&] { ends.one->start(&writer); });
  two_.on_loop([&] { ends.two->start(&reader); });
  one_.on_loop([] {});  // the first question for bytes is over
  for (const size_t portion : {1u, 100u, 5000u}) {
    one_.on_loop([&] {
      writer.write_calls = 0;
      writer.writable += portion;
      for (int i = 0; i < 100; ++i) ends.one->wake_writer();
      EXPECT_EQ(writer.write_calls, 0);  // not from within our callback
    });
    one_.on_loop([&] {
      EXPECT_EQ(writer.write_calls, 2);  // the bytes, and then nothing more
      EXPECT_EQ(writer.sent, writer.writable);
    });
  }
  one_.on_loop([&] {
    writer.writable = bytes.size();
    ends.one->wake_writer();
  });
  EXPECT_EQ(reader.used_up.pop(), bytes.size());
  EXPECT_TRUE(reader.incoming == bytes);
  end();
}

// Tells what it did, in the order in which all that share the list did it.
class LoggedDriver : public GrantedDriver {
 public:
  LoggedDriver(uint64_t seed, size_t incoming_bytes, std::vector<std::string>& log)
      : GrantedDriver(seed, {}, incoming_bytes), log_(log) {
    readable = incoming_bytes;
  }
  bool on_read(size_t bytes) override {
    log_.push_back("read");
    const bool intact = GrantedDriver::on_read(bytes);
    read.push(received);
    return intact;
  }
  size_t write_spans(std::span<ByteSpan> spans) override {
    const size_t count = GrantedDriver::write_spans(spans);
    if (count > 0) spans[0] = spans[0].first(std::min(spans[0].size(), kWritten));
    return count;
  }
  void on_written(size_t bytes) override {
    log_.push_back("written");
    GrantedDriver::on_written(bytes);
  }

  static constexpr size_t kWritten = 128u << 10;  // in one go
  Mailbox<size_t> read;

 private:
  std::vector<std::string>& log_;
};

// Also when it came over another connection, and nothing has told of it yet.
TEST_F(StreamConnectionTest, OnceABufferFullWasSentReadsWhatHasComeBeforeItSends) {
  constexpr size_t kBulk = 40u << 10;
  RawSocket client;
  Connection* incoming = accept(client);
  const Ends outgoing = connect();
  std::vector<std::string> log;
  LoggedDriver reader(1, 4 * kBulk, log);
  LoggedDriver writer(2, 1, log);
  GrantedDriver other(3, {}, LoggedDriver::kWritten + 2);
  writer.payload = random_bytes(1, LoggedDriver::kWritten + 2);
  two_.on_loop([&] { outgoing.two->start(&other); });
  const std::string bulk(kBulk, 'x');
  const auto receive_bulk = [&] {
    client.send(bulk);
    client.wait_for_arrival();
  };
  one_.on_loop([&] {
    incoming->start(&reader);
    outgoing.one->start(&writer);
    receive_bulk();
  });
  ASSERT_EQ(reader.read.pop(), kBulk);  // at once, so the connection carries much
  const auto send_up_to = [&](size_t bytes) {
    two_.on_loop([&] {
      other.readable = bytes;
      outgoing.two->resume_reading();
    });
    one_.on_loop([&] {
      receive_bulk();
      log.clear();
      writer.writable = bytes;
      outgoing.one->wake_writer();
    });
    EXPECT_EQ(other.used_up.pop(), bytes);
  };
  send_up_to(1);
  one_.on_loop([&] { EXPECT_EQ(log.front(), "written"); });
  send_up_to(1 + LoggedDriver::kWritten + 1);
  one_.on_loop([&] { EXPECT_EQ(log, (std::vector<std::string>{"written", "read", "written"})); });
  end();
}

TEST_F(StreamConnectionTest, ADetachedDriverIsLeftAloneAndAnotherGoesOn) {
  const Ends ends = connect();
  const ByteBuffer bytes = random_bytes(1, 1000);
  auto detached = std::make_unique<RandomDriver>(1, ByteBuffer{}, bytes.size());
  RandomDriver next(2, {}, bytes.size());
  RandomDriver sender(3, bytes, 0);
  one_.on_loop([&] { ends.one->start(detached.get()); });
  one_.on_loop([&] { ends.one->start(nullptr); });
  detached.reset();
  two_.on_loop([&] { ends.two->start(&sender); });
  sender.complete.pop();
  one_.on_loop([&] { ends.one->start(&next); });
  next.complete.pop();
  EXPECT_TRUE(next.incoming == bytes);
  end();
}

// Its socket never fills: what it has written is read at once.
class TirelessDriver : public RandomDriver {
 public:
  TirelessDriver(RawSocket& reader, size_t bytes)
      : RandomDriver(1, {}, 0), reader_(reader), payload_(random_bytes(1, bytes)) {}

  size_t write_spans(std::span<ByteSpan> spans) override {
    if (sent == payload_.size()) return 0;
    spans[0] = ByteSpan(payload_).subspan(sent).first(4096);
    return 1;
  }
  void on_written(size_t bytes) override {
    EXPECT_EQ(reader_.receive(bytes), as_text(ByteSpan(payload_).subspan(sent, bytes)));
    sent += bytes;
    if (sent == payload_.size()) complete.push(true);
  }

 private:
  RawSocket& reader_;
  ByteBuffer payload_;
};

// A connection that always has more to move must not keep the loop to itself.
TEST_F(StreamConnectionTest, ABusyConnectionLeavesTurnsToTheLoop) {
  RawSocket client;
  Connection* connection = accept(client);
  constexpr size_t kBytes = 2 * StreamConnection::kBytesPerTurn;
  TirelessDriver driver(client, kBytes);
  Mailbox<size_t> sent_in_between;
  one_.on_loop([&] {
    connection->start(&driver);
    one_.network->post([&] { sent_in_between.push(driver.sent); });
  });
  driver.complete.pop();
  EXPECT_EQ(sent_in_between.pop(), StreamConnection::kBytesPerTurn);
  end();
}

}  // namespace
}  // namespace atoll_core::transport
