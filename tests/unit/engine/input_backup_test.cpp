// What in-place calls keep of their input: how much memory, from where, and what happens without.
#include "engine/input_backup.h"

#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using engine::BackupConfig;
using engine::BackupCounters;
using engine::BackupPool;
using engine::BackupSlab;
using engine::InputBackup;
using std::chrono::seconds;

constexpr uint64_t kSlab = BackupPool::kSlabBytes;

BackupConfig pool_config(uint64_t kept_max, uint64_t limit = 0) {
  BackupConfig config;
  config.bytes_kept_max = kept_max;
  config.limit = limit;
  return config;
}

TEST(BackupPool, KeepsSlabsUpToItsBound) {
  BackupPool pool(pool_config(2 * kSlab));
  std::vector<BackupSlab> slabs;
  for (int i = 0; i < 4; ++i) slabs.push_back(pool.take(1000));
  EXPECT_EQ(pool.counters().bytes_in_use, 4 * kSlab);
  EXPECT_EQ(pool.counters().slabs_made, 4u);
  for (BackupSlab& slab : slabs) pool.give_back(std::move(slab));
  slabs.clear();
  EXPECT_EQ(pool.counters().bytes_in_use, 0u);
  EXPECT_EQ(pool.counters().bytes_in_use_peak, 4 * kSlab);
  EXPECT_EQ(pool.counters().bytes_kept, 2 * kSlab);
  for (int i = 0; i < 3; ++i) slabs.push_back(pool.take(kSlab));
  EXPECT_EQ(pool.counters().slabs_made, 5u);
  EXPECT_EQ(pool.counters().bytes_kept, 0u);
  for (BackupSlab& slab : slabs) pool.give_back(std::move(slab));
}

TEST(BackupPool, MakesLargeSlabsAndKeepsNone) {
  BackupPool pool(pool_config(uint64_t{1} << 30));
  BackupSlab large = pool.take(kSlab + 1);
  EXPECT_EQ(large.size, kSlab + 1);
  pool.give_back(std::move(large));
  EXPECT_EQ(pool.counters().bytes_kept, 0u);
  EXPECT_EQ(pool.counters().bytes_in_use, 0u);
}

TEST(BackupPool, RefusesReservationsBeyondItsLimit) {
  BackupPool pool(pool_config(0, 100));
  EXPECT_FALSE(pool.reserve(101));
  EXPECT_TRUE(pool.reserve(60));
  EXPECT_FALSE(pool.reserve(41));
  EXPECT_FALSE(pool.reserve(UINT64_MAX));
  EXPECT_TRUE(pool.reserve(40));
  pool.unreserve(60);
  EXPECT_EQ(pool.reserved(), 40u);
  EXPECT_TRUE(pool.reserve(60));
}

