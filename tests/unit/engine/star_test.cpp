// A short call over a hub: who only hands over his input and gets the result does so without copies
// of either. What others are given must not depend on his memory once he has returned.
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "topology/plan.h"
#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::seconds;

constexpr uint32_t kPeers = 4;

// Chunks are whole calls, and come in one piece.
SmallRun::Change in_one_piece(uint64_t seed, uint32_t connections = 1) {
  return [=](WorldConfig& config) {
    config.seed = seed;
    config.engine.chunk_bytes = 256u << 10;
    config.engine.connections_per_link = connections;
    config.bytes_per_move_max = 256u << 10;
    config.bytes_per_second = 2'000'000'000;
  };
}

PlannedCall one_tensor(uint64_t count, bool in_place, uint64_t salt) {
  PlannedCall plan;
  plan.counts = {count};
  plan.in_place = in_place;
  plan.salt = salt;
  plan.options.algorithm = static_cast<uint32_t>(topology::Algorithm::kStar);
  return plan;
}

// Each time the memory of the calls is gone when the next ones begin.
void call_again_and_again(SmallRun& run, uint64_t count) {
  for (uint64_t round = 1; round <= 6; ++round) {
    const std::vector<Call> calls = run.on_all(one_tensor(count, round % 2 == 0, round));
    run.finish(calls, seconds(60));
    run.expect_committed(calls);
  }
}

constexpr uint64_t kCounts[] = {1000, 16'384, 100'000};  // the last one is of several chunks

TEST(Star, CallAfterCall) {
  for (const uint64_t count : kCounts) {
    for (uint64_t seed = 1; seed <= 8; ++seed) {
      SmallRun run(kPeers, in_one_piece(seed));
      call_again_and_again(run, count);
    }
  }
}

// Connections break all the time, so that frames go again of calls that have ended.
TEST(Star, WhatWasLostGoesAgainWithoutTheCallersMemory) {
  uint64_t resent = 0;
  for (const uint64_t count : kCounts) {
    for (uint64_t seed = 1; seed <= 8; ++seed) {
      SmallRun run(kPeers, in_one_piece(seed, 2));
      run.world().on_trace([&](ProcessId who, const char* point) {
        const std::string_view at = point;
        if (at != "scatter.receive" && at != "op.commit") return;
        if (run.world().random().one_in(3)) {
          run.world().after(who, Duration{0}, [&run, who] { run.world().cut_connection(who); });
        }
      });
      call_again_and_again(run, count);
      for (const ProcessId process : run.processes()) {
        resent += run.world().engine(process).counters().frames_resent;
      }
    }
  }
  EXPECT_GT(resent, 50u);
}

// The hub dies, or one that it serves: the others try again with an input that is as it was.
TEST(Star, TriesAgainWhenSomebodyDies) {
  int retried = 0;
  for (const uint64_t count : kCounts) {
    for (uint64_t seed = 1; seed <= 40; ++seed) {
      SmallRun run(kPeers, in_one_piece(seed));
      run.finish(run.on_all(one_tensor(count, true, seed)), seconds(60));
      const ProcessId victim = run.process(seed % kPeers);
      const bool early = seed % 3 != 0;
      bool dead = false;
      run.world().on_trace([&](ProcessId, const char* point) {
        if (dead || std::string_view(point) != (early ? "scatter.receive" : "op.commit")) return;
        dead = true;
        run.world().kill_soon(victim);
      });
      const std::vector<Call> calls = run.on_all(one_tensor(count, seed % 2 == 0, seed + 1));
      run.finish(calls, seconds(60));
      run.expect_committed(calls);
      for (const Call& call : calls) {
        if (call.process != victim && call.info().attempts > 1) ++retried;
      }
    }
  }
  EXPECT_GT(retried, 30);
}

TEST(Star, AnInputIsAsItWasWhenTheCallIsCancelled) {
  for (const uint64_t count : kCounts) {
    SmallRun run(kPeers, in_one_piece(1));
    const PlannedCall plan = one_tensor(count, true, 1);
    std::vector<Call> calls;
    for (size_t i = 0; i + 1 < kPeers; ++i) calls.push_back(run.collective(run.process(i), plan));
    run.world().run_for(std::chrono::milliseconds(200));
    run.world().cancel(run.process(1), calls[1].id);
    run.finish(calls, seconds(20));
    run.expect_failed(calls, ErrorCode::kCancelled);
  }
}

}  // namespace
}  // namespace atoll_core::simulate
