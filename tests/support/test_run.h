// A run inside the test process: a coordinator, peers that are known by name, and calls that all
// of them make at the same time, each on a thread of its own. Nothing here waits for ever: a call
// that does not end ends the test program, and says which one it was.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <ostream>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "atoll/atoll.h"
#include "support/coordinator_thread.h"

namespace atoll_test {

using namespace std::chrono_literals;

constexpr auto kHang = 90s;  // no call of these tests may take so long

struct Outcome {
  atollResult_t result = atollSuccess;
  std::string sentence;  // of the failure

  bool names(const std::string& word) const { return sentence.find(word) != std::string::npos; }
};

inline std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  return out << outcome.result << " '" << outcome.sentence << "'";
}

// On the thread that made the call.
inline Outcome outcome_of(atollResult_t result) {
  return {result, result == atollSuccess ? "" : atollGetLastError()};
}

template <class Condition>
bool wait_until(Condition condition, std::chrono::milliseconds limit = kHang) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

// A call on a thread of its own.
class Calling {
 public:
  Calling(std::string what, std::function<atollResult_t()> call)
      : what_(std::move(what)),
        outcome_(std::async(std::launch::async,
                            [call = std::move(call)] { return outcome_of(call()); })) {}
  Calling(Calling&&) = default;

  bool over() const { return outcome_.wait_for(0s) == std::future_status::ready; }
  Outcome end() {
    if (outcome_.wait_for(kHang) != std::future_status::ready) {
      std::fprintf(stderr, "a call of %s hangs\n", what_.c_str());
      std::_Exit(3);
    }
    return outcome_.get();
  }

 private:
  std::string what_;
  std::future<Outcome> outcome_;
};

class TestPeer {
 public:
  using Change = std::function<void(atollCommConfig_t&)>;

  TestPeer(const std::string& coordinator, std::string name, const Change& change = {})
      : name_(std::move(name)) {
    atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
    config.coordinator = coordinator.c_str();
    config.name = name_.c_str();
    config.arrival_timeout_ms = 30000;
    if (change) change(config);
    created_ = outcome_of(atollCommCreate(&comm_, &config));
  }
  ~TestPeer() { EXPECT_EQ(atollCommDestroy(comm_), atollSuccess); }
  TestPeer(const TestPeer&) = delete;
  TestPeer& operator=(const TestPeer&) = delete;

  const std::string& name() const { return name_; }
  atollComm_t comm() const { return comm_; }
  const Outcome& created() const { return created_; }

  Outcome connect() { return outcome_of(atollCommConnect(comm_)); }
  Outcome update() { return outcome_of(atollUpdate(comm_, &view_)); }
  const atollView_t& view() const { return view_; }  // of the last update
  uint64_t attribute(atollAttribute_t which) const {
    uint64_t value = 0;
    EXPECT_EQ(atollGetAttribute(comm_, which, &value), atollSuccess) << atollGetLastError();
    return value;
  }
  Calling calls(std::function<atollResult_t()> call) { return {name_, std::move(call)}; }

 private:
  std::string name_;
  atollComm_t comm_ = nullptr;
  Outcome created_;
  atollView_t view_ = ATOLL_VIEW_INITIALIZER;
};

using Peers = std::vector<TestPeer*>;

// All make the call at the same time; the outcomes are in their order.
template <class Call>
std::vector<Outcome> together(const Peers& peers, Call call) {
  std::vector<Calling> calling;
  for (TestPeer* peer : peers) {
    calling.push_back(peer->calls([peer, &call] { return call(*peer); }));
  }
  std::vector<Outcome> outcomes;
  for (Calling& one : calling) outcomes.push_back(one.end());
  return outcomes;
}

inline void expect_all(const std::vector<Outcome>& outcomes, atollResult_t result,
                       const std::vector<std::string>& words = {}) {
  for (const Outcome& outcome : outcomes) {
    EXPECT_EQ(outcome.result, result) << outcome;
    for (const std::string& word : words) {
      EXPECT_TRUE(outcome.names(word)) << "'" << word << "' is not in " << outcome;
    }
  }
}

inline void expect_update(const Peers& peers) {
  const auto outcomes = together(peers, [](TestPeer& peer) { return peer.update().result; });
  expect_all(outcomes, atollSuccess);
}

