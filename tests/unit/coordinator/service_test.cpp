#include "coordinator/service.h"

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <future>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "unit/coordinator/control_client.h"
#include "unit/coordinator/running_service.h"

namespace atoll_core::coordinator {
namespace {

using testing::HasSubstr;

TEST(Service, TheKernelChoosesThePort) {
  const auto service = Service::create({});
  ASSERT_TRUE(service.has_value()) << service.error().message;
  EXPECT_EQ((*service)->address().host, "127.0.0.1");
  EXPECT_NE((*service)->address().port, 0);
}

TEST(Service, APeerRegistersAndHearsHeartbeats) {
  ServiceConfig config;
  config.run = "atlantis";
  config.heartbeat_interval = std::chrono::milliseconds(5);
  RunningService service(config);
  ControlClient client(service.address());
  client.send_preamble();
  client.send(register_message(1, "atlantis"));
  const auto registered = client.receive_a<wire::Registered>();
  ASSERT_TRUE(registered.has_value());
  EXPECT_EQ(registered->run, "atlantis");
  EXPECT_EQ(registered->incarnation.counter, 1u);
  EXPECT_EQ(registered->peer.value, (1ull << 32) | 1);
  EXPECT_EQ(registered->heartbeat_interval_ms, 5u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(client.receive_a<wire::CoordinatorHeartbeat>().has_value()) << i;
  }
  EXPECT_TRUE(service.stop().has_value());
  EXPECT_FALSE(client.receive_a<wire::Evicted>().has_value());  // the connection has ended
}

TEST(Service, TwoLivesOfACoordinatorHaveDifferentNonces) {
  std::set<uint32_t> nonces;
  for (int life = 0; life < 4; ++life) {
    RunningService service;
    ControlClient client(service.address());
    client.send_preamble();
    client.send(register_message(1));
    const auto registered = client.receive_a<wire::Registered>();
    ASSERT_TRUE(registered.has_value());
    nonces.insert(registered->incarnation.nonce);
  }
  EXPECT_GT(nonces.size(), 1u);
}

// While it lives, no more than one descriptor can be opened in this process.
class LastDescriptor {
 public:
  LastDescriptor() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int lowest = ::dup(0);
    ::close(lowest);
    rlimit low = before_;
    low.rlim_cur = static_cast<rlim_t>(lowest) + 1;
    ::setrlimit(RLIMIT_NOFILE, &low);
  }
  ~LastDescriptor() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  LastDescriptor(const LastDescriptor&) = delete;
  LastDescriptor& operator=(const LastDescriptor&) = delete;

 private:
  rlimit before_{};
};

TEST(Service, AConnectionWaitsWhileDescriptorsHaveRunOut) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer of types opens a pipe to look at memory, and takes none for a bad "
                  "object";
#endif
  ServiceConfig config;
  std::promise<void> told;
  config.log = [&told, first = true](int, std::string_view message) mutable {
    if (message.find("cannot accept") == message.npos || !std::exchange(first, false)) return;
    told.set_value();
  };
  RunningService service(config);
  std::optional<LastDescriptor> last(std::in_place);
  ControlClient client(service.address());
  client.send_preamble();
  client.send(register_message(1));
  ASSERT_EQ(told.get_future().wait_for(kPatience), std::future_status::ready);
  last.reset();
  EXPECT_TRUE(client.receive_a<wire::Registered>().has_value());
}

TEST(Service, SilenceBeyondThePeerTimeoutEndsAPeer) {
  ServiceConfig config;
  config.heartbeat_interval = std::chrono::milliseconds(10);
  config.peer_timeout = std::chrono::milliseconds(50);
  RunningService service(config);
  ControlClient client(service.address());
  client.send_preamble();
  client.send(register_message(1));
  ASSERT_TRUE(client.receive_a<wire::Registered>().has_value());
  while (client.receive().has_value()) {
  }
}

TEST(Service, RefusesAnotherRunWithASentence) {
  ServiceConfig config;
  config.run = "atlantis";
  RunningService service(config);
  ControlClient client(service.address());
  client.send_preamble();
  client.send(register_message(1, "lemuria"));
  const auto refused = client.receive_a<wire::Refused>();
  ASSERT_TRUE(refused.has_value());
  EXPECT_THAT(refused->reason, HasSubstr("atlantis"));
  EXPECT_FALSE(client.receive().has_value());
}

