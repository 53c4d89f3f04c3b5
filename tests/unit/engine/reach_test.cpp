// Peers that cannot be dialled, have moved, or never find each other.
#include <gmock/gmock.h>

#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

SmallRun::Change with_seed(uint64_t seed) {
  return [seed](WorldConfig& config) { config.seed = seed; };
}

// Who comes later has a larger id, and dials; who is behind a translator can only dial.
TEST(Reach, APeerThatCannotBeDialledLocksNobodyOut) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    SmallRun run(2, with_seed(seed));
    run.world().refuse_dials(run.process(seed % 2));
    const ProcessId newcomer = run.add();
    const Call admission = run.update(newcomer);
    // It may be linked only after the members' first updates.
    for (int i = 0; i < 4 && !admission.ended(); ++i) {
      run.finish({run.update(run.process(0)), run.update(run.process(1))}, seconds(1));
      run.world().run_for(seconds(1));
    }
    ASSERT_TRUE(admission.committed()) << admission.sentence();
    EXPECT_EQ(run.world().engine(newcomer).view()->members.size(), 3u);
    const std::vector<Call> calls = run.on_all(large_call());
    run.finish(calls, seconds(30));
    run.expect_committed(calls);
    if (testing::Test::HasFailure()) return;
  }
}

// Three that come one after the other and found a run; one of them refuses all who dial it.
class Founding {
 public:
  Founding(uint64_t seed, size_t refuses) : world_(config(seed)) {
    for (const char* name : {"a", "b", "c"}) {
      processes_.push_back(world_.spawn({name, "", 0, 1}));
      const ProcessId process = processes_.back();
      if (processes_.size() == refuses + 1) world_.refuse_dials(process);
      world_.call(process, [](engine::Engine& engine, TimePoint now, engine::CallId id) {
        engine.connect(now, id);
      });
      world_.run_for(milliseconds(200));
      world_.call(process, [](engine::Engine& engine, TimePoint now, engine::CallId id) {
        engine.update(now, id);
      }, [this](const auto& result) { admitted_ += result.has_value() ? 1 : 0; });
    }
  }

  bool succeeds() {
    return world_.run_until([this] { return admitted_ == processes_.size(); }, seconds(5));
  }
  World& world() { return world_; }
  ProcessId process(size_t index) const { return processes_.at(index); }

 private:
  static WorldConfig config(uint64_t seed) {
    WorldConfig config;
    config.seed = seed;
    config.coordinator.min_replicas = 3;
    return config;
  }

  World world_;
  std::vector<ProcessId> processes_;
  size_t admitted_ = 0;
};

TEST(Reach, AFounderThatCannotBeDialledKeepsNoViewFromForming) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    EXPECT_TRUE(Founding(seed, seed % 3).succeeds());
  }
}

// Nobody has ever been answered where it says that it listens.
TEST(Reach, ARefusalWhereAPeerHasNeverAnsweredDoesNotFindItDead) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Founding run(seed, seed % 3);
    ASSERT_TRUE(run.succeeds());
    run.world().run_for(seconds(1));
    // It is suspect: the others dial it, and are refused.
    EXPECT_TRUE(run.world().drop_control(run.process(seed % 3)));
    run.world().run_for(seconds(20));
    EXPECT_EQ(run.world().coordinator_status().evictions, 0u);
  }
}

// Those who have been dialled by it have seen before where it listens.
TEST(Reach, ADeathIsFoundAtOnceWhoeverHasDialled) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    SmallRun run(4, with_seed(seed));
    run.world().run_for(seconds(1));
    run.world().kill(run.process(seed % 4));
    EXPECT_TRUE(run.world().run_until(
        [&] { return run.world().coordinator_status().evictions == 1; }, milliseconds(500)));
  }
}

TEST(Reach, AMemberThatHasMovedIsLinkedAgain) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    SmallRun run(3, with_seed(seed));
    run.world().run_for(seconds(10));
    const std::vector<Call> calls = run.on_all(large_call());
    run.world().run_for(milliseconds(run.world().random().below(60)));
    run.world().move(run.process(seed % 3));
    run.finish(calls, seconds(20));
    run.expect_committed(calls);
    EXPECT_EQ(run.world().coordinator_status().evictions, 0u);
    if (testing::Test::HasFailure()) return;
  }
}

// Neither can dial the other, and a call needs both: the later one in the view goes.
TEST(Reach, OfAPairThatNeedsALinkOneEndIsDropped) {
  SmallRun run(3);
  run.world().run_for(seconds(10));
  run.world().separate(run.process(0), run.process(2));
  PlannedCall plan = large_call();
  plan.options.algorithm = static_cast<uint32_t>(topology::Algorithm::kMesh);
  const std::vector<Call> calls = run.on_all(plan);
  run.finish(calls, seconds(40));
  EXPECT_EQ(run.world().coordinator_status().evictions, 1u);
  EXPECT_EQ(calls[2].code(), ErrorCode::kEvicted);
  EXPECT_THAT(calls[2].sentence(), HasSubstr("has waited"));
  EXPECT_THAT(calls[2].sentence(), HasSubstr("are not linked"));
  EXPECT_TRUE(calls[0].committed()) << calls[0].sentence();
  EXPECT_TRUE(calls[1].committed()) << calls[1].sentence();
}

TEST(Reach, APairThatNeedsNoLinkStays) {
  SmallRun run(3);
  run.world().run_for(seconds(10));
  run.world().separate(run.process(0), run.process(2));
  run.world().run_for(std::chrono::minutes(2));
  EXPECT_EQ(run.world().coordinator_status().evictions, 0u);
}

}  // namespace
}  // namespace atoll_core::simulate
