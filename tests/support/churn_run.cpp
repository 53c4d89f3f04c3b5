#include "support/churn_run.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace atoll_core::simulate {
namespace {

constexpr uint64_t kStateCounts[] = {1000, 300'000, 7};

WorldConfig world_config(Random& random) {
  WorldConfig config;
  config.seed = random.bits();
  config.bytes_per_move_max = 1u << random.between(6, 17);
  config.bytes_per_second = random.one_in(3) ? 2'000'000 : 100'000'000;
  if (random.one_in(3)) config.data_delays.most = std::chrono::milliseconds(80);
  if (random.one_in(3)) config.control_delays.most = std::chrono::milliseconds(80);
  config.engine.connections_per_link = static_cast<uint32_t>(random.between(1, 3));
  config.engine.chunk_bytes = 1u << random.between(9, 16);
  config.coordinator.run = "churn";
  config.engine.membership.run = "churn";
  config.coordinator.peer_timeout = std::chrono::seconds(3);
  return config;
}

}  // namespace

// One process and the program that runs in it.
struct ChurnRun::Trainer {
  struct State {
    std::vector<std::vector<float>> memory;
    state::StateTable table;
    state::StateDigests digests;
  };

  Identity identity;
  Generation generation;
  bool member = false;
  bool done = false;
  bool dying = false;
  uint64_t position = 0;
  uint64_t in_flight = 0;
  std::set<engine::CallId> calls;
  State state;
};

ChurnRun::ChurnRun(const ChurnConfig& config) : config_(config), random_(config.seed) {
  WorldConfig world = world_config(random_);
  shards_ = random_.one_in(3) ? static_cast<uint32_t>(random_.between(1, config_.shards_max)) : 1;
  const auto replicas = static_cast<uint32_t>(random_.between(1, config_.replicas_max));
  world.coordinator.min_replicas = static_cast<uint32_t>(random_.between(1, replicas));
  world_ = std::make_unique<World>(world);
  world_->on_trace([this](ProcessId process, const char*) {
    if (moments_to_kill_ > 0 && --moments_to_kill_ == 0) kill_somebody(process);
  });
  for (uint32_t i = 0; i < replicas; ++i) join();
}

ChurnRun::~ChurnRun() = default;

std::vector<std::string> ChurnRun::run() {
  plan_faults();
  try {
    if (!world_->run_until([this] { return finished() || !complaints_.empty(); }, config_.limit)) {
      for (const auto& [process, trainer] : trainers_) {
        if (!world_->alive(process) || trainer->done || trainer->dying) continue;
        complain(process, fmt::format("does not end: generation {}, position {}, {} in flight",
                                      to_string(trainer->generation), trainer->position,
                                      trainer->in_flight));
      }
    }
  } catch (const std::exception& exception) {
    complaints_.push_back(fmt::format("an exception: {}", exception.what()));
  }
  if (complaints_.empty()) world_->run_for(std::chrono::seconds(2));
  return complaints_;
}

void ChurnRun::complain(ProcessId process, const std::string& what) {
  complaints_.push_back(fmt::format("{} ms: {}: {}", to_ms(world_->now().time_since_epoch()),
                                    trainers_.at(process)->identity.name, what));
}

bool ChurnRun::finished() const {
  // One who is pending waits for members that have finished.
  return std::all_of(trainers_.begin(), trainers_.end(), [this](const auto& item) {
    return !world_->alive(item.first) || item.second->done || !item.second->member ||
           item.second->dying;
  }) && std::any_of(trainers_.begin(), trainers_.end(), [](const auto& item) {
    return item.second->member;
  });
}

// ---- the program -------------------------------------------------------------------------------

void ChurnRun::join() {
  const std::string replica = fmt::format("island-{}", names_++);
  for (uint32_t shard = 0; shard < shards_; ++shard) {
    spawn({fmt::format("{}.{}", replica, shard), replica, shard, shards_});
  }
}

void ChurnRun::spawn(const Identity& identity) {
  const ProcessId process = world_->spawn(identity);
  auto trainer = std::make_unique<Trainer>();
  trainer->identity = identity;
  for (const uint64_t count : kStateCounts) {
    auto& tensor = trainer->state.memory.emplace_back(count);
    const auto salt = static_cast<float>(random_.between(1, 3));
    for (uint64_t i = 0; i < count; ++i) tensor[i] = salt + static_cast<float>(i % 97);
    (void)trainer->state.table.add_tensor(fmt::format("w{}", trainer->state.memory.size()),
                                          tensor.data(), DataType::kFloat32, count);
  }
  trainer->state.digests = state::compute_digests(trainer->state.table);
  trainers_[process] = std::move(trainer);
  world_->call(process, [](engine::Engine& engine, TimePoint now, engine::CallId id) {
    engine.connect(now, id);
  }, [this, process](const Result<engine::CallInfo>& result) {
    if (result) return update(process);
    if (!trainers_.at(process)->dying) {
      complain(process, "cannot connect: " + result.error().message);
    }
  });
}

void ChurnRun::update(ProcessId process) {
  world_->call(process, [](engine::Engine& engine, TimePoint now, engine::CallId id) {
    engine.update(now, id);
  }, [this, process](const Result<engine::CallInfo>& result) { updated(process, result); });
}

void ChurnRun::updated(ProcessId process, const Result<engine::CallInfo>& result) {
  Trainer& trainer = *trainers_.at(process);
  if (!result) {
    if (!trainer.dying) complain(process, "update fails: " + result.error().message);
    return;
  }
  const wire::View& view = std::get<engine::UpdateInfo>(*result).view;
  if (!trainer.member || trainer.generation != view.generation) {
    ++counters_.admissions;
    trainer.generation = view.generation;
    trainer.position = 0;
    trainer.member = true;
  }
  one_less(process);
}

void ChurnRun::next(ProcessId process) {
  Trainer& trainer = *trainers_.at(process);
  if (trainer.position >= config_.positions) {
    trainer.done = true;
    return;
  }
  Random plan(config_.seed * 1000003 + trainer.generation.first.number * 1009 + trainer.position);
  const uint64_t dice = plan.below(6);
  trainer.in_flight = 1;  // held until everything of this position has begun
  if (dice == 0) {
    ++trainer.position;
    ++trainer.in_flight;
    update(process);
  } else if (dice == 1) {
    start_sync(process);
  } else {
    start_calls(process);
    if (dice == 2 && world_->alive(process)) {  // with calls in flight
      ++trainer.in_flight;
      update(process);
    }
  }
  one_less(process);
}

void ChurnRun::one_less(ProcessId process) {
  Trainer& trainer = *trainers_.at(process);
  if (trainer.in_flight > 0 && --trainer.in_flight > 0) return;
  // At its own pace.
  world_->after(random_.between(Duration{0}, std::chrono::milliseconds(20)), [this, process] {
    if (world_->alive(process) && !world_->left(process)) next(process);
  });
}

void ChurnRun::start_calls(ProcessId process) {
  Trainer& trainer = *trainers_.at(process);
  Random plan(config_.seed * 777767 + trainer.generation.first.number * 1013 + trainer.position);
  // A root may be dead, or never have been: what counts is that all name the same one.
  const std::vector<PeerId> roots{PeerId{1}, PeerId{2}, PeerId{3}, PeerId{5}, PeerId{8}};
  const uint64_t count = plan.one_in(2) ? 1 : plan.between(2, 6);
  CallName name{trainer.generation, trainer.position++, 0, ""};
  for (; name.index < count && world_->alive(process); ++name.index) {
    PlannedCall call = random_call(plan, roots, config_.count_max);
    call.options.tag = plan.below(3);
    call.options.group = static_cast<engine::CallGroup>(plan.below(3));
    call.options.retry = !plan.one_in(4);
    if (plan.one_in(8)) call.options.deadline = std::chrono::milliseconds(plan.between(1, 400));
    auto memory = std::make_shared<CallMemory>(call, world_->engine(process).self().id);
    ++trainer.in_flight;
    ++counters_.calls;
    trainer.calls.insert(
        world_->call(process, [memory](engine::Engine& engine, TimePoint now, engine::CallId id) {
          engine.collective(now, id, memory->arguments());
        }, [this, process, name, memory](const Result<engine::CallInfo>& result) {
          call_ended(process, name, *memory, result);
        }));
  }
}

std::string ChurnRun::scope_of(ProcessId process, engine::CallGroup group) {
  const Identity& identity = trainers_.at(process)->identity;
  if (group == engine::CallGroup::kAll) return "all";
  if (group == engine::CallGroup::kReplica) return identity.replica;
  return fmt::format("shard {}", identity.shard);
}

// Whether a call may end like that; all must be told the same, unless it is about this peer alone.
bool ChurnRun::may_fail(ProcessId process, const CallMemory* memory, const Error& error) {
  switch (error.code) {
    case ErrorCode::kPeerLost:
    case ErrorCode::kAborted: return memory != nullptr && !memory->call().options.retry;
    case ErrorCode::kRootLost:
      return memory != nullptr && memory->call().kind == wire::OpKind::kBroadcast;
    case ErrorCode::kCancelled: return counters_.cancels > 0;
    case ErrorCode::kTimeout:
      return memory != nullptr && memory->call().options.deadline > Duration{0};
    default: return trainers_.at(process)->dying;
  }
}

void ChurnRun::check_committed(ProcessId process, const CallName& name, const CallMemory& memory,
                               const engine::CollectiveInfo& info) {
  ++counters_.committed;
  if (info.attempts > 1) ++counters_.retried;
  const PeerId self = world_->engine(process).self().id;
  if (std::count(info.contributors.begin(), info.contributors.end(), self) != 1) {
    complain(process, "does not contribute to what it is told is committed");
  }
  if (std::string wrong = memory.check_result(info.contributors); !wrong.empty()) {
    complain(process, fmt::format("position {} call {}: {}", name.position, name.index, wrong));
  }
  std::vector<uint64_t> contributors;
  for (const PeerId peer : info.contributors) contributors.push_back(peer.value);
  compare(name, scope_of(process, memory.call().options.group), process,
          {fmt::format("contributors {}", fmt::join(contributors, " ")), memory.result()});
}

void ChurnRun::call_ended(ProcessId process, const CallName& name, const CallMemory& memory,
                          const Result<engine::CallInfo>& result) {
  if (result) {
    check_committed(process, name, memory, std::get<engine::CollectiveInfo>(*result));
  } else {
    ++counters_.failed;
    if (std::string wrong = memory.check_intact(); !wrong.empty()) {
      complain(process, fmt::format("position {} call {} failed ({}), but {}", name.position,
                                    name.index, result.error().message, wrong));
    }
    if (!may_fail(process, &memory, result.error())) {
      complain(process, "a call ends with: " + result.error().message);
    }
  }
  // What happens to a call of all shards happens to all of its groups; a replica's is its own.
  const bool own = memory.call().options.group == engine::CallGroup::kReplica;
  const bool gone = !result && result.error().code >= ErrorCode::kCoordinatorUnreachable;
  if (!gone) {
    compare(name, own ? trainers_.at(process)->identity.replica + " outcome" : "outcome", process,
            {std::string(error_name(result ? ErrorCode::kSuccess : result.error().code)), {}});
  }
  if (!world_->left(process)) one_less(process);
}

void ChurnRun::start_sync(ProcessId process) {
  Trainer& trainer = *trainers_.at(process);
  const CallName name{trainer.generation, trainer.position++, 0, ""};
  // Some replicas make a step before, some forget to, and some of their peers do it wrong.
  Random step(config_.seed * 131 + trainer.generation.first.number * 1019 + name.position +
              std::hash<std::string>{}(trainer.identity.replica));
  const uint64_t dice = step.below(6);
  if (dice < 4) {
    const uint64_t revision = trainer.state.table.revision();
    (void)trainer.state.table.begin_write();
    for (auto& tensor : trainer.state.memory) tensor[revision % tensor.size()] += 1.0f;
    if (dice == 3) trainer.state.memory[1][random_.below(300'000)] += 0.5f;
    (void)trainer.state.table.publish(revision + 1);
    trainer.state.digests = state::compute_digests(trainer.state.table);
  }
  ++trainer.in_flight;
  ++counters_.syncs;
  trainer.calls.insert(
      world_->call(process, [&](engine::Engine& engine, TimePoint now, engine::CallId id) {
        engine::SyncCall call;
        call.table = &trainer.state.table;
        call.digests = trainer.state.digests;
        engine.sync(now, id, std::move(call));
      }, [this, process, name](const Result<engine::CallInfo>& result) {
        sync_ended(process, name, result);
      }));
}

void ChurnRun::sync_ended(ProcessId process, const CallName& name,
                          const Result<engine::CallInfo>& result) {
  Trainer& trainer = *trainers_.at(process);
  trainer.state.digests = state::compute_digests(trainer.state.table);
  const bool torn = trainer.state.table.torn();
  if (result) {
    const auto& info = std::get<engine::SyncInfo>(*result);
    if (torn || info.digest != trainer.state.digests.whole ||
        info.revision != trainer.state.table.revision()) {
      complain(process, fmt::format("sync at position {}: the state is not what was elected",
                                    name.position));
    }
    compare(name, scope_of(process, engine::CallGroup::kShard), process,
            {fmt::format("revision {} digest {:x} {:x}", info.revision, info.digest.high,
                         info.digest.low), {}});
  } else {
    // The holders died before one who had no state had all of it, or one of two shards has gone on.
    const bool conflict =
        result.error().code == ErrorCode::kStateConflict && (torn || shards_ > 1) &&
        counters_.deaths + counters_.cancels > 0;
    if (!conflict && !may_fail(process, nullptr, result.error())) {
      complain(process, "a sync ends with: " + result.error().message);
    }
    if (torn && !world_->left(process)) {
      (void)trainer.state.table.publish(trainer.state.table.revision() + 1);
      trainer.state.digests = state::compute_digests(trainer.state.table);
    }
  }
  if (!world_->left(process)) one_less(process);
}

// The first to hear of an outcome says what all others must hear, also those who die later.
void ChurnRun::compare(CallName name, const std::string& scope, ProcessId process,
                       Outcome outcome) {
  name.scope = scope;
  const auto [first, inserted] = outcomes_.try_emplace(name, outcome);
  if (inserted) return;
  if (first->second.text != outcome.text) {
    complain(process, fmt::format("position {} call {}: \"{}\" here, \"{}\" elsewhere",
                                  name.position, name.index, outcome.text, first->second.text));
  } else if (first->second.result != outcome.result) {
    complain(process, fmt::format("position {} call {}: other bytes than elsewhere",
                                  name.position, name.index));
  }
}

// ---- faults ------------------------------------------------------------------------------------

void ChurnRun::plan_faults() {
  const uint64_t faults = random_.below(config_.faults_max + 1);
  for (uint64_t i = 0; i < faults; ++i) {
    world_->after(random_.between(Duration{0}, config_.faults_within), [this] { fault(); });
  }
}

void ChurnRun::fault() {
  const std::vector<ProcessId> living = world_->living();
  const ProcessId victim = living[random_.below(living.size())];
  switch (random_.below(12)) {
    case 0:
    case 1: return kill_somebody(victim);
    case 2: moments_to_kill_ = random_.between(1, 30); return;
    case 3:
    case 4:
      if (names_ < 10) join();
      return;
    case 5:
    case 6: (void)world_->drop_control(victim); return;
    case 7: return world_->corrupt_next_byte(victim);
    case 8: return cancel_something(victim);
    default: (void)world_->cut_connection(victim); return;
  }
}

void ChurnRun::kill_somebody(ProcessId victim) {
  // A replica that is in the run must remain.
  std::set<std::string> remaining;
  const std::string& replica = trainers_.at(victim)->identity.replica;
  for (const auto& [process, trainer] : trainers_) {
    const bool stays = world_->alive(process) && trainer->member && !trainer->dying;
    if (stays && trainer->identity.replica != replica) remaining.insert(trainer->identity.replica);
  }
  if (remaining.empty()) return;
  ++counters_.deaths;
  for (const auto& [process, trainer] : trainers_) {
    if (trainer->identity.replica == replica) trainer->dying = true;
  }
  world_->kill_soon(victim);
}

void ChurnRun::cancel_something(ProcessId victim) {
  const Trainer& trainer = *trainers_.at(victim);
  if (trainer.calls.empty()) return;
  ++counters_.cancels;
  world_->cancel(victim, *trainer.calls.rbegin());
}

}  // namespace atoll_core::simulate
