#include "simulate/fault_plan.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <string_view>
#include <utility>

namespace atoll_core::simulate {
namespace {
constexpr uint64_t kPatience = 20'000;
// A life of the coordinator goes on without those who do not come in this time.
constexpr Duration kGoesOnWithout = std::chrono::seconds(7);
// Most calls are of up to eight peers: a cut falls into the verdicts of one of the next calls.
constexpr uint64_t kLastVerdictsMost = 8;
// From its last word to its death. What it has said arrives within some of it.
constexpr Duration kDiesWithin = std::chrono::milliseconds(100);
// Until a newcomer is let in; and from when on the others, out of reach for so long, are dropped.
constexpr Duration kLetInWithin = std::chrono::seconds(10);
constexpr Duration kDropped = std::chrono::seconds(3);
}

FaultPlan::FaultPlan(World& world, Application& application, CheckContext& context,
                     const FaultConfig& config)
    : world_(world), application_(application), context_(context), config_(config),
      random_(config.seed ^ 0xFA17), apart_(config.seed ^ 0x5A4D5), alone_(config.seed ^ 0xA10E),
      longest_(std::chrono::milliseconds(random_.one_in(3) ? 6000 : 1500)) {
  for (uint64_t i = 0; i < config_.faults; ++i) add(choose());
  if (application_.shards() > 1) {
    const uint64_t most = config_.mix.weights[static_cast<size_t>(Fault::kCutVerdicts)];
    for (uint64_t left = apart_.between(0, most); left > 0; --left) add(Fault::kCutVerdicts);
  }
  if (world_.coordinators() == 1) {  // of several one would not go on without the majority
    const uint64_t most = config_.mix.weights[static_cast<size_t>(Fault::kNewcomerAlone)];
    for (uint64_t left = alone_.between(0, most); left > 0; --left) add(Fault::kNewcomerAlone);
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

void FaultPlan::add(Fault fault) {
  Random& random = random_of(fault);
  Waiting waiting;
  waiting.fault = fault;
  if (random.one_in(3)) waiting.time = world_.now() + random.between(Duration{0}, config_.within);
  else waiting.event = random.below(config_.within_events);
  const auto aim = static_cast<Phase>(random.below(kPhaseCount));
  if (!random.one_in(3) && can_meet(fault, aim)) waiting.aim = aim;
  waiting.patience = waiting.event + kPatience;
  waiting_.push_back(waiting);
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
  std::array<uint32_t, kFaultCount> weights = config_.mix.weights;
  for (size_t i = 0; i < kFaultCount; ++i) {
    if (is_apart(static_cast<Fault>(i))) weights[i] = 0;
  }
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
    // Anywhere in that phase.
    if (!victims.empty() && !random_of(waiting.fault).one_in(6)) return nullptr;
  }
  if (victims.empty()) return nullptr;
  return victims[random_of(waiting.fault).below(victims.size())];
}

void FaultPlan::after_event() {
  lose_answers();
  look_after_newcomer();
  for (size_t i = 0; i < waiting_.size(); ++i) {
    const Waiting waiting = waiting_[i];
    const Trainer* victim = find_victim(waiting);
    if (victim == nullptr) continue;
    waiting_.erase(waiting_.begin() + static_cast<long>(i));
    const bool has_phase =
        waiting.fault != Fault::kSecondFirst && waiting.fault != Fault::kNewcomerAlone;
    const Phase phase = has_phase ? phase_of(*victim) : Phase::kRejoin;
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
    case Fault::kNewcomerFirst: return newcomer_first();
    case Fault::kNewRun: return new_run();
    case Fault::kSecondFirst: return second_first();
    case Fault::kLoseAnswer: return restart_coordinator() && ++answers_ > 0;
    case Fault::kPartLives: return part_lives();
    case Fault::kCannotBeDialled:
      world_.refuse_dials(process);
      if (random_.one_in(2)) (void)world_.cut_connection(process);
      return true;
    case Fault::kMove: world_.move(process); return true;
    case Fault::kOverload: overload(); return true;
    case Fault::kCutVerdicts: return cut_verdicts(phase_of(victim));
    case Fault::kNewcomerAlone: return newcomer_alone();
  }
  return false;
}

// And some have to come again meanwhile.
void FaultPlan::overload() {
  world_.coordinator(some_coordinator()).overload(world_.now() + a_while());
  for (const Trainer* trainer : living()) {
    if (random_.one_in(3)) (void)world_.drop_control(trainer->process);
  }
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
  start_later(address, random_.one_in(3) ? Duration{0} : a_while());
  return true;
}

void FaultPlan::start_later(size_t address, Duration delay, Random& random) {
  const bool with_snapshot = random.one_in(2);
  world_.after(delay, [this, with_snapshot, address] {
    world_.start_coordinator(with_snapshot, address);
  });
}

// Some of those whom a verdict is about hear it, the others do not. Counted when it happens.
bool FaultPlan::cut_verdicts(Phase phase) {
  for (size_t address = 0; address < world_.coordinators(); ++address) {
    if (!world_.coordinator(address).drives()) continue;
    // A round tells whose calls the dead are in, and shows the view without them.
    const auto kind = apart_.one_in(2) ? LastWords::Kind::kViews : LastWords::Kind::kVerdicts;
    const LastWords::Limit limit{apart_.between(1, kLastVerdictsMost), kind};
    world_.coordinator(address).fall_silent_after(limit, [this, address, phase] {
      context_.statistics->met(Fault::kCutVerdicts, phase);
      let_die(address);
    });
    break;
  }
  return false;
}

// Now, or with one of the next verdicts.
bool FaultPlan::verdicts_are_cut() const {
  for (size_t address = 0; address < world_.coordinators(); ++address) {
    if (world_.coordinator(address).will_fall_silent()) return true;
  }
  return silent_ > 0;
}

void FaultPlan::let_die(size_t address) {
  const Duration rest = apart_.between(Duration{0}, kDiesWithin);
  const Duration pause = apart_.one_in(3) ? Duration{0} : apart_.between(Duration{0}, longest_);
  world_.tell("fault", "the coordinator has said its last");
  world_.freeze_coordinator(rest, address);
  ++silent_;
  world_.after(rest, [this, address, pause] {
    --silent_;
    if (!world_.coordinator(address).silent()) return;  // it is another life by now
    world_.stop_coordinator(address);
    start_later(address, pause, apart_);
  });
}

// All members stand still, or are cut off from the coordinator, until some time after its restart.
bool FaultPlan::newcomer_first() {
  const size_t address = some_coordinator();
  if (!world_.coordinator(address).running()) return false;
  world_.stop_coordinator(address);
  const Duration delay = random_.between(Duration{0}, std::chrono::milliseconds(800));
  const Duration longer = random_.between(Duration{0}, std::chrono::milliseconds(3400));
  const NodeId there = world_.coordinator(address).node();
  for (const Trainer* trainer : living()) {
    if (random_.one_in(3)) {
      world_.freeze(trainer->process, delay + longer);
    } else {
      world_.block(trainer->process, there, delay + longer);
      world_.block(there, trainer->process, delay + longer);
    }
  }
  start_later(address, delay);
  world_.after(delay, [this] {
    if (!application_.join()) (void)application_.bring_back();
  });
  return true;
}

// Two runs share the peers: too few may come to one that waits for several, and the shards of a
// replica may find themselves in different runs.
bool FaultPlan::may_have_two_runs() const {
  return world_.min_replicas() == 1 &&
         (world_.coordinators() == 1 || application_.shards() == 1);
}

bool FaultPlan::new_run() {
  if (!may_have_two_runs()) return false;
  world_.begin_again();
  context_.new_runs = true;
  return true;
}

// Now two coordinators believe to be the first: some peers have their addresses in another order.
bool FaultPlan::second_first() {
  if (world_.coordinators() < 2 || !may_have_two_runs()) return false;
  if (world_.coordinator(1).drives()) return false;
  world_.begin_again(1);
  context_.new_runs = true;
  (void)application_.join({.last_first = true});
  return true;
}

// Some of those who hear that a run goes on lose their connection before they do.
void FaultPlan::lose_answers() {
  rejoins_.resize(world_.coordinators());
  for (size_t address = 0; address < rejoins_.size(); ++address) {
    const uint64_t rejoins = world_.coordinator(address).totals().rejoins;
    const bool again = rejoins > std::exchange(rejoins_[address], rejoins);
    if (!again || answers_ == 0) continue;
    --answers_;
    for (const Trainer* trainer : living()) {
      if (random_.one_in(2)) (void)world_.drop_control(trainer->process);
    }
  }
}

// Two lives that have counted alike, each with members, views and results of its own.
bool FaultPlan::part_lives() {
  const size_t address = some_coordinator();
  if (parting_ > 0 || !world_.coordinator(address).running()) return false;
  std::vector<ProcessId> of_the_first;
  std::vector<ProcessId> of_the_next;
  for (const Trainer* trainer : living()) {
    if (!trainer->member) continue;
    (random_.one_in(2) ? of_the_first : of_the_next).push_back(trainer->process);
  }
  if (of_the_first.empty() || of_the_next.empty()) return false;
  const Duration time = kGoesOnWithout + random_.between(Duration{0}, std::chrono::seconds(3));
  world_.stop_coordinator(address);
  cut_off(of_the_next, address, time);
  world_.start_coordinator(false, address);
  ++parting_;
  world_.after(time, [this, address, of_the_first] { begin_next_life(address, of_the_first); });
  return true;
}

void FaultPlan::begin_next_life(size_t address, const std::vector<ProcessId>& of_the_last) {
  if (parting_ == 0) return;  // the faults are over
  --parting_;
  if (!world_.coordinator(address).running()) return;
  world_.stop_coordinator(address);
  const Duration late = random_.between(kGoesOnWithout / 2, 2 * kGoesOnWithout);
  cut_off(of_the_last, address, late);
  world_.start_coordinator(false, address);
}

void FaultPlan::cut_off(const std::vector<ProcessId>& processes, size_t address, Duration time) {
  const NodeId there = world_.coordinator(address).node();
  for (const ProcessId process : processes) {
    world_.block(process, there, time);
    world_.block(there, process, time);
  }
}

// All members that hold what the run has committed lose their membership, and are back when one who
// never had it has begun anew. Counted when it happens.
bool FaultPlan::newcomer_alone() {
  const bool busy = !coming_.replica.empty() || world_.now() < alone_until_;
  if (busy || !application_.join({.follows = false})) return false;
  coming_ = {application_.trainers().back()->identity.replica, world_.now() + kLetInWithin};
  return false;
}

void FaultPlan::look_after_newcomer() {
  if (coming_.replica.empty()) return;
  bool let_in = true;
  bool in_time = world_.now() < coming_.until;
  std::vector<ProcessId> others;
  for (const auto& trainer : application_.trainers()) {
    const bool here = application_.alive(*trainer) && !trainer->away;
    if (trainer->identity.replica != coming_.replica) {
      if (here) others.push_back(trainer->process);
      continue;
    }
    let_in = let_in && trainer->member;
    in_time = in_time && here && !trainer->synced;
  }
  if (in_time && !let_in) return;
  if (in_time) {
    world_.tell("fault", "all but " + coming_.replica + " are cut off");
    const Duration time = kDropped + alone_.between(Duration{0}, kDropped / 4);
    cut_off(others, 0, time);
    alone_until_ = world_.now() + time;
    context_.statistics->met(Fault::kNewcomerAlone, Phase::kRejoin);
  }
  coming_ = {};
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
  answers_ = 0;
  parting_ = 0;
  coming_ = {};
  alone_until_ = {};
  for (size_t address = 0; address < world_.coordinators(); ++address) {
    world_.coordinator(address).speak_on();
  }
  world_.heal();
  application_.bring_all_back();
}

}  // namespace atoll_core::simulate
