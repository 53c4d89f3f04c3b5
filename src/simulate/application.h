// What random trainers do: connect, update, calls of all kinds, several at a time, syncs of a state
// whose revision goes up; whoever is out of the run connects again. What every peer calls at a
// position of a generation follows from the seed (call_plan.h).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "simulate/call_plan.h"
#include "simulate/call_record.h"
#include "simulate/trainer.h"
#include "simulate/world.h"

namespace atoll_core::simulate {

struct ApplicationConfig {
  uint64_t seed = 1;
  uint32_t replicas = 3;  // at first
  uint32_t shards = 1;    // of each replica
  uint32_t replicas_max = 10;
};

struct Newcomer {
  bool last_first = false;  // it has the coordinators' addresses in the other order
  bool follows = true;      // it fetches the members' state before it is let in, most of the time
};

class Application {
 public:
  Application(World& world, CallObserver& observer, const ApplicationConfig& config);

  const std::vector<std::unique_ptr<Trainer>>& trainers() const { return trainers_; }
  Trainer* of(ProcessId process) const;
  bool alive(const Trainer& trainer) const;

  // ---- what befalls it
  // False: there are enough.
  bool join(const Newcomer& how = {});
  // One that is away comes back; false: nobody is.
  bool bring_back();
  void bring_all_back();
  // The process dies: at once, or in the middle of what it does next.
  void crash(ProcessId process, bool in_the_middle);
  // False: its caller stands still, or is not in the run.
  bool leave(ProcessId process);
  bool cancel_something(ProcessId process);

  uint32_t shards() const { return config_.shards; }
  uint64_t cancels() const { return cancels_; }
  // States that were being fetched by newcomers when they were written to.
  uint64_t cuts() const { return cuts_; }

 private:
  void start(Trainer& trainer);
  void remember_run(Trainer& trainer);
  void come_back_later(Trainer& trainer);
  void reconnect_later(Trainer& trainer);
  void connect(Trainer& trainer);
  void update(Trainer& trainer);
  // An update of one that is not yet a member, and fetches the members' state meanwhile.
  void follow(Trainer& trainer);
  void updated(Trainer& trainer, const Result<engine::CallInfo>& result);
  std::vector<wire::PeerInfo> members_by_slot(const wire::View& view) const;
  void next(Trainer& trainer);
  bool is_second(const Trainer& trainer) const;
  size_t callers_of(const Trainer& trainer, const PlannedCall& call) const;
  void begin_call(Trainer& trainer, PlannedCall call, uint64_t root);
  void begin_sync(Trainer& trainer);
  void begin_write(Trainer& trainer);
  void sync_ended(Trainer& trainer, CallRecord& record, const Result<engine::CallInfo>& result);
  void one_less(Trainer& trainer);
  // Without a group: a call that has no name, or not one of a group.
  CallRecord& open_record(Trainer& trainer, CallKind kind, std::optional<engine::CallGroup> group,
                          uint64_t tag);
  CallRecord& open_send(Trainer& trainer, const PlannedCall& call);
  // Makes the call; `ended` is told after the observer.
  void make(Trainer& trainer, CallRecord& record, const World::Start& start,
            std::function<void(CallRecord&, const Result<engine::CallInfo>&)> ended);

  World& world_;
  CallObserver& observer_;
  const ApplicationConfig config_;
  Random random_;
  std::vector<std::unique_ptr<Trainer>> trainers_;
  std::map<Generation, std::vector<wire::PeerInfo>> first_members_;
  uint64_t replicas_ = 0;
  uint64_t calls_ = 0;
  uint64_t cancels_ = 0;
  uint64_t cuts_ = 0;
};

}  // namespace atoll_core::simulate
