#include "simulate/application.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "kernels/hash.h"
#include "state/digest.h"

namespace atoll_core::simulate {

using std::chrono::milliseconds;

Application::Application(World& world, CallObserver& observer, const ApplicationConfig& config)
    : world_(world), observer_(observer), config_(config), random_(config.seed ^ 0xA771) {
  for (uint32_t i = 0; i < config_.replicas; ++i) (void)join();
}

Trainer* Application::of(ProcessId process) const {
  const auto found = std::find_if(trainers_.begin(), trainers_.end(), [&](const auto& trainer) {
    return trainer->process == process;
  });
  return found == trainers_.end() ? nullptr : found->get();
}

bool Application::alive(const Trainer& trainer) const { return world_.alive(trainer.process); }

// ---- lives -------------------------------------------------------------------------------------

bool Application::join(const Newcomer& how) {
  if (replicas_ == config_.replicas_max) return false;
  const std::string replica = fmt::format("island-{}", replicas_++);
  for (uint32_t shard = 0; shard < config_.shards; ++shard) {
    auto trainer = std::make_unique<Trainer>();
    const std::string name = config_.shards == 1 ? replica : fmt::format("{}.{}", replica, shard);
    trainer->identity = {name, replica, shard, config_.shards, how.last_first};
    trainer->follows = how.follows;
    trainers_.push_back(std::move(trainer));
    start(*trainers_.back());
  }
  return true;
}

void Application::start(Trainer& trainer) {
  // A process that crashed comes back with what it had saved, or empty.
  const bool crashed = !world_.alive(trainer.process);
  const bool lost = trainer.state == nullptr ||
                    (crashed && (random_.one_in(2) || !trainer.state->content().held));
  if (lost) trainer.state = std::make_unique<TrainerState>(random_.between(1, 3));
  if (crashed) {
    trainer.memory = {};
    trainer.state->forget_run();
  } else {
    remember_run(trainer);
    world_.kill(trainer.process);
  }
  ++trainer.lives;
  trainer.away = false;
  trainer.member = false;
  trainer.synced = false;
  trainer.generation = {};
  trainer.position = 0;
  trainer.in_flight = 0;
  trainer.calls.clear();
  trainer.sequences.clear();
  trainer.sends.clear();
  trainer.process = world_.spawn(trainer.identity, trainer.memory);
  connect(trainer);
}

// As the C API does from session to session of a communicator. One that is refused for good, or
// finds nobody, is started again by its operator.
void Application::remember_run(Trainer& trainer) {
  const auto left = world_.left(trainer.process);
  const bool given_up = left && (left->code == ErrorCode::kOtherInstance ||
                                 left->code == ErrorCode::kCoordinatorUnreachable);
  trainer.memory = given_up ? wire::RunMemory{} : world_.engine(trainer.process).memory();
  trainer.memory.held.clear();
  if (given_up) trainer.state->forget_run();
  const wire::CommittedRevision& committed = trainer.state->table().committed();
  if (committed.revision == 0 || committed.instance != trainer.memory.instance) return;
  trainer.memory.held.push_back(
      {0, state::layout_of(trainer.state->table()), committed.revision});
}

void Application::come_back_later(Trainer& trainer) {
  trainer.away = true;
  if (random_.one_in(4)) return;  // not before it is asked to
  const Duration delay = random_.between(milliseconds(50), milliseconds(4000));
  world_.after(delay, [this, &trainer, life = trainer.lives] {
    if (trainer.lives == life && trainer.away && !alive(trainer)) start(trainer);
  });
}

// As the typed error tells it to.
void Application::reconnect_later(Trainer& trainer) {
  trainer.member = false;
  const Duration delay = random_.between(milliseconds(10), milliseconds(500));
  world_.after(trainer.process, delay, [this, &trainer] {
    if (!trainer.away) start(trainer);
  });
}

void Application::crash(ProcessId process, bool in_the_middle) {
  Trainer* trainer = of(process);
  if (trainer == nullptr) return;
  come_back_later(*trainer);
  if (in_the_middle) world_.kill_soon(process);
  else world_.kill(process);
}

bool Application::leave(ProcessId process) {
  Trainer* trainer = of(process);
  if (trainer == nullptr || world_.frozen(process) || world_.left(process)) return false;
  come_back_later(*trainer);
  world_.leave(process, Error{ErrorCode::kNotConnected, "its user let it leave"});
  world_.after(milliseconds(50), [this, process] { world_.kill(process); });
  return true;
}

bool Application::bring_back() {
  for (const auto& trainer : trainers_) {
    if (!trainer->away || alive(*trainer)) continue;
    start(*trainer);
    return true;
  }
  return false;
}

void Application::bring_all_back() {
  for (const auto& trainer : trainers_) {
    if (!trainer->away) continue;
    if (alive(*trainer)) world_.kill(trainer->process);
    start(*trainer);
  }
}

// ---- calls -------------------------------------------------------------------------------------

CallRecord& Application::open_record(Trainer& trainer, CallKind kind,
                                     std::optional<engine::CallGroup> group, uint64_t tag) {
  CallRecord record;
  record.kind = kind;
  if (group) {
    const uint64_t sequence = trainer.sequences[{static_cast<Group>(*group), tag}]++;
    const char* const who[] = {"shards", "replica", "all", "shard"};
    const auto index = static_cast<size_t>(*group);
    // Runs that follow each other may count their generations alike.
    const Incarnation& run = trainer.generation.first.incarnation;
    record.name = fmt::format("{}~{:08x} {} tag {} #{}", to_string(trainer.generation), run.nonce,
                              who[index], tag, sequence);
    if (group == engine::CallGroup::kReplica) record.name += " " + trainer.identity.replica;
    if (group == engine::CallGroup::kShard) {
      record.group = fmt::format("shard {}", trainer.identity.shard);
    }
    if (group == engine::CallGroup::kShardAlone) {
      record.name += fmt::format(" {}", trainer.identity.shard);
    }
  }
  record.number = ++calls_;
  record.process = trainer.process;
  record.who = trainer.identity.name;
  record.self = world_.engine(trainer.process).self().id;
  record.slots = trainer.view.slots;
  record.shards = config_.shards;
  record.instance = trainer.view.instance;
  record.life = trainer.view.epoch.incarnation;
  record.committed = trainer.state->table().committed();
  record.began = world_.now();
  return trainer.calls[record.number] = std::move(record);
}

// Counted by the two of them alone, apart from what goes the other way.
CallRecord& Application::open_send(Trainer& trainer, const PlannedCall& call) {
  CallRecord& record = open_record(trainer, CallKind::kCollective, std::nullopt, 0);
  const std::string place = fmt::format("{} to {} tag {}", to_string(call.root),
                                        to_string(call.receiver), call.options.tag);
  record.name = fmt::format("{}~{:08x} {} #{}", to_string(trainer.generation),
                            trainer.generation.first.incarnation.nonce, place,
                            trainer.sends[place]++);
  return record;
}

void Application::make(Trainer& trainer, CallRecord& record, const World::Start& start,
                       std::function<void(CallRecord&, const Result<engine::CallInfo>&)> ended) {
  ++trainer.in_flight;
  observer_.call_began(record);
  const uint64_t number = record.number;
  const engine::CallId call = world_.call(trainer.process, start, [this, &trainer, number,
                                                     ended = std::move(ended)](const auto& result) {
    CallRecord over = std::move(trainer.calls.at(number));
    trainer.calls.erase(number);
    ended(over, result);
    observer_.call_ended(over, result);
    if (alive(trainer)) one_less(trainer);
  });
  const auto open = trainer.calls.find(number);  // or it has ended at once
  if (open != trainer.calls.end()) open->second.call = call;
}

void Application::connect(Trainer& trainer) {
  CallRecord& record = open_record(trainer, CallKind::kConnect, std::nullopt, 0);
  make(trainer, record, [](engine::Engine& engine, TimePoint now, engine::CallId id) {
    engine.connect(now, id);
  }, [this, &trainer](CallRecord&, const Result<engine::CallInfo>& result) {
    if (result && (!trainer.follows || random_.one_in(4))) update(trainer);
    else if (result) follow(trainer);
  });
}

void Application::update(Trainer& trainer) {
  CallRecord& record = open_record(trainer, CallKind::kUpdate, std::nullopt, 0);
  make(trainer, record, [](engine::Engine& engine, TimePoint now, engine::CallId id) {
    engine.update(now, id);
  }, [this, &trainer](CallRecord&, const auto& result) { updated(trainer, result); });
}

void Application::follow(Trainer& trainer) {
  CallRecord& record = open_record(trainer, CallKind::kUpdate, std::nullopt, 0);
  record.follows = true;
  record.brought = trainer.state->content();
  const Duration patience = milliseconds(random_.one_in(4) ? random_.between(1, 300) : 20'000);
  make(trainer, record, [&](engine::Engine& engine, TimePoint now, engine::CallId id) {
    engine::FollowCall call;
    call.table = &trainer.state->table();
    call.digests = state::compute_digests(trainer.state->table());
    call.patience = patience;
    engine.update(now, id, std::move(call));
  }, [this, &trainer](CallRecord& over, const auto& result) {
    over.now = trainer.state->content();
    updated(trainer, result);
  });
}

// Of those that had died before anybody heard of this generation only the slots are known.
std::vector<wire::PeerInfo> Application::members_by_slot(const wire::View& view) const {
  std::vector<wire::PeerInfo> members(view.slots.size());
  for (uint32_t slot = 0; slot < members.size(); ++slot) {
    members[slot].id = view.slots[slot];
    members[slot].shard = slot % config_.shards;
  }
  for (const wire::PeerInfo& member : view.members) members[member.slot] = member;
  return members;
}

void Application::updated(Trainer& trainer, const Result<engine::CallInfo>& result) {
  if (!result) {
    if (!world_.left(trainer.process) && result.error().code == ErrorCode::kTimeout) {
      update(trainer);
    }
    return;
  }
  const wire::View& view = std::get<engine::UpdateInfo>(*result).view;
  const bool whole = view.members.size() == view.slots.size();
  if (whole || first_members_.count(view.generation) == 0) {
    first_members_[view.generation] = members_by_slot(view);
  }
  trainer.view = view;
  if (trainer.member && trainer.generation == view.generation) return;
  if (!trainer.member) trainer.synced = false;
  trainer.member = true;
  trainer.generation = view.generation;
  trainer.position = 0;
  trainer.sequences.clear();
  trainer.sends.clear();
}

void Application::next(Trainer& trainer) {
  if (world_.left(trainer.process)) return reconnect_later(trainer);
  if (!trainer.member) {
    return !trainer.follows || random_.one_in(4) ? update(trainer) : follow(trainer);
  }
  PositionPlan plan = plan_position(config_.seed, trainer.generation, trainer.position++);
  ++trainer.progress;
  ++trainer.in_flight;  // held until everything of this position has begun
  if (plan.crossed && is_second(trainer)) {
    const auto half = static_cast<std::ptrdiff_t>(plan.calls.size() / 2);
    std::rotate(plan.calls.begin(), plan.calls.begin() + half, plan.calls.end());
  }
  const ProcessId life = trainer.process;
  const auto goes_on = [&] { return trainer.process == life && alive(trainer); };
  if (plan.what == PositionPlan::What::kUpdate) update(trainer);
  if (plan.what == PositionPlan::What::kSync) begin_sync(trainer);
  for (PlannedCall& call : plan.calls) {
    if (goes_on()) begin_call(trainer, std::move(call), plan.root);
  }
  if (plan.update_in_flight && goes_on()) update(trainer);
  if (goes_on()) one_less(trainer);
}

bool Application::is_second(const Trainer& trainer) const {
  const PeerId self = world_.engine(trainer.process).self().id;
  const auto& slots = trainer.view.slots;
  return (std::find(slots.begin(), slots.end(), self) - slots.begin()) % 2 == 1;
}

void Application::one_less(Trainer& trainer) {
  if (trainer.in_flight > 0 && --trainer.in_flight > 0) return;
  // At its own pace.
  const Duration most = milliseconds(random_.one_in(12) ? 300 : 15);
  world_.after(trainer.process, random_.between(Duration{0}, most), [this, &trainer] {
    if (trainer.in_flight == 0 && !trainer.away) next(trainer);
  });
}

// Under its name.
size_t Application::callers_of(const Trainer& trainer, const PlannedCall& call) const {
  if (call.kind == wire::OpKind::kSend) return 2;
  const auto& members = trainer.view.members;
  // The groups of all shards have one name.
  if (call.options.group == engine::CallGroup::kShard) return members.size();
  return group_of(members, world_.engine(trainer.process).self(), call.options.group).size();
}

void Application::begin_call(Trainer& trainer, PlannedCall call, uint64_t root) {
  const wire::PeerInfo& self = world_.engine(trainer.process).self();
  const std::vector<wire::PeerInfo>& first = first_members_[trainer.generation];
  const bool send = call.kind == wire::OpKind::kSend;
  if (wire::has_root(call.kind) || send) {
    call.root = choose_root(first, self, call.options.group, root);
  }
  if (send) {
    call.receiver = choose_root(first, self, call.options.group, root + 1);
    const bool takes_part = self.id == call.root || self.id == call.receiver;
    if (!takes_part || call.root == call.receiver) return;
  }
  call.owners = group_of(first, self, call.options.group);
  CallRecord& record = send ? open_send(trainer, call)
                            : open_record(trainer, CallKind::kCollective, call.options.group,
                                          call.options.tag);
  record.deadline = call.options.deadline;
  record.callers = callers_of(trainer, call);
  record.memory = std::make_shared<CallMemory>(call, self.id);
  record.large = is_large(call);
  // The groups of several shards end together: none of their calls is small.
  const bool together = config_.shards > 1 && !send &&
                        call.options.group == engine::CallGroup::kShard;
  record.keeps = (record.large || together) && call.options.keep &&
                 call.kind == wire::OpKind::kAllReduce;
  const auto owners = engine::CallNames::owners(trainer.view, self, call.options.group);
  make(trainer, record, [memory = record.memory, owners](engine::Engine& engine, TimePoint now,
                                                         engine::CallId id) {
    engine::CollectiveCall arguments = memory->arguments();
    if (!arguments.owners.empty()) arguments.owners = owners;
    engine.collective(now, id, std::move(arguments));
  }, [](CallRecord&, const auto&) {});
}

void Application::begin_sync(Trainer& trainer) {
  // Some replicas make a step before, some forget to, and some of their peers do it wrong.
  Random dice(Random::mix(config_.seed + trainer.generation.first.number) + trainer.position +
              kernels::hash64(as_bytes(trainer.identity.replica)));
  const uint64_t chosen = dice.below(6);
  if (chosen < 4) {
    begin_write(trainer);
    trainer.state->step(random_, chosen == 3);
  }
  CallRecord& record = open_record(trainer, CallKind::kSync, engine::CallGroup::kShard, 0);
  record.brought = trainer.state->content();
  record.voter = trainer.synced;
  make(trainer, record, [&](engine::Engine& engine, TimePoint now, engine::CallId id) {
    engine::SyncCall call;
    call.table = &trainer.state->table();
    call.digests = state::compute_digests(trainer.state->table());
    call.publication = trainer.state->publication();
    engine.sync(now, id, std::move(call));
  }, [this, &trainer](CallRecord& over, const auto& result) { sync_ended(trainer, over, result); });
}

void Application::begin_write(Trainer& trainer) {
  state::Publication& publication = *trainer.state->publication();
  if (!publication.close()) return;
  ++cuts_;
  world_.engine(trainer.process).withdraw(world_.now(), publication);
}

void Application::sync_ended(Trainer& trainer, CallRecord& record,
                             const Result<engine::CallInfo>& result) {
  record.now = trainer.state->content();
  if (result) trainer.synced = true;
  // The holders died before one who had nothing had all of it.
  if (trainer.state->table().torn() && !world_.left(trainer.process)) {
    trainer.state->start_again();
  }
}

bool Application::cancel_something(ProcessId process) {
  Trainer* trainer = of(process);
  if (trainer == nullptr || world_.frozen(process)) return false;
  std::vector<engine::CallId> open;
  for (const auto& [number, record] : trainer->calls) {
    const bool may = record.kind == CallKind::kCollective || record.kind == CallKind::kSync;
    if (may) open.push_back(record.call);
  }
  if (open.empty()) return false;
  ++cancels_;
  world_.cancel(process, open[random_.below(open.size())]);
  return true;
}

}  // namespace atoll_core::simulate