// Small integers, none of them zero, so that sums are exact in any order.
inline std::vector<float> random_values(uint64_t seed, size_t count) {
  std::mt19937_64 random(seed);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(1 + random() % 4096);
  return values;
}

// The run works: an all-reduce, checked by value on every peer.
inline void expect_all_reduce(const Peers& peers, size_t count = 5000, uint64_t tag = 0,
                              atollAlgorithm_t algorithm = atollAlgorithmAuto) {
  std::vector<float> expected(count);
  std::vector<std::vector<float>> inputs;
  for (const TestPeer* peer : peers) {
    inputs.push_back(random_values(std::hash<std::string>()(peer->name()) + count, count));
    for (size_t i = 0; i < count; ++i) expected[i] += inputs.back()[i];
  }
  std::vector<std::vector<float>> results(peers.size(), std::vector<float>(count));
  std::vector<uint32_t> contributors(peers.size());
  const auto place = [&](const TestPeer& peer) {
    return static_cast<size_t>(std::find(peers.begin(), peers.end(), &peer) - peers.begin());
  };
  const auto outcomes = together(peers, [&](TestPeer& peer) {
    atollOpInfo_t info = ATOLL_OP_INFO_INITIALIZER;
    atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
    options.tag = tag;
    options.algorithm = algorithm;
    const size_t i = place(peer);
    const atollResult_t result =
        atollAllReduce(inputs[i].data(), results[i].data(), count, atollFloat32, atollSum,
                       peer.comm(), &options, &info);
    contributors[i] = info.contributors;
    return result;
  });
  expect_all(outcomes, atollSuccess);
  for (size_t i = 0; i < peers.size(); ++i) {
    EXPECT_EQ(contributors[i], peers.size()) << peers[i]->name();
    EXPECT_TRUE(results[i] == expected) << "a wrong sum on " << peers[i]->name();
  }
}

// A coordinator and its members. The peers leave before the coordinator goes.
class TestRun {
 public:
  explicit TestRun(const std::vector<std::string>& names, const TestPeer::Change& change = {})
      : TestRun(coordinator_config(static_cast<uint32_t>(names.size())), names, change) {}
  TestRun(const atollCoordinatorConfig_t& config, const std::vector<std::string>& names,
          const TestPeer::Change& change = {})
      : coordinator_(config) {
    for (const std::string& name : names) add(name, change);
    for (TestPeer* peer : all()) {
      const Outcome connected = peer->connect();
      EXPECT_EQ(connected.result, atollSuccess) << connected;
    }
    expect_update(all());
    for (TestPeer* peer : all()) EXPECT_EQ(peer->view().world, names.size()) << peer->name();
  }

  const std::string& address() const { return coordinator_.address(); }
  // Created, not connected.
  TestPeer& add(const std::string& name, const TestPeer::Change& change = {}) {
    peers_.push_back(std::make_unique<TestPeer>(address(), name, change));
    EXPECT_EQ(peers_.back()->created().result, atollSuccess) << peers_.back()->created();
    return *peers_.back();
  }
  // Connects `newcomer`, and the members update until it is one of them.
  static void admit(TestPeer& newcomer, const Peers& members) {
    const Outcome connected = newcomer.connect();
    ASSERT_EQ(connected.result, atollSuccess) << connected;
    Calling joining = newcomer.calls([&newcomer] { return newcomer.update().result; });
    const auto until = std::chrono::steady_clock::now() + kHang;
    do {
      ASSERT_LT(std::chrono::steady_clock::now(), until) << newcomer.name() << " is not admitted";
      expect_update(members);
    } while (members.front()->view().joined == 0 && !testing::Test::HasFailure());
    const Outcome joined = joining.end();
    EXPECT_EQ(joined.result, atollSuccess) << joined;
  }
  TestPeer& operator[](size_t place) { return *peers_[place]; }
  Peers all() const {
    Peers peers;
    for (const auto& peer : peers_) peers.push_back(peer.get());
    return peers;
  }

 private:
  CoordinatorThread coordinator_;
  std::vector<std::unique_ptr<TestPeer>> peers_;
};

}  // namespace atoll_test