// The run has gone on in a later life of the coordinator, elsewhere.
TEST(Service, SaysWhenItIsStoppedThatItHasSteppedDown) {
  RunningService service;
  ControlClient member(service.address());
  member.send_preamble();
  member.send(register_message(1));
  member.send(wire::UpdateRequest{});
  const auto updated = member.receive_a<wire::Updated>();
  ASSERT_TRUE(updated && updated->delta);

  wire::Register hello = register_message(2);
  hello.memory.instance = updated->delta->instance;
  hello.rejoin = wire::Rejoin{};
  hello.rejoin->incarnation = {2, 7};
  wire::View& view = hello.rejoin->view;
  view.instance = updated->delta->instance;
  view.epoch = view.generation.first = {{2, 7}, 1};
  view.members = {hello.peer};
  view.members[0].id = {9};
  view.slots = {{9}};
  view.plan = topology::make_plan(1);
  ControlClient other(service.address());
  other.send_preamble();
  other.send(hello);
  const auto refused = other.receive_a<wire::Refused>();
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->code, ErrorCode::kCoordinatorUnreachable) << refused->reason;
  const Result<void> stopped = service.stop();
  ASSERT_FALSE(stopped.has_value());
  EXPECT_EQ(stopped.error().code, ErrorCode::kSteppedDown);
  EXPECT_THAT(stopped.error().message, HasSubstr("comes from incarnation 2~00000007"));
}

// A field of a protobuf message, after its encoding guide.
std::string field(uint32_t number, std::string_view bytes) {
  std::string out;
  for (uint64_t rest : {uint64_t{number} << 3 | 2, uint64_t{bytes.size()}}) {
    for (; rest >= 0x80; rest >>= 7) out += static_cast<char>(rest | 0x80);
    out += static_cast<char>(rest);
  }
  return out.append(bytes);
}

// What a peer of version 2 says first: it remembers no run, and its view is of no instance.
TEST(Service, RefusesAPeerOfAnOlderVersionByName) {
  RunningService service;
  ControlClient client(service.address());
  client.send_preamble();
  const std::string session = "\x09" + std::string("\1\0\0\0\0\0\0\0", 8) + "\x11" +
                              std::string("\2\0\0\0\0\0\0\0", 8);
  const std::string peer = field(2, "island-7") + field(3, "r7") + "\x28\x01" + field(16, session);
  const std::string register_2 = "\x08\x02\x10\x02\x20\x01" + field(16, peer) + field(17, "");
  const std::string message = field(16, register_2);
  client.send_raw(std::string{static_cast<char>(message.size()), 0, 0, 0} + message);
  const auto refused = client.receive_a<wire::Refused>();
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->code, ErrorCode::kVersionMismatch) << refused->reason;
  EXPECT_THAT(refused->reason, HasSubstr("island-7 speaks protocol versions 2 to 2, this "
                                         "coordinator version 3"));
}

// What is refused is read completely by the other side even when it goes on sending.
void expect_refused(ControlClient& client) {
  const auto refused = client.receive_a<wire::Refused>();
  ASSERT_TRUE(refused.has_value());
  EXPECT_FALSE(refused->reason.empty());
  EXPECT_FALSE(client.receive().has_value());
}

