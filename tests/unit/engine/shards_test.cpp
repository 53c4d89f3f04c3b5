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

  // Replicas in one view: a0, a1, b0, b1, ...
  void begin(const std::string& replicas = "ab", uint64_t seed = 1) {
    WorldConfig config;
    config.seed = seed;
    config.coordinator.min_replicas = static_cast<uint32_t>(replicas.size());
    config.engine.arrival_timeout = seconds(20);
    config.engine.membership.coordinator_timeout = seconds(30);
    config.engine.chunk_bytes = 4096;
    world_ = std::make_unique<World>(config);
    processes_.clear();
    size_t admitted = 0;
    for (const char replica : replicas) {
      for (uint32_t shard = 0; shard < 2; ++shard) {
        processes_.push_back(
            world_->spawn({fmt::format("{}{}", replica, shard), {replica}, shard, 2}));
      }
    }
    for (const ProcessId process : processes_) {
      world_->call(process, [](auto& engine, TimePoint now, auto id) { engine.connect(now, id); });
      world_->run_for(seconds(1));
      world_->call(process, [](auto& engine, TimePoint now, auto id) { engine.update(now, id); },
                   [&](const auto& result) { admitted += result.has_value() ? 1 : 0; });
    }
    ASSERT_TRUE(world_->run_until([&] { return admitted == processes_.size(); }, seconds(10)));
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
  static void expect_right(const Made& made, size_t contributors = 2) {
    ASSERT_TRUE(made.committed());
    const auto& info = std::get<engine::CollectiveInfo>(**made.result);
    EXPECT_EQ(info.contributors.size(), contributors);
    EXPECT_EQ(made.memory->check_result(info.contributors), "");
  }

  // Of a call of the replicas a, b and c that kept segments while c was lost. True if some stand.
  static bool expect_kept(const std::vector<std::shared_ptr<Made>>& made) {
    size_t kept = 0;
    for (size_t peer = 0; peer < 4; ++peer) {
      EXPECT_TRUE(made[peer]->committed()) << made[peer]->result->error().message;
      if (!made[peer]->committed()) return false;
      const auto& ranges = std::get<engine::CollectiveInfo>(**made[peer]->result).ranges;
      const auto& others = std::get<engine::CollectiveInfo>(**made[peer % 2]->result).ranges;
      EXPECT_EQ(ranges, others) << "of one group";
      EXPECT_EQ(made[peer]->memory->check_result(ranges), "");
      EXPECT_LE(ranges.size(), 2u);
      if (ranges.size() < 2) continue;
      EXPECT_EQ(ranges[0].contributors.size(), 3u);
      EXPECT_EQ(ranges[1].contributors.size(), 2u);
      ++kept;
    }
    return kept > 0;
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

// The groups have got differently far when a shard dies: each keeps what is complete in it, and no
// group holds on to a contribution of the replica that the other has dropped.
TEST_F(Shards, EachGroupKeepsItsSegmentsWhenAReplicaIsLostAtAnyMoment) {
  size_t kept = 0, all_contributed = 0;
  bool died = true;
  for (uint64_t moment = 1; died; moment += 23) {
    SCOPED_TRACE(testing::Message() << "death at moment " << moment);
    ASSERT_LT(moment, 2000u);
    begin("abc", moment);
    PlannedCall plan = large_call();
    plan.options.keep = true;
    plan.in_place = moment % 2 == 0;
    uint64_t left = moment;
    world_->on_trace([&](ProcessId process, const char*) {
      if (process == processes_[5] && --left == 0) world_->kill_soon(process);
    });
    std::vector<std::shared_ptr<Made>> made;
    for (size_t peer = 0; peer < 6; ++peer) {
      made.push_back(call(peer, plan));
      world_->run_for(milliseconds(world_->random().below(10)));
    }
    ASSERT_TRUE(world_->run_until(
        [&] {
          return std::all_of(made.begin(), made.begin() + 5,
                             [](const auto& one) { return one->result; });
        },
        seconds(60)));
    died = !world_->alive(processes_[5]);
    if (expect_kept(made)) ++kept;
    else ++all_contributed;
    // The sibling has a result of all three, or none and its input.
    if (made[4]->committed()) expect_right(*made[4], 3);
    else EXPECT_EQ(error_name(made[4]->result->error().code), "atollEvicted");
    if (HasFailure()) return;
  }
  EXPECT_GT(kept, 10u);
  EXPECT_GT(all_contributed, 0u);
}

// A replica dies when all have its contribution. The verdict, with the view without it, has reached
// one shard only when the coordinator dies as well: nobody can tell the next one of the dead.
TEST_F(Shards, WhatOneShardWasToldTheOthersAreTold) {
  size_t one_told = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    begin("abc", seed);
    world_->on_trace([&](ProcessId process, const char* point) {
      const bool of_c = process == processes_[4] || process == processes_[5];
      if (of_c && std::string_view(point) == "op.done") world_->kill_soon(process);
    });
    std::vector<std::shared_ptr<Made>> made;
    for (size_t peer = 0; peer < 6; ++peer) made.push_back(call(peer, 1));
    const auto told = [&](size_t shard) { return made[shard]->result || made[2 + shard]->result; };
    ASSERT_TRUE(world_->run_until([&] { return told(0) || told(1); }, seconds(20)));
    const auto& first = told(0) ? made[made[0]->result ? 0 : 2] : made[made[1]->result ? 1 : 3];
    ASSERT_TRUE(first->committed());
    const size_t contributors =
        std::get<engine::CollectiveInfo>(**first->result).contributors.size();
    if (told(0) != told(1) && contributors == 3) ++one_told;
    world_->stop_coordinator();
    world_->run_for(milliseconds(200));
    world_->start_coordinator(false);
    ASSERT_TRUE(world_->run_until(
        [&] {
          return std::all_of(made.begin(), made.begin() + 4,
                             [](const auto& one) { return one->result; });
        },
        seconds(60)));
    for (size_t peer = 0; peer < 4; ++peer) expect_right(*made[peer], contributors);
    if (HasFailure()) return;
  }
  EXPECT_GT(one_told, 10u);
}

}  // namespace
}  // namespace atoll_core::simulate
