#include "simulate/fault_plan.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <string_view>
#include <utility>

namespace atoll_core::simulate {
namespace {
constexpr uint64_t kPatience = 20'000;
}

FaultPlan::FaultPlan(World& world, Application& application, CheckContext& context,
                     const FaultConfig& config)
    : world_(world), application_(application), context_(context), config_(config),
      random_(config.seed ^ 0xFA17),
      longest_(std::chrono::milliseconds(random_.one_in(3) ? 6000 : 1500)) {
  for (uint64_t i = 0; i < config_.faults; ++i) {
    Waiting waiting;
    waiting.fault = choose();
    if (random_.one_in(3)) waiting.time = world.now() + random_.between(Duration{0}, config.within);
    else waiting.event = random_.below(config_.within_events);
    const auto aim = static_cast<Phase>(random_.below(kPhaseCount));
    if (!random_.one_in(3) && can_meet(waiting.fault, aim)) waiting.aim = aim;
    waiting.patience = waiting.event + kPatience;
    waiting_.push_back(waiting);
  }
  world_.on_trace([this](ProcessId process, const char* point) {
    count(point);
    if (moments_ == 0 || --moments_ > 0) return;
    const Trainer* victim = application_.of(process);
    if (victim == nullptr) return;
    const Phase phase = phase_of(*victim);
    if (crash(*victim, Fault::kCrashInTheMiddle)) {
      context_.statistics->met(Fault::kCrashInTheMiddle, phase);
    }
  });
}

void FaultPlan::count(std::string_view point) {
  constexpr std::pair<std::string_view, Count> kCounted[] = {
      {"result.fetch", Count::kResultFetches}, {"ring.begin", Count::kRings},
      {"star.begin", Count::kStars},           {"mesh.begin", Count::kMeshes},
      {"direct.begin", Count::kDirects},       {"exchange.begin", Count::kExchanges},
      {"parts.begin", Count::kParts},
  };
  for (const auto& [name, what] : kCounted) {
    if (point == name) context_.statistics->add(what);
  }
}

Fault FaultPlan::choose() {
  const auto& weights = config_.mix.weights;
  uint64_t left = random_.below(std::accumulate(weights.begin(), weights.end(), uint64_t{0}));
  for (size_t i = 0; i < kFaultCount; ++i) {
    if (left < weights[i]) return static_cast<Fault>(i);
    left -= weights[i];
  }
  return Fault::kCrash;
}

Phase FaultPlan::phase_of(const Trainer& trainer) const {
  for (size_t address = 0; address < world_.coordinators(); ++address) {
    if (world_.coordinator(address).settling()) return Phase::kSettle;
  }
  if (!trainer.member) return Phase::kRejoin;
  Phase phase = Phase::kIdle;
  for (const auto& [number, record] : trainer.calls) {
    Phase what = Phase::kUpdate;
    if (record.kind == CallKind::kSync) what = Phase::kSync;
    if (record.kind == CallKind::kCollective) {
      what = record.large ? Phase::kLargeOp : Phase::kSmallOp;
    }
    phase = std::max(phase, what);
  }
  return phase;
}

std::vector<const Trainer*> FaultPlan::living() const {
  std::vector<const Trainer*> living;
  for (const auto& trainer : application_.trainers()) {
    if (application_.alive(*trainer) && !trainer->away) living.push_back(trainer.get());
  }
  return living;
}

const Trainer* FaultPlan::find_victim(const Waiting& waiting) {
  if (world_.steps() < waiting.event || world_.now() < waiting.time) return nullptr;
  std::vector<const Trainer*> victims = living();
  if (waiting.aim && world_.steps() < waiting.patience) {
    std::erase_if(victims, [&](const auto* victim) { return phase_of(*victim) != *waiting.aim; });
    if (!victims.empty() && !random_.one_in(6)) return nullptr;  // anywhere in that phase
  }
  return victims.empty() ? nullptr : victims[random_.below(victims.size())];
}

void FaultPlan::after_event() {
  for (size_t i = 0; i < waiting_.size(); ++i) {
    const Waiting waiting = waiting_[i];
    const Trainer* victim = find_victim(waiting);
    if (victim == nullptr) continue;
    waiting_.erase(waiting_.begin() + static_cast<long>(i));
    const Phase phase = phase_of(*victim);
    world_.tell("fault", std::string(to_string(waiting.fault)) + ", victim " +
                             victim->identity.name + ", in " + std::string(to_string(phase)));
    ++context_.faults;  // before its consequences are looked at
    if (strike(waiting.fault, *victim)) context_.statistics->met(waiting.fault, phase);
    return;
  }
}

bool FaultPlan::strike(Fault fault, const Trainer& victim) {
  const ProcessId process = victim.process;
  switch (fault) {
    case Fault::kCutConnection: return world_.cut_connection(process);
    case Fault::kHalfOpenConnection: return world_.half_open_connection(process);
    case Fault::kDropControl: return world_.drop_control(process);
    case Fault::kHalfOpenControl: return world_.half_open_control(process);
    case Fault::kBlackhole: {
      const std::vector<const Trainer*> all = living();
      const ProcessId other = all[random_.below(all.size())]->process;
      const bool outwards = random_.one_in(2);
      world_.block(outwards ? process : other, outwards ? other : process, a_while());
      return other != process;
    }
    case Fault::kPartition: partition(false); return true;
    case Fault::kCutOff: partition(true); return true;
    case Fault::kCorruptByte: world_.corrupt_next_byte(process); return true;
    case Fault::kCrash: return crash(victim, fault);
    case Fault::kCrashInTheMiddle:
      if (random_.one_in(2)) return crash(victim, fault);
      moments_ = random_.between(1, 20);
      return false;  // counted when it happens
    case Fault::kFreeze: world_.freeze(process, a_while()); return true;
    case Fault::kFreezeCoordinator:
      world_.freeze_coordinator(a_while(), some_coordinator());
      return true;
    case Fault::kLeave: return application_.leave(process);
    case Fault::kJoin: return application_.join();
    case Fault::kComeBack: come_back(victim); return true;
    case Fault::kCancel: return application_.cancel_something(process);
    case Fault::kCoordinatorRestart: return restart_coordinator();
  }
  return false;
}

// Now and then the last replica that is in the run dies, and all begins again.
bool FaultPlan::crash(const Trainer& victim, Fault fault) {
  std::set<std::string> remaining;
  for (const Trainer* trainer : living()) {
    const bool other = trainer->identity.replica != victim.identity.replica;
    if (other && trainer->member) remaining.insert(trainer->identity.replica);
  }
  if (remaining.empty() && !random_.one_in(10)) return false;
  application_.crash(victim.process, fault == Fault::kCrashInTheMiddle);
  return true;
}

bool FaultPlan::restart_coordinator() {
  const size_t address = some_coordinator();
  if (!world_.coordinator(address).running()) return false;
  world_.stop_coordinator(address);
  const bool with_snapshot = random_.one_in(2);
  world_.after(random_.one_in(3) ? Duration{0} : a_while(), [this, with_snapshot, address] {
    world_.start_coordinator(with_snapshot, address);
  });
  return true;
}

void FaultPlan::come_back(const Trainer& victim) {
  if (application_.bring_back()) return;
  // Nobody is away: this one is, for a moment.
  application_.crash(victim.process, false);
  (void)application_.bring_back();
}

// Some on one side, the others or the coordinator on the other; both ways or one.
void FaultPlan::partition(bool from_coordinator) {
  const std::vector<const Trainer*> all = living();
  const Duration time = a_while();
  const uint64_t ways = random_.below(4);  // both ways twice as often
  std::vector<NodeId> here;
  std::vector<NodeId> there;
  for (const Trainer* trainer : all) {
    if (random_.one_in(2)) here.push_back(trainer->process);
    else if (!from_coordinator) there.push_back(trainer->process);
  }
  if (from_coordinator) there.push_back(world_.coordinator(some_coordinator()).node());
  for (const NodeId one : here) {
    for (const NodeId other : there) {
      if (ways != 0) world_.block(one, other, time);
      if (ways != 1) world_.block(other, one, time);
    }
  }
}

void FaultPlan::end() {
  waiting_.clear();
  moments_ = 0;
  world_.heal();
  application_.bring_all_back();
}

}  // namespace atoll_core::simulate
