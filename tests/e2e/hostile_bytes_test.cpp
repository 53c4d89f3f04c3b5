// Whatever strangers send to the ports of a coordinator and of peers, a run that trains meanwhile
// is not harmed, and connections that say nothing are bounded in number and time.
#include <xxhash.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "support/raw_socket.h"
#include "support/test_run.h"

namespace atoll_test {
namespace {

constexpr const char* kRunId = "hostile";
constexpr auto kClosedSoon = 15s;
constexpr size_t kFrameBytes = 128;

std::string random_bytes(uint64_t seed, size_t count) {
  std::mt19937_64 random(seed);
  std::string bytes(count, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

template <class Integer>
void store(std::string& bytes, size_t offset, Integer value) {
  for (size_t i = 0; i < sizeof(value); ++i) {
    bytes[offset + i] = static_cast<char>(static_cast<uint64_t>(value) >> (8 * i));
  }
}

constexpr uint8_t kVersion = 3;  // of the protocol

// The hello of a data connection, as docs/PROTOCOL.md has it.
struct Hello {
  uint8_t role = 1;  // link; 2: probe
  std::string session = random_bytes(71, 16);
  std::string target_session = random_bytes(72, 16);
  uint64_t peer = 1;
  uint64_t target_peer = 2;

  std::string bytes() const {
    std::string text(112, '\0');
    text.replace(0, 8, "ATOLLD01");
    store<uint16_t>(text, 8, kVersion);
    store<uint16_t>(text, 10, kVersion);
    store<uint8_t>(text, 12, role);
    store<uint16_t>(text, 14, 1);
    text.replace(16, 16, session);
    text.replace(32, 16, target_session);
    store<uint64_t>(text, 48, peer);
    store<uint64_t>(text, 56, target_peer);
    store<uint64_t>(text, 64, XXH3_64bits(kRunId, std::strlen(kRunId)));
    store<uint64_t>(text, 104, XXH3_64bits(text.data(), 104));
    return text;
  }
};

// A data frame whose header says that 4 GiB follow, with a right checksum.
std::string greedy_frame() {
  std::string header(kFrameBytes, '\0');
  header.replace(0, 4, "ATL1");
  store<uint8_t>(header, 4, kVersion);
  store<uint8_t>(header, 5, 1);
  store<uint32_t>(header, 8, 0xFFFFFFF0u);
  const std::string others = header.substr(0, 12) + header.substr(16);
  store<uint32_t>(header, 12, static_cast<uint32_t>(XXH3_64bits(others.data(), others.size())));
  return header;
}

// Three members that reduce and update in a loop, each result checked by value.
class HostileBytesTest : public testing::Test {
 protected:
  HostileBytesTest() : run_(config(), {"alice", "bob", "carol"}) {}

  static atollCoordinatorConfig_t config() {
    atollCoordinatorConfig_t config = coordinator_config(3);
    config.run = kRunId;
    return config;
  }

  std::string data_address(size_t place) {
    return "127.0.0.1:" +
           std::to_string(run_[place].attribute(atollAttributeListeningPort));
  }

  // Says `bytes` while the run trains; the other side is to close.
  void say(const std::string& address, const std::string& bytes) {
    const RawSocket stranger = RawSocket::connect(address);
    ASSERT_TRUE(stranger.ok()) << address;
    stranger.send(bytes);  // may be cut short by the other side
    train(3);
    EXPECT_TRUE(stranger.closed_within(kClosedSoon)) << address << " keeps a stranger";
    train(1);
  }

  void train(int steps) {
    for (int step = 0; step < steps && !HasFailure(); ++step) {
      expect_all_reduce(run_.all(), 20000);
      expect_update(run_.all());
      for (TestPeer* peer : run_.all()) {
        EXPECT_EQ(peer->view().world, 3u);
        EXPECT_EQ(peer->view().lost, 0u) << "a stranger cost a member";
      }
    }
  }

  // As it stands in a hello.
  std::string own_session(size_t place) {
    const std::string path = testing::TempDir() + "hostile_bytes_" + std::to_string(::getpid());
    EXPECT_EQ(atollDumpState(run_[place].comm(), path.c_str()), atollSuccess);
    std::stringstream state;
    state << std::ifstream(path).rdbuf();
    ::unlink(path.c_str());
    std::string bytes(16, '\0');
    const std::string field = "\"session\": \"";
    const size_t at = state.str().find(field);
    if (at == std::string::npos) {
      ADD_FAILURE() << "no session in " << state.str();
      return bytes;
    }
    const std::string digits = state.str().substr(at + field.size(), 32);
    store(bytes, 0, std::stoull(digits.substr(0, 16), nullptr, 16));
    store(bytes, 8, std::stoull(digits.substr(16), nullptr, 16));
    return bytes;
  }

  std::string answer_to(size_t place, const std::string& bytes) {
    const RawSocket stranger = RawSocket::connect(data_address(place));
    EXPECT_TRUE(stranger.send(bytes));
    return stranger.receive(kClosedSoon, 112).value_or("");
  }

  TestRun run_;
};

const std::vector<std::string>& garbage() {
  static const std::vector<std::string> all = {
      random_bytes(1, 1000), random_bytes(2, 300000), "GET / HTTP/1.1\r\nHost: atoll\r\n\r\n",
      std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + random_bytes(3, 500),
      std::string(100000, '\0')};
  return all;
}

TEST_F(HostileBytesTest, GarbageToTheCoordinator) {
  for (const std::string& bytes : garbage()) say(run_.address(), bytes);
}

TEST_F(HostileBytesTest, GarbageInControlMessages) {
  const std::string preamble = "ATOLLC01";
  say(run_.address(), preamble + random_bytes(4, 5000));
  say(run_.address(), preamble + std::string("\xff\xff\xff\xff", 4));          // 4 GiB follow
  say(run_.address(), preamble + std::string("\x01\x00\x00\x01", 4));          // 16 MiB + 1
  say(run_.address(), preamble + std::string("\x00\x00\x00\x00", 4));          // nothing
  say(run_.address(), preamble + std::string("\x08\x00\x00\x00", 4) + random_bytes(5, 8));
  say(run_.address(), "ATOLLC99" + random_bytes(6, 100));
  say(run_.address(), Hello().bytes());  // meant for a data port
}

TEST_F(HostileBytesTest, GarbageToAPeer) {
  for (const std::string& bytes : garbage()) say(data_address(0), bytes);
}

TEST_F(HostileBytesTest, DamagedHello) {
  std::string damaged = Hello().bytes();
  damaged[50] = static_cast<char>(damaged[50] ^ 4);
  say(data_address(0), damaged);
  say(data_address(1), "ATOLLC01" + random_bytes(7, 200));
}

TEST_F(HostileBytesTest, HalfAHelloAndSilence) {
  say(data_address(0), Hello().bytes().substr(0, 40));
  say(data_address(1), "");
  say(run_.address(), "ATOL");
}

// Right in form, but from nobody, or to somebody else.
TEST_F(HostileBytesTest, HelloWithWrongSessions) {
  Hello hello;
  say(data_address(0), hello.bytes());
  hello.peer = run_[1].attribute(atollAttributePeer);
  hello.target_peer = run_[0].attribute(atollAttributePeer);
  say(data_address(0), hello.bytes());
  hello.target_session = own_session(0);  // the right target, but not bob's session
  say(data_address(0), hello.bytes() + greedy_frame());
  hello.peer = 12345;  // nobody
  say(data_address(0), hello.bytes() + greedy_frame());
}

// Whoever knocks at a port learns nothing of who listens there.
TEST_F(HostileBytesTest, StrangersAllGetTheSameAnswer) {
  Hello probe;
  probe.role = 2;
  Hello link;
  link.peer = run_[1].attribute(atollAttributePeer);
  link.session = own_session(1);
  const std::string answer = answer_to(0, probe.bytes());
  ASSERT_EQ(answer.size(), 112u);
  EXPECT_EQ(answer.substr(16, 56), std::string(56, '\0')) << "sessions, ids and run";
  EXPECT_EQ(answer_to(0, link.bytes()), answer);
  EXPECT_EQ(answer_to(1, probe.bytes()), answer);
  train(1);
}

// Who knows the sessions of two members, and not the ticket that the coordinator has given to
// them, is not taken for one of them.
TEST_F(HostileBytesTest, FramesUnderAStolenSession) {
  Hello hello;
  hello.session = own_session(1);
  hello.target_session = own_session(0);
  hello.peer = run_[1].attribute(atollAttributePeer);
  hello.target_peer = run_[0].attribute(atollAttributePeer);
  say(data_address(0), hello.bytes() + greedy_frame());
  say(data_address(0), hello.bytes() + random_bytes(8, 100000));
}

TEST_F(HostileBytesTest, FloodsOfIdleConnectionsAreBounded) {
  constexpr int kFlood = 200;
  std::vector<RawSocket> flood;
  for (int i = 0; i < kFlood; ++i) {
    flood.push_back(RawSocket::connect(run_.address()));
    for (size_t place = 0; place < 3; ++place) {
      flood.push_back(RawSocket::connect(data_address(place)));
    }
  }
  for (const RawSocket& one : flood) ASSERT_TRUE(one.ok());
  train(3);
  // Newcomers get through.
  TestPeer& dave = run_.add("dave");
  TestRun::admit(dave, {&run_[0], &run_[1], &run_[2]});
  expect_all_reduce(run_.all());
  const auto until = std::chrono::steady_clock::now() + 30s;
  for (const RawSocket& one : flood) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    ASSERT_TRUE(one.closed_within(std::max(left, 1ms))) << "an idle stranger is kept";
  }
  expect_all_reduce(run_.all());
}

// Connections that come and go while the run trains, one every few milliseconds.
TEST_F(HostileBytesTest, AStreamOfStrangers) {
  std::atomic<bool> stop{false};
  const std::vector<std::string> addresses = {run_.address(), data_address(0), data_address(1),
                                              data_address(2)};
  std::thread strangers([&] {
    for (uint64_t i = 0; !stop; ++i) {
      const RawSocket stranger = RawSocket::connect(addresses[i % addresses.size()]);
      stranger.send(random_bytes(i, 10 + i % 200));
    }
  });
  train(30);
  stop = true;
  strangers.join();
}

}  // namespace
}  // namespace atoll_test
