// Which faults befall a run, and when: each at some event, at some time, or when its victim is in a
// phase that it aims at. It follows from the seed. After a while there are no more faults.
//
// Faults that only some runs have, those of several shards say, come each from a random stream of
// their own: up to the first of them, and in all other runs, a seed is the run that it is without.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "simulate/application.h"
#include "simulate/checker.h"
#include "simulate/fault.h"
#include "simulate/world.h"

namespace atoll_core::simulate {

struct FaultConfig {
  uint64_t seed = 1;
  uint64_t faults = 8;
  uint64_t within_events = 3000;      // those that wait for an event
  Duration within = std::chrono::seconds(4);  // those that wait for a time
  FaultMix mix;
};

class FaultPlan {
 public:
  FaultPlan(World& world, Application& application, CheckContext& context,
            const FaultConfig& config);

  // Something has happened; now a fault may.
  void after_event();
  // None is left. What they block is not open yet.
  bool over() const {
    return waiting_.empty() && moments_ == 0 && parting_ == 0 && coming_.replica.empty() &&
           alone_until_ <= world_.now() && !verdicts_are_cut();
  }
  // No more, and nothing of what they block stays blocked; all who are away come back.
  void end();

 private:
  struct Waiting {
    Fault fault = Fault::kCrash;
    uint64_t event = 0;
    TimePoint time{};
    std::optional<Phase> aim;  // not before a victim is in it
    uint64_t patience = 0;     // events for which it waits for that
  };

  void count(std::string_view point);
  void add(Fault fault);
  Fault choose();
  Phase phase_of(const Trainer& trainer) const;
  std::vector<const Trainer*> living() const;
  const Trainer* find_victim(const Waiting& waiting);
  bool strike(Fault fault, const Trainer& victim);
  bool crash(const Trainer& victim, Fault fault);
  void partition(bool from_coordinator);
  void overload();
  bool restart_coordinator();
  bool newcomer_first();
  bool may_have_two_runs() const;
  bool new_run();
  bool second_first();
  void lose_answers();
  bool part_lives();
  void begin_next_life(size_t address, const std::vector<ProcessId>& of_the_last);
  void cut_off(const std::vector<ProcessId>& processes, size_t address, Duration time);
  void start_later(size_t address, Duration delay) { start_later(address, delay, random_); }
  void start_later(size_t address, Duration delay, Random& random);
  bool cut_verdicts(Phase phase);
  bool verdicts_are_cut() const;
  void let_die(size_t address);
  bool newcomer_alone();
  void look_after_newcomer();
  Random& random_of(Fault fault) {
    if (fault == Fault::kNewcomerAlone) return alone_;
    return fault == Fault::kCutVerdicts ? apart_ : random_;
  }
  size_t some_coordinator() { return random_.below(world_.coordinators()); }
  void come_back(const Trainer& victim);
  Duration a_while() { return random_.between(std::chrono::milliseconds(20), longest_); }

  World& world_;
  Application& application_;
  CheckContext& context_;
  const FaultConfig config_;
  Random random_;
  Random apart_;  // of what only runs of several shards have
  Random alone_;  // of what only runs of one coordinator have
  const Duration longest_;
  std::vector<Waiting> waiting_;
  uint64_t moments_ = 0;  // somebody dies when so many more were traced; 0: nobody
  uint64_t answers_ = 0;  // of so many coordinators that go on with a run, some are to be lost
  uint64_t parting_ = 0;  // lives of which the next has not begun
  struct {
    std::string replica;  // empty: none
    TimePoint until{};    // it is given up
  } coming_;                 // a newcomer that is to be alone
  TimePoint alone_until_{};  // the others are cut off
  uint64_t silent_ = 0;   // coordinators that have said their last and are not dead yet
  std::vector<uint64_t> rejoins_;  // of each coordinator, seen so far
};

}  // namespace atoll_core::simulate
