// Calls that keep their complete segments: who contributed to what, by value, whoever dies when.
#include "engine/kept_segments.h"

#include <functional>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using engine::ContributedRange;
using engine::KeptSegments;
using std::chrono::milliseconds;
using std::chrono::seconds;

PlannedCall keeping_call() {
  PlannedCall plan = large_call();
  plan.options.keep = true;
  return plan;
}

// Of those who live: the same ranges, which are the whole result, by value. Returns how many.
size_t expect_kept(SmallRun& run, const std::vector<Call>& calls) {
  const Call* first = nullptr;
  for (const Call& call : calls) {
    if (!run.world().alive(call.process)) continue;
    EXPECT_TRUE(call.committed()) << call.sentence();
    if (!call.committed()) return 0;
    if (first == nullptr) first = &call;
    const std::vector<ContributedRange>& ranges = call.info().ranges;
    EXPECT_EQ(ranges, first->info().ranges);
    EXPECT_EQ(ranges.back().end, elements_of(call.memory->call()));
    EXPECT_EQ(ranges.back().contributors, call.info().contributors);
    EXPECT_EQ(call.memory->check_result(ranges), "");
    EXPECT_EQ(call.memory->result(), first->memory->result());
  }
  return first == nullptr ? 0 : first->info().ranges.size();
}

TEST(KeptSegments, TellsWhileFrozenOnlyWhatWasReported) {
  KeptSegments kept;
  kept.begin();
  EXPECT_EQ(kept.reach(100), 100u);
  EXPECT_EQ(kept.heard(40, 100), 40u);
  EXPECT_EQ(kept.heard(900, 100), 100u) << "no more than is complete here";
  kept.freeze(150);
  EXPECT_EQ(kept.reach(300), 150u);
  EXPECT_EQ(kept.heard(140, 300), 100u);
  EXPECT_EQ(kept.progress(300).stable_below, 100u);
  EXPECT_EQ(kept.thaw(300), 300u) << "what was heard meanwhile counts then";
  EXPECT_EQ(kept.reach(300), 300u);
}

TEST(KeptSegments, RefusesWhatItCannotGiveBackOrHasNot) {
  KeptSegments kept;
  kept.begin();
  kept.heard(40, 100);
  EXPECT_FALSE(kept.keep({39, {}, 1}, 100));
  EXPECT_FALSE(kept.keep({101, {}, 1}, 100));
  EXPECT_EQ(kept.base(), 0u);
  EXPECT_TRUE(kept.keep({64, {{1}, {2}}, 2}, 100));
  EXPECT_EQ(kept.base(), 64u);
  EXPECT_TRUE(kept.keep({64, {{1}}, 1}, 64)) << "an attempt that made nothing";
  ASSERT_EQ(kept.ranges().size(), 1u);
  EXPECT_EQ(kept.ranges()[0].contributors.size(), 2u);
  kept.begin();
  EXPECT_EQ(kept.progress(64).stable_below, 64u) << "what stands cannot be given back";
}

