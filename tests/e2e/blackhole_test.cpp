// Real sockets over which nothing passes any more, and nobody is told: the first peer is reached
// through a relay that falls silent in the middle of an all-reduce.
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include <netinet/tcp.h>

#include <gtest/gtest.h>

#include "support/relay.h"
#include "support/test_run.h"

namespace atoll_test {
namespace {

constexpr size_t kElements = 4'000'000;

// Calls `then` when the first peer receives for the 10th time since it was armed.
class Moment {
 public:
  void arm(std::function<void()> then) {
    then_ = std::move(then);
    left_ = 10;
  }
  static void on_trace(void* self, const char* point) {
    auto* moment = static_cast<Moment*>(self);
    if (std::string(point) != "scatter.receive") return;
    if (--moment->left_ == 0) moment->then_();
  }

 private:
  std::atomic<int> left_{0};
  std::function<void()> then_;
};

class BlackholeTest : public testing::Test {
 protected:
  BlackholeTest() : coordinator_(coordinator_config(3, 20000)) {
    for (const char* name : {"island-0", "island-1", "island-2"}) {
      const bool first = peers_.empty();
      peers_.push_back(std::make_unique<TestPeer>(
          coordinator_.address(), name, [&](atollCommConfig_t& config) {
            config.bind = "127.0.0.1";
            if (!first) return;
            config.advertise = relay_address_.c_str();
            config.trace = &Moment::on_trace;
            config.trace_user = &moment_;
          }));
      EXPECT_EQ(peers_.back()->created().result, atollSuccess) << peers_.back()->created();
      const Outcome connected = peers_.back()->connect();
      EXPECT_EQ(connected.result, atollSuccess) << connected;
      if (first) relay_.lead_to(peers_.back()->attribute(atollAttributeListeningPort));
    }
    expect_update(all());
    EXPECT_EQ(relay_.accepted(), 2u) << "the newcomers dial, through the relay";
  }

  Peers all() const {
    Peers peers;
    for (const auto& peer : peers_) peers.push_back(peer.get());
    return peers;
  }
  // The all-reduce commits with all three in one attempt, whatever `then` does in its middle.
  void expect_all_reduce_through(std::function<void()> then) {
    moment_.arm(std::move(then));
    std::vector<std::vector<float>> values;
    std::vector<float> expected(kElements);
    for (uint64_t i = 0; i < 3; ++i) {
      values.push_back(random_values(i + 1, kElements));
      for (size_t k = 0; k < kElements; ++k) expected[k] += values.back()[k];
    }
    std::vector<atollOpInfo_t> infos(3, ATOLL_OP_INFO_INITIALIZER);
    std::atomic<size_t> next{0};
    const auto outcomes = together(all(), [&](TestPeer& peer) {
      const size_t i = next++;
      return atollAllReduce(values[i].data(), values[i].data(), kElements, atollFloat32, atollSum,
                            peer.comm(), nullptr, &infos[i]);
    });
    expect_all(outcomes, atollSuccess);
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_TRUE(values[i] == expected);
      EXPECT_EQ(infos[i].contributors, 3u);
      EXPECT_EQ(infos[i].attempts, 1u);
      EXPECT_GE(infos[i].duration_us, 2'000'000u) << "the relay was not silent in its middle";
      EXPECT_LE(infos[i].duration_us, 30'000'000u);
    }
    for (TestPeer* peer : all()) {
      atollView_t view = ATOLL_VIEW_INITIALIZER;
      EXPECT_EQ(atollGetView(peer->comm(), &view), atollSuccess);
      EXPECT_EQ(view.world, 3u);
      EXPECT_EQ(view.epoch, peer->view().epoch) << "nobody was dropped";
    }
  }

  Relay relay_;
  const std::string relay_address_ = relay_.address();
  Moment moment_;
  CoordinatorThread coordinator_;
  std::vector<std::unique_ptr<TestPeer>> peers_;
};

TEST_F(BlackholeTest, ConnectionsThatWereForgottenAreMadeAgain) {
  expect_all_reduce_through([this] { relay_.silence_present(); });
  EXPECT_GE(relay_.accepted(), 4u);
  expect_all_reduce(all());
}

TEST_F(BlackholeTest, OneDirectionIsEnough) {
  expect_all_reduce_through([this] { relay_.silence_present_inwards(); });
  EXPECT_GE(relay_.accepted(), 3u);
  expect_all_reduce(all());
}

// Nobody can be dialled either, until both have given up what they had.
TEST_F(BlackholeTest, TheWholePathIsSilentForAWhile) {
  std::thread later;
  expect_all_reduce_through([&] {
    relay_.silence_all(true);
    later = std::thread([this] {
      EXPECT_TRUE(wait_until([this] {
        return peers_[1]->attribute(atollAttributeConnections) == 1 &&
               peers_[2]->attribute(atollAttributeConnections) == 1;
      }));
      relay_.silence_all(false);
    });
  });
  later.join();
  expect_all_reduce(all());
}

struct Watch {
  int option = 0;
  int level = 0;
  int value = 0;
};

// What differs from `wanted`, of each end of a TCP connection that this process has.
std::vector<std::string> unwatched_ends(const std::vector<Watch>& wanted) {
  std::vector<std::string> ends;
  for (int file = 0; file < 1024; ++file) {
    sockaddr_storage name{};
    socklen_t size = sizeof(name);
    if (::getpeername(file, reinterpret_cast<sockaddr*>(&name), &size) != 0) continue;
    if (name.ss_family != AF_INET && name.ss_family != AF_INET6) continue;
    std::string& differs = ends.emplace_back();
    for (const Watch& watch : wanted) {
      int value = -1;
      socklen_t bytes = sizeof(value);
      const int done = ::getsockopt(file, watch.level, watch.option, &value, &bytes);
      if (done == 0 && value == watch.value) continue;
      differs += "option " + std::to_string(watch.option) + " is " + std::to_string(value) + "; ";
    }
  }
  return ends;
}

// All TCP connections of this process, which are those of a coordinator and its peers, both ends.
// After their admission members dial some of the others once more, to learn where they answer;
// these connections are closed at once, and are not looked at.
TEST(SocketOptions, TheKernelWatchesEveryConnection) {
  const std::vector<Watch> wanted = {
      {TCP_USER_TIMEOUT, IPPROTO_TCP, 20'000}, {SO_KEEPALIVE, SOL_SOCKET, 1},
      {TCP_KEEPIDLE, IPPROTO_TCP, 8},          {TCP_KEEPINTVL, IPPROTO_TCP, 4},
      {TCP_KEEPCNT, IPPROTO_TCP, 3},           {TCP_NODELAY, IPPROTO_TCP, 1}};
  const TestRun run({"island-0", "island-1", "island-2"});
  std::vector<std::string> ends;
  EXPECT_TRUE(wait_until([&] {
    ends = unwatched_ends(wanted);
    return ends.size() == 12;
  })) << ends.size() << " ends; three to the coordinator, three among the peers: two ends each";
  for (const std::string& differs : ends) EXPECT_EQ(differs, "");
}

}  // namespace
}  // namespace atoll_test
