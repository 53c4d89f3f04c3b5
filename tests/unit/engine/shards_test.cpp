// Replicas of two shards whose groups make calls at the same time.
#include <gtest/gtest.h>

#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Shards : public ::testing::Test {
 protected:
  struct Made {
    std::shared_ptr<CallMemory> memory;
    std::optional<Result<engine::CallInfo>> result;
    bool committed() const { return result && result->has_value(); }
  };

  // Two replicas in one view: a0, a1, b0, b1.
  void begin() {
    WorldConfig config;
    config.coordinator.min_replicas = 2;
    config.engine.arrival_timeout = seconds(20);
    world_ = std::make_unique<World>(config);
    size_t admitted = 0;
    for (const char* replica : {"a", "b"}) {
      for (uint32_t shard = 0; shard < 2; ++shard) {
        processes_.push_back(
            world_->spawn({fmt::format("{}{}", replica, shard), replica, shard, 2}));
      }
    }
    for (const ProcessId process : processes_) {
      world_->call(process, [](auto& engine, TimePoint now, auto id) { engine.connect(now, id); });
      world_->run_for(seconds(1));
      world_->call(process, [](auto& engine, TimePoint now, auto id) { engine.update(now, id); },
                   [&](const auto& result) { admitted += result.has_value() ? 1 : 0; });
    }
    ASSERT_TRUE(world_->run_until([&] { return admitted == 4; }, seconds(10)));
  }
  std::shared_ptr<Made> call(size_t peer, uint64_t tag, const std::function<void()>& then = {}) {
    PlannedCall plan = large_call();
    plan.options.tag = tag;
    return call(peer, plan, then);
  }
  std::shared_ptr<Made> call(size_t peer, PlannedCall plan,
                             const std::function<void()>& then = {}) {
    auto made = std::make_shared<Made>();
    plan.salt = plan.options.tag;
    const ProcessId process = processes_[peer];
    made->memory = std::make_shared<CallMemory>(plan, world_->engine(process).self().id);
    world_->call(process,
                 [&](auto& engine, TimePoint now, auto id) {
                   engine.collective(now, id, made->memory->arguments());
                 },
                 [made, then](const Result<engine::CallInfo>& result) {
                   made->result = result;
                   if (then) then();
                 });
    return made;
  }
  static void expect_right(const Made& made) {
    ASSERT_TRUE(made.committed());
    const auto& info = std::get<engine::CollectiveInfo>(**made.result);
    EXPECT_EQ(info.contributors.size(), 2u);
    EXPECT_EQ(made.memory->check_result(info.contributors), "");
  }

  std::unique_ptr<World> world_;
  std::vector<ProcessId> processes_;
};

TEST_F(Shards, CallsInFlightTogetherNeedNoCommonOrder) {
  begin();
  std::vector<std::shared_ptr<Made>> all;
  for (size_t peer = 0; peer < 4; ++peer) {
    for (uint64_t i = 0; i < 6; ++i) {
      const uint64_t order = (i * (peer % 2 == 0 ? 1 : 5) + peer) % 6;
      all.push_back(call(peer, order));
      world_->run_for(milliseconds(world_->random().below(20)));
    }
  }
  EXPECT_TRUE(world_->run_until(
      [&] {
        return std::all_of(all.begin(), all.end(), [](const auto& made) { return made->result; });
      },
      seconds(10)));
  for (const auto& made : all) expect_right(*made);
}

// One call of all groups has one verdict: callers that wait for it before they make the call that
// the other shard waits for would wait for ever, and are told by the timeout.
TEST_F(Shards, OppositeOrdersOfBlockingCallsEndByTheTimeout) {
  begin();
  std::vector<std::shared_ptr<Made>> first(4);
  size_t over = 0;
  const TimePoint start = world_->now();
  for (size_t peer = 0; peer < 4; ++peer) {
    first[peer] = call(peer, peer % 2, [&over] { ++over; });
  }
  EXPECT_TRUE(world_->run_until([&] { return over == 4; }, seconds(60)));
  EXPECT_LE(world_->now() - start, seconds(25));
  for (const auto& made : first) {
    ASSERT_TRUE(made->result && !made->result->has_value());
    EXPECT_EQ(error_name(made->result->error().code), "atollTimeout");
    EXPECT_EQ(made->memory->check_intact(), "");
  }
}

// The same callers, but each shard's call ends by itself.
TEST_F(Shards, AloneOppositeOrdersOfBlockingCallsAreFine) {
  begin();
  for (const PlannedCall& size : {large_call(), chunked_small_call()}) {
    std::vector<std::shared_ptr<Made>> made;
    const auto alone = [&](uint64_t tag) {
      PlannedCall plan = size;
      plan.options.tag = tag;
      plan.options.group = engine::CallGroup::kShardAlone;
      return plan;
    };
    size_t over = 0;
    for (size_t peer = 0; peer < 4; ++peer) {
      const uint64_t first = peer % 2;
      made.push_back(call(peer, alone(first), [&, peer, first] {
        made.push_back(call(peer, alone(1 - first), [&] { ++over; }));
      }));
    }
    EXPECT_TRUE(world_->run_until([&] { return over == 4; }, seconds(10)));
    ASSERT_EQ(made.size(), 8u);
    for (const auto& one : made) expect_right(*one);
  }
}

// A shard that does not make a call leaves those of the others alone; nor does the end of one.
TEST_F(Shards, AloneOneShardsCallIsNoneOfTheOthers) {
  begin();
  PlannedCall plan = large_call();
  plan.options.group = engine::CallGroup::kShardAlone;
  plan.options.tag = 3;
  const auto here = call(0, plan);
  const auto there = call(2, plan);
  plan.options.deadline = milliseconds(300);
  const auto waits = call(1, plan);
  EXPECT_TRUE(world_->run_until([&] { return here->result && there->result && waits->result; },
                                seconds(10)));
  expect_right(*here);
  expect_right(*there);
  EXPECT_EQ(error_name(waits->result->error().code), "atollTimeout");
  EXPECT_EQ(waits->memory->check_intact(), "");
}

}  // namespace
}  // namespace atoll_core::simulate