// Runs `play` with the death of the second of 4 peers at its first moment, then `stride` moments
// later, and so on until it outlives it.
void each_moment(uint64_t stride, const std::function<void(SmallRun&)>& play) {
  uint64_t moments = 0;
  for (bool died = true; died; moments += stride) {
    SCOPED_TRACE(testing::Message() << "death at moment " << moments);
    ASSERT_LT(moments, 1000u);
    SmallRun run(4, [&](WorldConfig& config) { config.seed = moments + 1; });
    uint64_t left = moments + 1;
    run.world().on_trace([&](ProcessId process, const char*) {
      if (process == run.process(1) && --left == 0) run.world().kill_soon(process);
    });
    play(run);
    died = !run.world().alive(run.process(1));
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(moments, 3u) << "it did not die at all";
}

class KeepingCall : public ::testing::TestWithParam<bool> {
 protected:
  PlannedCall plan() const {
    PlannedCall plan = keeping_call();
    plan.in_place = GetParam();
    return plan;
  }
};

INSTANTIATE_TEST_SUITE_P(Call, KeepingCall, ::testing::Bool(), [](const auto& in_place) {
  return in_place.param ? "InPlace" : "OutOfPlace";
});

TEST_P(KeepingCall, HasOneRangeWhenNobodyDies) {
  SmallRun run(3);
  const std::vector<Call> calls = run.on_all(plan());
  run.finish(calls);
  EXPECT_EQ(expect_kept(run, calls), 1u);
}

TEST_P(KeepingCall, SurvivesADeathAtEachMoment) {
  std::set<uint64_t> ends;
  each_moment(7, [&](SmallRun& run) {
    const std::vector<Call> calls = run.on_all(plan());
    run.finish(calls);
    if (expect_kept(run, calls) < 2) return;
    const auto& ranges = calls[0].info().ranges;
    EXPECT_EQ(ranges[0].contributors.size(), 4u);
    EXPECT_EQ(ranges[1].contributors.size(), 3u);
    ends.insert(ranges[0].end);
  });
  EXPECT_GT(ends.size(), 10u) << "segments are kept wherever the death falls";
}

TEST_P(KeepingCall, GoesOnAlsoWhenItIsNotToBeTriedAgain) {
  size_t failed = 0, kept = 0;
  each_moment(11, [&](SmallRun& run) {
    PlannedCall once = plan();
    once.options.retry = false;
    const std::vector<Call> calls = run.on_all(once);
    run.finish(calls);
    if (calls[0].committed()) {
      if (expect_kept(run, calls) > 1) ++kept;
    } else {
      run.expect_failed(calls, ErrorCode::kPeerLost);
      ++failed;
    }
  });
  EXPECT_GT(failed, 0u) << "before the first stable segment";
  EXPECT_GT(kept, 0u) << "after it";
}

TEST_P(KeepingCall, KeepsTheWeightsOfEachRange) {
  size_t kept = 0;
  each_moment(17, [&](SmallRun& run) {
    PlannedCall average = plan();
    average.reduce = ReduceOp::kAvg;
    average.weighted = true;
    const std::vector<Call> calls = run.on_all(average);
    run.finish(calls);
    if (expect_kept(run, calls) > 1) ++kept;
    for (const Call& call : calls) {
      if (!call.committed()) continue;
      for (const ContributedRange& range : call.info().ranges) {
        EXPECT_EQ(range.weight, total_weight(average, range.contributors));
      }
      EXPECT_EQ(call.info().weight, call.info().ranges.back().weight);
    }
  });
  EXPECT_GT(kept, 3u);
}

// Tells of the first peer's calls how far they are stable.
uint64_t stable_below(SmallRun& run, size_t index) {
  const auto reports = run.world().engine(run.process(index)).kept();
  return reports.empty() ? 0 : reports.front().progress.stable_below;
}

bool run_until_stable(SmallRun& run, size_t index, uint64_t below) {
  return run.world().run_until([&] { return stable_below(run, index) >= below; }, seconds(20));
}

TEST_P(KeepingCall, SurvivesDeathAfterDeathDownToOne) {
  SmallRun run(4);
  const std::vector<Call> calls = run.on_all(plan());
  uint64_t below = 20'000;
  for (size_t victim = 3; victim > 0; --victim, below += 60'000) {
    ASSERT_TRUE(run_until_stable(run, 0, below));
    run.world().kill(run.process(victim));
  }
  run.finish(calls);
  EXPECT_EQ(expect_kept(run, calls), 4u);
  const auto& ranges = calls[0].info().ranges;
  for (size_t i = 0; i < ranges.size(); ++i) EXPECT_EQ(ranges[i].contributors.size(), 4 - i);
  EXPECT_EQ(calls[0].info().attempts, 4u);
}

// Two that live but cannot reach each other: the coordinator parts them.
TEST_P(KeepingCall, ThatTwoCannotGoOnWithEndsForOneOfThem) {
  SmallRun run(3);
  const std::vector<Call> calls = run.on_all(plan());
  ASSERT_TRUE(run_until_stable(run, 0, 20'000));
  run.world().separate(run.process(1), run.process(2));
  run.finish(calls);
  for (const size_t stays : {0, 1}) {
    ASSERT_TRUE(calls[stays].committed()) << calls[stays].sentence();
    EXPECT_EQ(calls[stays].memory->check_result(calls[stays].info().ranges), "");
  }
  EXPECT_EQ(error_name(calls[2].code()), error_name(ErrorCode::kEvicted)) << calls[2].sentence();
}

// The peers are less patient than the coordinator: they leave one after the other, until those who
// are left can go on.
TEST_P(KeepingCall, ThatCannotGoOnEndsForOneAndTheOthersFinish) {
  SmallRun run(3, [](WorldConfig& config) {
    config.engine.progress_timeout = seconds(5);
    config.coordinator.peer_timeout = seconds(20);
  });
  const std::vector<Call> calls = run.on_all(plan());
  ASSERT_TRUE(run_until_stable(run, 0, 20'000));
  run.world().separate(run.process(1), run.process(2));
  run.finish(calls);
  size_t committed = 0;
  for (const Call& call : calls) {
    ASSERT_TRUE(call.ended());
    committed += call.committed() ? 1 : 0;
    if (call.committed()) {
      EXPECT_EQ(call.memory->check_result(call.info().ranges), "");
    } else {
      EXPECT_TRUE(call.code() == ErrorCode::kTimeout || call.code() == ErrorCode::kEvicted)
          << call.sentence();
    }
  }
  EXPECT_EQ(error_name(calls[0].code()), error_name(ErrorCode::kTimeout)) << "the first to leave";
  EXPECT_GE(committed, 1u);
}

TEST_P(KeepingCall, SurvivesTheCoordinatorBetweenTwoDeaths) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    SmallRun run(4, [seed](WorldConfig& config) {
      config.seed = seed;
      config.engine.membership.coordinator_timeout = seconds(30);
    });
    const std::vector<Call> calls = run.on_all(plan());
    ASSERT_TRUE(run_until_stable(run, 0, 30'000));
    run.world().kill(run.process(3));
    // Before, during and after the round: some may have heard its verdict, others not.
    const auto any = [&](uint32_t attempts) {
      for (size_t i = 0; i < 3; ++i) {
        const auto report = run.world().engine(run.process(i)).report(run.world().now());
        if (!report.calls.empty() && report.calls.front().attempts >= attempts) return true;
      }
      return false;
    };
    if (seed % 3 == 0) run.world().run_for(milliseconds(seed));
    else ASSERT_TRUE(run.world().run_until([&] { return any(2); }, seconds(30)));
    if (seed % 3 == 1) run.world().run_for(milliseconds(seed));
    run.world().stop_coordinator();
    run.world().run_for(milliseconds(200));
    run.world().kill(run.process(2));
    run.world().start_coordinator(seed % 2 == 0);
    run.finish(calls);
    EXPECT_GE(expect_kept(run, calls), 2u);
    if (HasFailure()) return;
  }
}

TEST_P(KeepingCall, IsNotCancelledOnceASegmentStands) {
  SmallRun run(3);
  const std::vector<Call> early = run.on_all(plan());
  run.world().cancel(early[0].process, early[0].id);
  run.finish(early);
  run.expect_failed(early, ErrorCode::kCancelled);

  const std::vector<Call> calls = run.on_all(plan());
  ASSERT_TRUE(run_until_stable(run, 0, 1));
  ASSERT_LT(stable_below(run, 0), elements_of(plan()) / 2);
  run.world().cancel(calls[0].process, calls[0].id);
  run.world().run_for(milliseconds(20));
  if (!calls[2].ended()) run.world().cancel(calls[2].process, calls[2].id);
  run.finish(calls);
  EXPECT_EQ(expect_kept(run, calls), 1u);
  EXPECT_EQ(calls[0].info().attempts, 1u) << "the attempt goes on";
}

TEST_P(KeepingCall, OutlivesItsDeadlineOnceASegmentStands) {
  size_t committed = 0, failed = 0;
  for (int64_t deadline = 2; deadline <= 90; deadline += 2) {
    SCOPED_TRACE(deadline);
    SmallRun run(3, [](WorldConfig& config) { config.bytes_per_second = 20'000'000; });
    PlannedCall timed = plan();
    timed.options.deadline = milliseconds(deadline);
    const std::vector<Call> calls = run.on_all(timed);
    run.finish(calls);
    if (calls[0].committed()) {
      expect_kept(run, calls);
      ++committed;
    } else {
      run.expect_failed(calls, ErrorCode::kTimeout);
      ++failed;
    }
    if (HasFailure()) return;
  }
  EXPECT_GT(failed, 0u);
  EXPECT_GT(committed, 3u);
}

// The backup of a keeping call is a window, in freezes too.
TEST(KeepingCallBackup, IsAtMost24Segments) {
  constexpr uint32_t kChunk = 64u << 10;
  constexpr uint64_t kPeers = 3;
  PlannedCall plan = keeping_call();
  plan.counts = {5'000'000};  // 20 MB
  for (const bool cancels : {false, true}) {
    SmallRun run(kPeers, [](WorldConfig& config) {
      config.engine.chunk_bytes = kChunk;
      config.engine.connections_per_link = 3;
      config.data_delays.most = milliseconds(40);
    });
    const std::vector<Call> calls = run.on_all(plan);
    ASSERT_TRUE(run_until_stable(run, 0, 1));
    for (int i = 0; cancels && i < 10 && !calls[1].ended(); ++i) {
      run.world().cancel(calls[1].process, calls[1].id);
      run.world().run_for(milliseconds(30));
    }
    run.finish(calls);
    expect_kept(run, calls);
    constexpr uint64_t kWindow = 24 * kPeers * kChunk;
    static_assert(kWindow < 5'000'000);
    for (size_t i = 0; i < kPeers; ++i) {
      const auto counters = run.world().engine(run.process(i)).backup_counters();
      EXPECT_LE(counters.bytes_in_use_peak, kWindow + engine::BackupPool::kSlabBytes);
      EXPECT_GE(counters.bytes_in_use_peak, kWindow / 4);
      EXPECT_EQ(counters.bytes_in_use, 0u);
    }
  }
}

TEST(KeepingCallBackup, IsReservedAsAWindow) {
  SmallRun run(2, [](WorldConfig& config) {
    config.engine.chunk_bytes = 64u << 10;
    config.engine.input_backup.limit = 4u << 20;
  });
  PlannedCall plan = keeping_call();
  plan.counts = {5'000'000};
  const std::vector<Call> calls = run.on_all(plan);
  run.finish(calls);
  EXPECT_EQ(expect_kept(run, calls), 1u);
  plan.options.keep = false;
  const std::vector<Call> whole = run.on_all(plan);
  run.finish(whole);
  run.expect_failed(whole, ErrorCode::kOutOfMemory);
}

TEST(KeepingCallBackup, WhoHasNoMemoryOnceASegmentStandsLeavesAndTheOthersGoOn) {
  bool none = false;
  SmallRun run(3, [&](WorldConfig& config) {
    config.engine.chunk_bytes = 256u << 10;
    config.data_delays.most = milliseconds(60);  // so that the window is not in use as a whole yet
    config.engine.input_backup.allocate = [&none](size_t bytes) {
      return std::exchange(none, false) ? nullptr : std::make_unique<std::byte[]>(bytes);
    };
  });
  PlannedCall plan = keeping_call();
  plan.counts = {5'000'000};
  const std::vector<Call> calls = run.on_all(plan);
  ASSERT_TRUE(run_until_stable(run, 0, 1));
  none = true;  // for whoever asks next
  run.finish(calls);
  EXPECT_FALSE(none) << "nobody has asked";
  size_t failed = 0;
  for (const Call& call : calls) {
    ASSERT_TRUE(call.ended());
    if (call.committed()) {
      EXPECT_EQ(call.memory->check_result(call.info().ranges), "");
      EXPECT_EQ(call.info().ranges.size(), 2u);
      continue;
    }
    EXPECT_EQ(error_name(call.code()), error_name(ErrorCode::kOutOfMemory)) << call.sentence();
    ++failed;
  }
  EXPECT_EQ(failed, 1u);
}

TEST(KeepingCall, MustBeKeepingOnAll) {
  SmallRun run(2);
  std::vector<Call> calls = {run.collective(run.process(0), keeping_call()),
                             run.collective(run.process(1), large_call())};
  run.finish(calls);
  run.expect_failed(calls, ErrorCode::kMismatch);
  EXPECT_NE(calls[0].sentence().find("keeping segments"), std::string::npos)
      << calls[0].sentence();
}

}  // namespace
}  // namespace atoll_core::simulate