TEST(Service, RefusesGarbageAndHarmsNobodyElse) {
  ServiceConfig config;
  config.heartbeat_interval = std::chrono::milliseconds(5);
  RunningService service(config);
  ControlClient bystander(service.address());
  bystander.send_preamble();
  bystander.send(register_message(1));
  ASSERT_TRUE(bystander.receive_a<wire::Registered>().has_value());

  std::mt19937 random(20260102);
  std::string noise(5000, '\0');
  for (char& byte : noise) byte = static_cast<char>(random());
  const std::string preamble(wire::kControlPreamble);
  const std::string garbage[] = {
      "GET / HTTP/1.1\r\nHost: atlantis\r\n\r\n",
      noise,
      preamble + std::string("\xFF\xFF\xFF\xFF", 4),  // a length beyond the limit
      preamble + std::string("\x08\x00\x00\x00", 4) + "notproto",
      preamble + framed(wire::PeerHeartbeat{1}),  // before Register
      preamble + framed(register_message(2)) + std::string("\x02\x00\x00\x00\xFF\xFF", 6) + noise,
  };
  for (const std::string& bytes : garbage) {
    ControlClient client(service.address());
    client.send_raw(bytes);
    expect_refused(client);
  }
  bystander.send(wire::PeerHeartbeat{1});
  EXPECT_TRUE(bystander.receive_a<wire::CoordinatorHeartbeat>().has_value());
  EXPECT_TRUE(service.stop().has_value());
}

TEST(Service, SurvivesConnectionsThatEndAnywhere) {
  RunningService service;
  const std::string bytes = std::string(wire::kControlPreamble) + framed(register_message(7));
  for (size_t length = 0; length < bytes.size(); ++length) {
    ControlClient client(service.address());
    client.send_raw(std::string_view(bytes).substr(0, length));
    if (length % 2 == 0) {
      client.reset();
    } else {
      client.close();
    }
  }
  ControlClient whole(service.address());
  whole.send_raw(bytes);
  EXPECT_TRUE(whole.receive_a<wire::Registered>().has_value());
  EXPECT_TRUE(service.stop().has_value());
}

TEST(Service, UnderstandsAByteAtATime) {
  RunningService service;
  ControlClient client(service.address());
  const std::string bytes = std::string(wire::kControlPreamble) + framed(register_message(3));
  for (const char& byte : bytes) client.send_raw({&byte, 1});
  EXPECT_TRUE(client.receive_a<wire::Registered>().has_value());
}

TEST(Service, ManyPeersHearOfEachOther) {
  constexpr uint32_t kPeers = 100;
  RunningService service;
  std::vector<std::unique_ptr<ControlClient>> clients;
  for (uint32_t i = 0; i < kPeers; ++i) {
    clients.push_back(std::make_unique<ControlClient>(service.address()));
    clients.back()->send_preamble();
    clients.back()->send(register_message(i));
  }
  std::set<PeerId> ids;
  for (auto& client : clients) {
    const auto registered = client->receive_a<wire::Registered>();
    ASSERT_TRUE(registered.has_value());
    ids.insert(registered->peer);
  }
  EXPECT_EQ(ids.size(), kPeers);
  for (auto& client : clients) {
    size_t others = 0;
    while (others != kPeers - 1) {
      const auto roster = client->receive_a<wire::Roster>();
      ASSERT_TRUE(roster.has_value());
      others = roster->peers.size();
    }
  }
}

TEST(Service, TurnsAwayWhatIsAboveItsLimit) {
  ServiceConfig config;
  config.connections_max = 2;
  RunningService service(config);
  ControlClient first(service.address());
  ControlClient second(service.address());
  for (ControlClient* client : {&first, &second}) {
    client->send_preamble();
    client->send(register_message(client == &first ? 1 : 2));
    ASSERT_TRUE(client->receive_a<wire::Registered>().has_value());
  }
  ControlClient third(service.address());
  third.send_preamble();
  third.send(register_message(3));
  const auto refused = third.receive_a<wire::Refused>();
  ASSERT_TRUE(refused.has_value());
  EXPECT_THAT(refused->reason, HasSubstr("2 registered peers"));
  EXPECT_FALSE(third.receive().has_value());
}

// A member whose connection blips comes back, however many strangers hold connections and say
// nothing.
TEST(Service, StrangersGoWhenAPeerNeedsTheirPlace) {
  ServiceConfig config;
  config.connections_max = 8;
  RunningService service(config);
  auto member = std::make_unique<ControlClient>(service.address());
  member->send_preamble();
  member->send(register_message(1));
  ASSERT_TRUE(member->receive_a<wire::Registered>().has_value());
  member->send(wire::UpdateRequest{});
  ASSERT_TRUE(member->receive_a<wire::Updated>().has_value());
  std::vector<std::unique_ptr<ControlClient>> strangers;
  for (int i = 0; i < 200; ++i) {
    strangers.push_back(std::make_unique<ControlClient>(service.address()));
  }
  member->reset();
  ControlClient again(service.address());
  again.send_preamble();
  again.send(register_message(2));
  EXPECT_TRUE(again.receive_a<wire::Registered>().has_value());
  const auto refused = strangers.front()->receive_a<wire::Refused>();
  if (refused) {
    EXPECT_EQ(refused->code, ErrorCode::kSystemError);  // the oldest, unless it was cut off
  }
}

