// Peers that call collectives, updates and state syncs in the same order, under random delays,
// broken connections, deaths, newcomers and cancels; everything follows from the seed.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "scenario/promise_checker.h"
#include "support/scenario_world.h"

namespace atoll_core::scenario {

class RandomRun {
 public:
  explicit RandomRun(uint64_t seed);

  void chaos(int events);
  // No more faults: everything arrives, for `duration`.
  void calm(Duration duration);
  // Empty: all that live are members and have got on since chaos ended.
  std::vector<std::string> stuck() const;

  const PromiseChecker& checker() const { return checker_; }
  const std::deque<std::string>& last_lines() const { return lines_; }

 private:
  // Where the application on a peer stands.
  struct Application {
    PeerId self;
    Generation generation;
    size_t calls = 0;  // made in this generation
    std::map<uint64_t, uint64_t> next_sequence;  // by tag
    bool updating = false;
    std::set<OpId> syncs;                    // asked for and not ended
    std::map<OpId, wire::SyncPlan> plans;    // heard and not answered
    size_t updates = 0;
    size_t updates_in_chaos = 0;
    std::set<PeerId> links;
  };

  uint64_t draw(uint64_t below) {
    return std::uniform_int_distribution<uint64_t>(0, below - 1)(random_);
  }
  bool chance(int percent) { return draw(100) < static_cast<uint64_t>(percent); }

  void watch(const std::string& name, const membership::PeerOutput& output);
  void start_slot(size_t slot);
  void note(std::string line);

  void step_of_network();
  void step_of_applications();
  void fault();
  void answer_dials(bool all_succeed);
  void call_next(const std::string& name, Application& application);
  void get_on(const std::string& name, Application& application);
  void ask_for_sync(const std::string& name, const OpId& op);
  void break_connection(const std::string& name);
  void bury_failed();
  void refill();
  bool deliver_one(bool any_order);

  std::mt19937_64 random_;
  size_t slots_;
  uint32_t shards_;
  uint64_t lives_ = 0;
  bool calm_ = false;
  ScenarioWorld world_;
  std::map<std::string, Application> applications_;
  PromiseChecker checker_;
  std::deque<std::string> lines_;
};

}  // namespace atoll_core::scenario