TEST(InputBackup, PutsBackWhatItKeptFirst) {
  std::vector<uint32_t> values(600'000);
  std::iota(values.begin(), values.end(), 0u);
  const std::vector<uint32_t> before = values;
  auto* data = reinterpret_cast<std::byte*>(values.data());
  const auto list = codec::TensorList::create(DataType::kUint32, {{data, data, values.size()}});
  BackupPool pool(pool_config(uint64_t{1} << 30));
  for (int round = 0; round < 2; ++round) {
    InputBackup backup(*list, true, pool);
    for (uint64_t begin = 0; begin < values.size(); begin += 50'000) {
      const ElementRange range{begin, begin + 50'000};
      ASSERT_TRUE(backup.keep(range));
      for (uint64_t i = begin; i < range.end; ++i) values[i] = 7;
      ASSERT_TRUE(backup.keep(range));  // it is kept already: as it was, not as it is
    }
    // Ten ranges fill a slab.
    EXPECT_EQ(pool.counters().bytes_in_use, 2 * kSlab);
    backup.restore();
    EXPECT_EQ(values, before);
    EXPECT_EQ(pool.counters().bytes_in_use, 0u);
  }
  EXPECT_EQ(pool.counters().slabs_made, 2u);
}

// 3 MB.
PlannedCall large_plan(bool in_place) {
  PlannedCall plan;
  plan.counts = {500'000, 250'000};
  plan.in_place = in_place;
  return plan;
}

BackupCounters counters(SmallRun& run, size_t index) {
  return run.world().engine(run.process(index)).backup_counters();
}

void play(SmallRun& run, const PlannedCall& plan) {
  const std::vector<Call> calls = run.on_all(plan);
  run.finish(calls);
  run.expect_committed(calls);
}

TEST(BackupOfACall, IsItsSizeAndIsReused) {
  SmallRun run(3);
  for (int round = 0; round < 5; ++round) {
    play(run, large_plan(true));
    for (size_t i = 0; i < 3; ++i) {
      const BackupCounters now = counters(run, i);
      EXPECT_EQ(now.bytes_in_use, 0u);
      EXPECT_EQ(now.bytes_in_use_peak, 2 * kSlab);
      EXPECT_EQ(now.bytes_kept, 2 * kSlab);
      EXPECT_EQ(now.slabs_made, 2u) << "round " << round;
    }
  }
}

TEST(BackupOfACall, IsNotKeptBeyondTheBound) {
  SmallRun run(2, [](WorldConfig& config) { config.engine.input_backup.bytes_kept_max = kSlab; });
  play(run, large_plan(true));
  EXPECT_EQ(counters(run, 0).bytes_in_use_peak, 2 * kSlab);
  EXPECT_EQ(counters(run, 0).bytes_kept, kSlab);
  play(run, large_plan(true));
  EXPECT_EQ(counters(run, 0).slabs_made, 3u);
}

TEST(BackupOfACall, IsNoneWhereNothingIsToBeGivenBack) {
  SmallRun run(3);
  play(run, large_plan(false));
  PlannedCall disposable = large_plan(true);
  disposable.options.input_disposable = true;
  disposable.options.retry = false;
  play(run, disposable);
  PlannedCall small = large_plan(true);
  small.counts = {1000};
  play(run, small);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(counters(run, i).bytes_in_use_peak, 0u);
}

TEST(BackupOfACall, IsGivenBackAfterADeathAndAnAbort) {
  SmallRun run(3, [](WorldConfig& config) { config.engine.input_backup.bytes_kept_max = 0; });
  int arrivals = 0;
  run.world().on_trace([&](ProcessId process, const char* point) {
    const bool here = process == run.process(2) && std::string_view(point) == "gather.receive";
    if (here && ++arrivals == 20) run.world().kill_soon(process);
  });
  PlannedCall plan = large_plan(true);
  plan.options.retry = false;
  const std::vector<Call> calls = run.on_all(plan);
  run.finish(calls);
  EXPECT_FALSE(run.world().alive(run.process(2)));
  run.expect_failed(calls, ErrorCode::kPeerLost);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_GT(counters(run, i).bytes_in_use_peak, 0u);
    EXPECT_EQ(counters(run, i).bytes_in_use, 0u);
  }
  play(run, large_plan(true));
}

// One peer may not keep so much: nobody's call begins, and the next one that fits does.
TEST(BackupLimit, OfOnePeerEndsTheCallOnAll) {
  const uint64_t bytes = CallMemory(large_plan(true), PeerId{1}).result().size();
  SmallRun run(3, [&](WorldConfig& config) {
    config.engine.input_backup.limit = bytes + bytes / 2;
  });
  const std::vector<Call> first{run.collective(run.process(0), large_plan(true))};
  PlannedCall second = large_plan(true);
  second.options.tag = 5;
  const std::vector<Call> both = run.on_all(second);  // too much on process 0 only
  run.finish(both);
  run.expect_failed(both, ErrorCode::kOutOfMemory);
  EXPECT_NE(both[2].sentence().find("island-0"), std::string::npos) << both[2].sentence();
  EXPECT_NE(both[2].sentence().find("limit"), std::string::npos) << both[2].sentence();
  std::vector<Call> rest = first;
  for (size_t i = 1; i < 3; ++i) rest.push_back(run.collective(run.process(i), large_plan(true)));
  run.finish(rest);
  run.expect_committed(rest);
  PlannedCall out_of_place = large_plan(false);
  out_of_place.counts = {3'000'000};
  play(run, out_of_place);
  play(run, second);  // nothing is reserved any more
}

// The heap gives no more in the middle of a call: it ends on all, and every input is restored.
TEST(BackupLimit, WithoutMemoryTheCallEndsOnAll) {
  for (const int slabs : {0, 1}) {
    auto left = std::make_shared<int>(slabs);
    SmallRun run(3, [&](WorldConfig& config) {
      config.engine.input_backup.allocate = [left](size_t size) {
        return (*left)-- > 0 ? std::make_unique<std::byte[]>(size) : nullptr;
      };
    });
    const std::vector<Call> calls = run.on_all(large_plan(true));
    run.finish(calls);
    run.expect_failed(calls, ErrorCode::kOutOfMemory);
    EXPECT_NE(calls[0].sentence().find("no memory"), std::string::npos) << calls[0].sentence();
    play(run, large_plan(false));
    *left = 1000;
    play(run, large_plan(true));
  }
}

}  // namespace
}  // namespace atoll_core::simulate