// They may stay until they have read why; but not any number of them.
TEST(Service, OnlySoManyAreToldWhyTheyAreTurnedAway) {
  ServiceConfig config;
  EXPECT_EQ(config.connections_max, limits::kControlConnections);
  config.connections_max = 1;
  RunningService service(config);
  std::vector<std::unique_ptr<ControlClient>> clients;
  for (size_t i = 0; i < 1 + limits::kTurnedAway; ++i) {
    clients.push_back(std::make_unique<ControlClient>(service.address()));
    clients.back()->send_preamble();
    if (i > 0) {
      EXPECT_TRUE(clients.back()->receive_a<wire::Refused>().has_value()) << i;
    } else {
      clients.back()->send(register_message(1));
      ASSERT_TRUE(clients.back()->receive_a<wire::Registered>().has_value());
    }
  }
  ControlClient one_more(service.address());
  EXPECT_FALSE(one_more.receive().has_value());
}

// Seven peers read nothing. What waits for them has a bound, and the one that reads goes on.
TEST(Service, GivesUpThoseThatDoNotReadAndNobodyElse) {
  ServiceConfig config;
  config.queue_bytes_in_all = 1u << 20;
  config.peer_timeout = std::chrono::minutes(5);
  RunningService service(config);
  const auto large = [](uint32_t number) {
    wire::Register message = register_message(number);
    for (uint16_t port = 1; port <= limits::kEndpointsPerPeer; ++port) {
      message.peer.endpoints.push_back({std::string(limits::kHostBytes, 'h'), port});
    }
    message.peer.endpoints.resize(limits::kEndpointsPerPeer);
    return message;
  };
  std::vector<std::unique_ptr<ControlClient>> clients;
  for (uint32_t i = 0; i < 8; ++i) {
    clients.push_back(std::make_unique<ControlClient>(service.address()));
    clients.back()->send_preamble();
    clients.back()->send(large(i));
    ASSERT_TRUE(clients.back()->receive_a<wire::Registered>().has_value());
  }
  ControlClient& reader = *clients.front();
  const auto deadline = std::chrono::steady_clock::now() + 3 * kPatience;
  size_t others = 7;
  // Somebody comes and goes, and all are told so, until only two are left.
  for (uint32_t number = 100; others > 1; ++number) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << others << " are still there";
    ControlClient flapping(service.address());
    flapping.send_preamble();
    flapping.send(large(number));
    ASSERT_TRUE(flapping.receive_a<wire::Registered>().has_value());
    flapping.close();
    reader.send(wire::PeerHeartbeat{});
    const auto roster = reader.receive_a<wire::Roster>();
    ASSERT_TRUE(roster.has_value());
    others = roster->peers.size();
  }
  EXPECT_TRUE(service.stop().has_value());
}

// A write to a peer that is gone must not raise SIGPIPE in the program around us.
TEST(Service, PeersThatResetWhileItWritesDoNotKillTheProcess) {
  struct sigaction old {};
  ASSERT_EQ(sigaction(SIGPIPE, nullptr, &old), 0);
  ASSERT_EQ(old.sa_handler, SIG_DFL) << "the test would prove nothing";
  ServiceConfig config;
  config.heartbeat_interval = std::chrono::milliseconds(1);
  RunningService service(config);
  for (uint32_t i = 0; i < 100; ++i) {
    ControlClient client(service.address());
    client.send_preamble();
    client.send(register_message(i));
    ASSERT_TRUE(client.receive_a<wire::Registered>().has_value());
    client.reset();
  }
  EXPECT_TRUE(service.stop().has_value());
}

}  // namespace
}  // namespace atoll_core::coordinator
