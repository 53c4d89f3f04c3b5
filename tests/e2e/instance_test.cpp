// A coordinator that was restarted for a new run under living members, and what its operator can do
// about it: they are refused for good, keep what they hold, and can go on with it.
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/test_run.h"

namespace atoll_test {
namespace {

// A shared state of one tensor, whose values are its revision.
class CountedState {
 public:
  explicit CountedState(uint64_t revision) : values_(1000) {
    EXPECT_EQ(atollStateCreate(&state_), atollSuccess);
    EXPECT_EQ(atollStateAddTensor(state_, "w", values_.data(), atollFloat32, values_.size()),
              atollSuccess);
    publish(revision);
  }
  ~CountedState() { EXPECT_EQ(atollStateDestroy(state_), atollSuccess); }
  CountedState(const CountedState&) = delete;
  CountedState& operator=(const CountedState&) = delete;

  void publish(uint64_t revision) {
    EXPECT_EQ(atollStateBeginWrite(state_), atollSuccess);
    values_.assign(values_.size(), static_cast<float>(revision));
    EXPECT_EQ(atollStatePublish(state_, revision), atollSuccess) << atollGetLastError();
  }
  atollResult_t sync(const TestPeer& peer) {
    return atollSyncState(peer.comm(), state_, nullptr, nullptr);
  }
  uint64_t revision() const {
    uint64_t revision = 0;
    EXPECT_EQ(atollStateGetRevision(state_, &revision), atollSuccess);
    EXPECT_EQ(values_.front(), static_cast<float>(revision));
    EXPECT_EQ(values_.back(), static_cast<float>(revision));
    return revision;
  }

 private:
  std::vector<float> values_;
  atollState_t state_ = nullptr;
};

class InstanceTest : public testing::Test {
 protected:
  InstanceTest() {
    start([](auto& config) { config.min_replicas = 2; });
    for (const char* name : {"alice", "bob"}) {
      peers_.push_back(std::make_unique<TestPeer>(address_, name));
      states_.push_back(std::make_unique<CountedState>(1000));
      expect_all({peers_.back()->connect()}, atollSuccess);
    }
    expect_update(all());
    expect_all(sync(), atollSuccess);
  }

  // In place of the one that there is, at its address.
  template <class Change>
  void start(Change change) {
    coordinator_.reset();
    atollCoordinatorConfig_t config = coordinator_config(1);
    if (!address_.empty()) config.listen = address_.c_str();
    change(config);
    coordinator_.emplace(config);
    address_ = coordinator_->address();
  }

  Peers all() const {
    Peers peers;
    for (const auto& peer : peers_) peers.push_back(peer.get());
    return peers;
  }

  std::vector<Outcome> sync() {
    return together(all(), [this](TestPeer& peer) {
      const size_t place = &peer == peers_[0].get() ? 0 : 1;
      return states_[place]->sync(peer);
    });
  }

  std::vector<Outcome> update() {
    return together(all(), [](TestPeer& peer) { return peer.update().result; });
  }

  // The instance that a refusal says a peer was in.
  static std::string instance_in(const Outcome& refusal) {
    std::smatch found;
    const std::string text = refusal.sentence;
    EXPECT_TRUE(std::regex_search(text, found, std::regex("was in instance ([0-9a-f]{32})")))
        << text;
    return found.empty() ? "" : found[1].str();
  }

  std::optional<CoordinatorThread> coordinator_;
  std::string address_;
  std::vector<std::unique_ptr<TestPeer>> peers_;
  std::vector<std::unique_ptr<CountedState>> states_;
};

TEST_F(InstanceTest, AnOperatorLetsTheOlderRunGoOn) {
  start([](auto& config) { config.new_run = 1; });
  const auto refused = update();
  expect_all(refused, atollOtherInstance, {"for a new run", "--instance"});
  const std::string instance = instance_in(refused.front());
  for (TestPeer* peer : all()) {
    expect_all({peer->connect()}, atollOtherInstance,
               {instance, "1 state sync, the last of revision 1000"});
  }
  start([&](auto& config) { config.instance = instance.c_str(); });
  for (TestPeer* peer : all()) expect_all({peer->connect()}, atollSuccess);
  do {
    expect_update(all());  // the first one may be let in alone
  } while (peers_[0]->view().world != 2 && !HasFailure());
  states_[0]->publish(1001);
  expect_all(sync(), atollSuccess);
  EXPECT_EQ(states_[0]->revision(), 1001u);
  EXPECT_EQ(states_[1]->revision(), 1001u);
}

TEST_F(InstanceTest, OrTheyJoinTheNewOneWithANewCommunicator) {
  start([](auto& config) { config.new_run = 1; });
  expect_all(update(), atollOtherInstance);
  peers_.pop_back();
  states_.pop_back();
  peers_[0] = std::make_unique<TestPeer>(address_, "alice");
  expect_all({peers_[0]->connect()}, atollSuccess);
  expect_update(all());
  expect_all(sync(), atollSuccess);
  EXPECT_EQ(states_[0]->revision(), 1000u);
}

TEST_F(InstanceTest, WhoLeavesOfItsOwnWillMayJoinAnyRun) {
  for (TestPeer* peer : all()) EXPECT_EQ(atollCommLeave(peer->comm()), atollSuccess);
  start([](auto& config) {
    config.new_run = 1;
    config.min_replicas = 2;
  });
  for (TestPeer* peer : all()) expect_all({peer->connect()}, atollSuccess);
  expect_all(update(), atollSuccess);
}

TEST_F(InstanceTest, ABadNameOfAnInstanceIsRefused) {
  for (const char* text : {"", "abc", "00000000000000000000000000000000",
                           "0123456789abcdef0123456789abcdeg"}) {
    atollCoordinatorConfig_t config = coordinator_config(1);
    config.instance = text;
    atollCoordinator_t coordinator = nullptr;
    EXPECT_EQ(atollCoordinatorCreate(&coordinator, &config), atollInvalidArgument) << text;
    EXPECT_NE(std::string(atollGetLastError()).find("32 hexadecimal digits"), std::string::npos);
  }
  atollCoordinatorConfig_t config = coordinator_config(1);
  config.instance = "0123456789abcdef0123456789abcdef";
  config.new_run = 1;
  atollCoordinator_t coordinator = nullptr;
  EXPECT_EQ(atollCoordinatorCreate(&coordinator, &config), atollInvalidArgument);
}

}  // namespace
}  // namespace atoll_test
