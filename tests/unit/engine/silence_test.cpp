// Data connections over which nothing passes, although nobody was told: they are found, dialled
// again, and calls in flight go on with what had not arrived.
#include <gtest/gtest.h>

#include "topology/plan.h"
#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kChunk = 8'192;
constexpr Duration kLimit = milliseconds(3000);
constexpr Duration kHeartbeat = milliseconds(500);
constexpr Duration kDelayMost = milliseconds(20);

class SilentConnection : public ::testing::Test {
 protected:
  static void slow(WorldConfig& config, uint64_t seed) {
    config.seed = seed;
    config.engine.chunk_bytes = kChunk;
    config.bytes_per_second = 500'000;  // the call takes seconds
    config.bytes_in_flight_max = 64u << 10;
    config.coordinator.peer_timeout = seconds(30);
  }
  // 1 MB in place.
  static PlannedCall big_call() {
    PlannedCall plan;
    plan.counts = {250'000};
    plan.in_place = true;
    plan.options.algorithm = static_cast<uint32_t>(topology::Algorithm::kRing);
    return plan;
  }
  static link::LinkCounters counters(SmallRun& run) {
    link::LinkCounters sum;
    for (const ProcessId process : run.world().living()) {
      const link::LinkCounters one = run.world().engine(process).counters();
      sum.payload_sent += one.payload_sent;
      sum.frames_resent += one.frames_resent;
      sum.connections_given_up += one.connections_given_up;
    }
    return sum;
  }
  // When the first connection was given up as silent.
  static std::optional<TimePoint> given_up_at(SmallRun& run) {
    std::optional<TimePoint> first;
    for (const ProcessId process : run.world().living()) {
      for (const engine::FlightEvent& event :
           run.world().engine(process).report(run.world().now()).events) {
        const bool silent = event.kind == engine::FlightKind::kConnectionLost &&
                            (event.words().find("nothing has come") != std::string_view::npos ||
                             event.words().find("have not arrived") != std::string_view::npos);
        if (silent && (!first || event.at < *first)) first = event.at;
      }
    }
    return first;
  }
  // Committed in the first attempt by all three, and nobody was dropped or frozen for it.
  static void expect_undisturbed(SmallRun& run, const std::vector<Call>& calls) {
    run.expect_committed(calls);
    ASSERT_TRUE(calls.front().committed());
    EXPECT_EQ(calls.front().info().contributors.size(), 3u);
    for (const Call& call : calls) EXPECT_EQ(call.info().attempts, 1u);
    EXPECT_EQ(run.world().coordinator_status().evictions, 0u);
    EXPECT_EQ(run.world().coordinator_status().settle_rounds, 0u);
  }
};

TEST_F(SilentConnection, BlackholeOfTenSecondsInOneDirection) {
  for (uint64_t seed = 1; seed <= 24; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    SmallRun run(3, [&](WorldConfig& config) {
      slow(config, seed);
      config.engine.connections_per_link = static_cast<uint32_t>(1 + seed % 3);
    });
    const std::vector<Call> calls = run.on_all(big_call());
    run.world().run_for(milliseconds(100 + 30 * seed));
    ASSERT_FALSE(calls[0].ended()) << "the test comes too late";
    // In each of the six directions; the even seeds block the way of the ring.
    const size_t from = seed % 3;
    const size_t to = (from + 1 + seed % 2) % 3;
    const TimePoint begin = run.world().now();
    run.world().block(run.process(from), run.process(to), seconds(10));
    run.finish(calls, seconds(30));
    if (seed % 2 == 0) {
      EXPECT_GT(run.world().now() - begin, kLimit);
    }
    run.world().run_for(seconds(5));
    expect_undisturbed(run, calls);
    const std::optional<TimePoint> found = given_up_at(run);
    ASSERT_TRUE(found.has_value());
    EXPECT_GE(*found - begin, kLimit - kHeartbeat);
    EXPECT_LE(*found - begin, kLimit + kHeartbeat + kDelayMost);
    const link::LinkCounters all = counters(run);
    EXPECT_LT(all.frames_resent * kChunk, all.payload_sent / 3) << "only what had not arrived";
  }
}

TEST_F(SilentConnection, BothWaysBlockedAndTheCallOutlivesIt) {
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    SmallRun run(3, [&](WorldConfig& config) { slow(config, seed); });
    const std::vector<Call> calls = run.on_all(big_call());
    run.world().run_for(milliseconds(100));
    run.world().block(run.process(0), run.process(1), seconds(10));
    run.world().block(run.process(1), run.process(0), seconds(10));
    // The one who dials tells the coordinator that there is no way.
    const auto told = [&] {
      for (const std::string& event : run.world().events()) {
        if (event.find("finds") != std::string::npos &&
            event.find("unreachable") != std::string::npos) {
          return true;
        }
      }
      return false;
    };
    EXPECT_TRUE(run.world().run_until(told, seconds(10)));
    run.finish(calls, seconds(30));
    expect_undisturbed(run, calls);
  }
}

TEST_F(SilentConnection, HalfOpenIsFoundLongBeforeTheKernelTells) {
  for (uint64_t seed = 1; seed <= 24; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    SmallRun run(3, [&](WorldConfig& config) { slow(config, seed); });
    const std::vector<Call> calls = run.on_all(big_call());
    run.world().run_for(milliseconds(100 + 20 * seed));
    ASSERT_FALSE(calls[0].ended()) << "the test comes too late";
    const TimePoint begin = run.world().now();
    ASSERT_TRUE(run.world().half_open_connection(run.process(seed % 3)));
    run.finish(calls, seconds(30));
    expect_undisturbed(run, calls);
    EXPECT_LE(run.world().now() - begin, seconds(9)) << "the kernel tells after 20 s";
    const link::LinkCounters all = counters(run);
    EXPECT_LT(all.frames_resent * kChunk, all.payload_sent / 3);
  }
}

