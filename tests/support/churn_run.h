// A run of many peers that train for a while, as a program would: update, some calls, update…
// while processes die, come and come back, and connections are cut. What every peer calls at a
// position of a generation follows from the seed; every outcome is checked by value and against
// what the others were told.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "state/state_table.h"
#include "simulate/planned_call.h"
#include "simulate/world.h"

namespace atoll_core::simulate {

struct ChurnConfig {
  uint64_t seed = 1;
  uint32_t replicas_max = 5;       // at first
  uint32_t shards_max = 2;         // of each replica
  uint32_t faults_max = 12;
  uint64_t positions = 10;         // of the generation in which a peer stops
  uint64_t count_max = 20'000;     // elements of a tensor
  Duration faults_within = std::chrono::milliseconds(1500);
  Duration limit = std::chrono::minutes(5);
};

class ChurnRun {
 public:
  explicit ChurnRun(const ChurnConfig& config);
  ~ChurnRun();

  // What was wrong, each with a sentence; empty when all is well.
  std::vector<std::string> run();

  struct Counters {
    uint64_t calls = 0;
    uint64_t committed = 0;
    uint64_t failed = 0;
    uint64_t retried = 0;
    uint64_t syncs = 0;
    uint64_t deaths = 0;
    uint64_t cancels = 0;
    uint64_t admissions = 0;
  };
  const Counters& counters() const { return counters_; }
  const World& world() const { return *world_; }

 private:
  struct Trainer;
  // Names one call for all who make it.
  struct CallName {
    Generation generation;
    uint64_t position = 0;
    uint64_t index = 0;  // among those in flight together
    std::string scope;   // whose result it is; empty: what all groups have in common
    auto operator<=>(const CallName&) const = default;
  };
  // What the first to hear of a call's end was told.
  struct Outcome {
    std::string text;
    ByteBuffer result;
  };

  void join();
  void spawn(const Identity& identity);
  void update(ProcessId process);
  void updated(ProcessId process, const Result<engine::CallInfo>& result);
  void next(ProcessId process);
  void start_calls(ProcessId process);
  void start_sync(ProcessId process);
  void call_ended(ProcessId process, const CallName& name, const CallMemory& memory,
                  const Result<engine::CallInfo>& result);
  void check_committed(ProcessId process, const CallName& name, const CallMemory& memory,
                       const engine::CollectiveInfo& info);
  bool may_fail(ProcessId process, const CallMemory* memory, const Error& error);
  std::string scope_of(ProcessId process, engine::CallGroup group);
  void sync_ended(ProcessId process, const CallName& name, const Result<engine::CallInfo>& result);
  void one_less(ProcessId process);
  void compare(CallName name, const std::string& scope, ProcessId process, Outcome outcome);
  void plan_faults();
  void fault();
  void kill_somebody(ProcessId victim);
  void cancel_something(ProcessId victim);
  bool finished() const;
  void complain(ProcessId process, const std::string& what);

  const ChurnConfig config_;
  Random random_;
  std::unique_ptr<World> world_;
  std::map<ProcessId, std::unique_ptr<Trainer>> trainers_;
  std::map<CallName, Outcome> outcomes_;
  uint32_t shards_ = 1;
  uint64_t names_ = 0;             // of replicas
  uint64_t moments_to_kill_ = 0;   // a process dies when so many more were traced; 0: none
  Counters counters_;
  std::vector<std::string> complaints_;
};

}  // namespace atoll_core::simulate
