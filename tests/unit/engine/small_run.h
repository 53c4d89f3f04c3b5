// A run of a few peers in one view, for tests that say what happens step by step.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/limits.h"
#include "simulate/planned_call.h"
#include "simulate/world.h"

namespace atoll_core::simulate {

// A call that was made; `result` is there when it has ended.
struct Call {
  ProcessId process = 0;
  engine::CallId id = 0;
  std::shared_ptr<CallMemory> memory;  // of a collective
  std::shared_ptr<std::optional<Result<engine::CallInfo>>> result =
      std::make_shared<std::optional<Result<engine::CallInfo>>>();

  bool ended() const { return result->has_value(); }
  bool committed() const { return ended() && (*result)->has_value(); }
  ErrorCode code() const {
    if (!ended()) return ErrorCode::kInProgress;
    return committed() ? ErrorCode::kSuccess : (*result)->error().code;
  }
  std::string sentence() const { return ended() && !committed() ? (*result)->error().message : ""; }
  const engine::CollectiveInfo& info() const {
    return std::get<engine::CollectiveInfo>(***result);
  }
};

class SmallRun {
 public:
  using Change = std::function<void(WorldConfig&)>;

  // Returns when `peers` replicas are in one view.
  explicit SmallRun(uint32_t peers, const Change& change = {}) : world_(config(peers, change)) {
    slowest_way_ = slowest_way(config(peers, change));
    // For who looks into a failure: ATOLL_TRACE=1 engine_unit_test --gtest_filter=...
    if (std::getenv("ATOLL_TRACE") != nullptr) {
      world_.on_note([this](const std::string& who, const std::string& what) {
        fmt::print("{} ms {}: {}\n", to_ms(world_.now().time_since_epoch()), who, what);
      });
    }
    std::vector<Call> updates;
    for (uint32_t i = 0; i < peers; ++i) add();
    for (const ProcessId process : processes_) updates.push_back(update(process));
    finish(updates);
    for (const Call& call : updates) EXPECT_TRUE(call.committed()) << call.sentence();
  }

  World& world() { return world_; }
  const std::vector<ProcessId>& processes() const { return processes_; }
  ProcessId process(size_t index) const { return processes_.at(index); }
  PeerId peer(size_t index) { return world_.engine(processes_.at(index)).self().id; }
  // What a frame or a message takes at most from one to the other.
  Duration slowest_way() const { return slowest_way_; }
  size_t living() const { return world_.living().size(); }

  // A process that has connected.
  ProcessId add() {
    const ProcessId process = world_.spawn({fmt::format("island-{}", processes_.size()), "", 0, 1});
    processes_.push_back(process);
    finish({make(process, [](engine::Engine& engine, TimePoint now, engine::CallId id) {
      engine.connect(now, id);
    })});
    return process;
  }

  Call update(ProcessId process) {
    return make(process, [](engine::Engine& engine, TimePoint now, engine::CallId id) {
      engine.update(now, id);
    });
  }
  Call collective(ProcessId process, const PlannedCall& plan) {
    auto memory = std::make_shared<CallMemory>(plan, world_.engine(process).self().id);
    Call call = make(process, [&](engine::Engine& engine, TimePoint now, engine::CallId id) {
      engine.collective(now, id, memory->arguments());
    });
    call.memory = std::move(memory);
    return call;
  }
  // Of memory that the test has, and checks by itself.
  Call collective(ProcessId process, engine::CollectiveCall arguments) {
    return make(process, [&](engine::Engine& engine, TimePoint now, engine::CallId id) {
      engine.collective(now, id, std::move(arguments));
    });
  }
  Call sync(ProcessId process, state::StateTable& table) {
    return make(process, [&](engine::Engine& engine, TimePoint now, engine::CallId id) {
      engine::SyncCall call;
      call.table = &table;
      call.digests = state::compute_digests(table);
      engine.sync(now, id, std::move(call));
    });
  }
  // The same on all that live.
  std::vector<Call> on_all(const PlannedCall& plan) {
    std::vector<Call> calls;
    for (const ProcessId process : world_.living()) calls.push_back(collective(process, plan));
    return calls;
  }

  // Its blocks, if it has any, belong to all peers.
  PlannedCall of_kind(wire::OpKind kind, uint64_t count, size_t root = 0) {
    PlannedCall plan;
    plan.kind = kind;
    plan.counts = {count};
    if (kind == wire::OpKind::kBarrier) plan.counts.clear();
    plan.root = peer(root);
    plan.receiver = peer((root + 1) % processes_.size());
    for (size_t i = 0; i < processes_.size(); ++i) plan.owners.push_back(peer(i));
    return plan;
  }

  // Waits for the calls of those who live.
  void finish(const std::vector<Call>& calls, Duration limit = std::chrono::minutes(2)) {
    const bool all = world_.run_until([&] {
      return std::all_of(calls.begin(), calls.end(), [this](const Call& call) {
        return call.ended() || !world_.alive(call.process);
      });
    }, limit);
    EXPECT_TRUE(all) << "a call does not end";
  }

  // Those who live: committed, by value, the same for all.
  void expect_committed(const std::vector<Call>& calls) {
    const Call* first = nullptr;
    for (const Call& call : calls) {
      if (!world_.alive(call.process)) continue;
      ASSERT_TRUE(call.committed()) << call.sentence();
      EXPECT_EQ(call.memory->check_result(call.info().contributors), "");
      if (first == nullptr) first = &call;
      EXPECT_EQ(call.info().contributors, first->info().contributors);
      if (!same_for_all(call.memory->call())) continue;
      EXPECT_EQ(call.memory->result(), first->memory->result());
    }
  }
  // Those who live: failed alike, with their input as it was.
  void expect_failed(const std::vector<Call>& calls, ErrorCode code) {
    for (const Call& call : calls) {
      if (!world_.alive(call.process)) continue;
      EXPECT_EQ(error_name(call.code()), error_name(code)) << call.sentence();
      if (call.memory != nullptr) {
        EXPECT_EQ(call.memory->check_intact(), "");
      }
    }
  }

 private:
  static WorldConfig config(uint32_t peers, const Change& change) {
    WorldConfig config;
    config.coordinator.run = config.engine.membership.run = "small";
    config.coordinator.min_replicas = peers;
    config.engine.chunk_bytes = 4096;
    if (change) change(config);
    return config;
  }

  Call make(ProcessId process, const World::Start& start) {
    Call call;
    call.process = process;
    call.id = world_.call(process, start, [result = call.result](const auto& ended) {
      *result = ended;
    });
    return call;
  }

  static Duration slowest_way(const WorldConfig& config) {
    return std::max(config.data_delays.most, config.control_delays.most);
  }

  World world_;
  Duration slowest_way_{};
  std::vector<ProcessId> processes_;
};

// In place, of many chunks; its end takes a verdict of the coordinator.
inline PlannedCall large_call() {
  PlannedCall plan;
  plan.counts = {200'000, 80'000};
  plan.in_place = true;
  static_assert(280'000 * sizeof(float) > limits::kSmallOpBytes);
  return plan;
}

// Also in place and of many chunks; its end takes no verdict of the coordinator.
inline PlannedCall chunked_small_call() {
  PlannedCall plan = large_call();
  plan.counts = {20'000, 10'000};
  return plan;
}

}  // namespace atoll_core::simulate