TEST_F(SilentConnection, HalfOpenWhileIdleIsReadyForTheNextCall) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    SmallRun run(3, [&](WorldConfig& config) { slow(config, seed); });
    ASSERT_TRUE(run.world().half_open_connection(run.process(seed % 3)));
    run.world().run_for(kLimit + 2 * kHeartbeat);
    for (const ProcessId process : run.processes()) {
      for (const engine::LinkStatus& link : run.world().engine(process).report({}).links) {
        EXPECT_EQ(link.connections, 1u);
      }
    }
    const TimePoint begin = run.world().now();
    PlannedCall plan;
    plan.counts = {10};
    const std::vector<Call> calls = run.on_all(plan);
    run.finish(calls);
    expect_undisturbed(run, calls);
    EXPECT_LE(run.world().now() - begin, milliseconds(200)) << "nothing had to be found out";
  }
}

TEST_F(SilentConnection, NobodyLosesOneByStandingStillForTwoSeconds) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    SmallRun run(3, [&](WorldConfig& config) { slow(config, seed); });
    std::vector<Call> calls = run.on_all(big_call());
    run.world().run_for(milliseconds(37 * seed));
    run.world().freeze(run.process(seed % 3), seconds(2));
    run.finish(calls, seconds(30));
    expect_undisturbed(run, calls);
    run.world().run_for(milliseconds(731 * seed));  // and while nothing moves
    run.world().freeze(run.process(seed % 3), seconds(2));
    run.world().run_for(seconds(5));
    EXPECT_EQ(counters(run).connections_given_up, 0u);
    EXPECT_EQ(counters(run).frames_resent, 0u);
  }
}

// All stand still at once, as on a machine that was suspended: none of them takes the others' sleep
// for silence, since it slept itself.
TEST_F(SilentConnection, NobodyLosesOneWhenAllSleep) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    SmallRun run(3, [&](WorldConfig& config) { slow(config, seed); });
    const std::vector<Call> calls = run.on_all(big_call());
    run.world().run_for(milliseconds(37 * seed));
    for (const ProcessId process : run.processes()) run.world().freeze(process, seconds(20));
    run.finish(calls, seconds(60));
    expect_undisturbed(run, calls);
    EXPECT_EQ(counters(run).connections_given_up, 0u);
  }
}

// Longer than the limit: the others give its connections up, it comes back, and the call goes on.
TEST_F(SilentConnection, ALongSleepCostsConnectionsButNoCall) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    SmallRun run(3, [&](WorldConfig& config) { slow(config, seed); });
    const std::vector<Call> calls = run.on_all(big_call());
    run.world().run_for(milliseconds(37 * seed));
    run.world().freeze(run.process(seed % 3), seconds(12));
    run.finish(calls, seconds(60));
    expect_undisturbed(run, calls);
    EXPECT_GT(counters(run).connections_given_up, 0u);
  }
}

// A process that comes to run for a moment every four seconds, as one of hundreds on two cores: the
// others learn to wait for it, and do not hang up on it each time.
TEST_F(SilentConnection, AHostThatCannotKeepUpIsDialledAgainTwiceAndNotForEver) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    SmallRun run(3, [&](WorldConfig& config) {
      slow(config, seed);
      config.engine.connections_per_link = 1;
    });
    for (int i = 0; i < 15; ++i) {
      run.world().freeze(run.process(2), milliseconds(4000));
      run.world().run_for(milliseconds(4200));
    }
    // By each of the other two.
    EXPECT_GT(counters(run).connections_given_up, 0u);
    EXPECT_LE(counters(run).connections_given_up, 4u);
    EXPECT_EQ(run.world().coordinator_status().evictions, 0u);
    // When it keeps up again, a path that swallows what is sent is found as soon as ever.
    run.world().run_for(std::chrono::minutes(3));
    const uint64_t before = counters(run).connections_given_up;
    run.world().block(run.process(0), run.process(2), seconds(6));
    run.world().run_for(kLimit + kHeartbeat + kDelayMost);
    EXPECT_GT(counters(run).connections_given_up, before);
  }
}

TEST_F(SilentConnection, IdleConnectionsLast) {
  SmallRun run(4, [](WorldConfig& config) { config.engine.connections_per_link = 3; });
  run.world().run_for(std::chrono::minutes(10));
  for (const ProcessId process : run.processes()) {
    const engine::EngineReport report = run.world().engine(process).report({});
    for (const engine::LinkStatus& link : report.links) {
      EXPECT_EQ(link.connections, 3u);
      EXPECT_EQ(link.redials, 0u);
    }
  }
}

TEST_F(SilentConnection, WhereTheCoordinatorIsLessPatientItIsFoundSooner) {
  SmallRun run(3, [](WorldConfig& config) {
    config.coordinator.peer_timeout = seconds(1);
    config.coordinator.heartbeat_interval = milliseconds(100);
    config.control_delays = config.data_delays = {milliseconds(1), milliseconds(5)};
  });
  const TimePoint begin = run.world().now();
  run.world().block(run.process(0), run.process(1), seconds(10));
  run.world().run_for(seconds(2));
  const std::optional<TimePoint> found = given_up_at(run);
  ASSERT_TRUE(found.has_value());
  EXPECT_LE(*found - begin, milliseconds(750 + 125 + 5));
}

}  // namespace
}  // namespace atoll_core::simulate
