// The plan of a view: made of what links have measured, the same on all, followed by the data, and
// made anew when measurements say so.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "topology/plan.h"
#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using topology::Plan;

// Processes with the same parity are on one island; the sea between is 40 ms wide.
Path two_islands(ProcessId one, ProcessId other) {
  return {one % 2 == other % 2 ? Duration{0} : Duration(milliseconds(40)), 0};
}

void on_two_islands(WorldConfig& config) {
  config.data_delays = {milliseconds(1), milliseconds(2)};
  config.path = two_islands;
}

// Of the ring's ways, those over the sea.
size_t crossings(const Plan& plan) {
  size_t count = 0;
  for (size_t i = 0; i < plan.ring.size(); ++i) {
    count += plan.ring[i] % 2 != plan.ring[(i + 1) % plan.ring.size()] % 2 ? 1 : 0;
  }
  return count;
}

PlannedCall around_the_ring() {
  PlannedCall plan = large_call();
  plan.options.algorithm = static_cast<uint32_t>(topology::Algorithm::kRing);
  return plan;
}

wire::View view_of(SmallRun& run, size_t index) {
  return *run.world().engine(run.process(index)).view();
}

void update_all(SmallRun& run) {
  std::vector<Call> updates;
  for (const ProcessId process : run.world().living()) updates.push_back(run.update(process));
  run.finish(updates);
  for (const Call& call : updates) EXPECT_TRUE(call.committed()) << call.sentence();
}

// Payload that each member has sent to each.
std::map<PeerId, std::map<PeerId, uint64_t>> sent(SmallRun& run) {
  std::map<PeerId, std::map<PeerId, uint64_t>> all;
  for (const ProcessId process : run.world().living()) {
    const engine::EngineReport report = run.world().engine(process).report(run.world().now());
    for (const engine::LinkStatus& link : report.links) {
      all[report.self.id][link.peer.id] = link.payload_sent;
    }
  }
  return all;
}

TEST(PlanOfAView, WithoutMeasurementsThatDifferTheRingIsTheViewsOrder) {
  SmallRun run(5);
  EXPECT_EQ(view_of(run, 0).plan.ring, topology::make_plan(5).ring);
}

TEST(PlanOfAView, FollowsTheWaysThatDiallingMeasured) {
  SmallRun run(6, on_two_islands);
  const Plan plan = view_of(run, 0).plan;
  EXPECT_EQ(crossings(topology::make_plan(6)), 6u);
  EXPECT_EQ(crossings(plan), 2u);
  for (size_t i = 1; i < 6; ++i) EXPECT_EQ(view_of(run, i), view_of(run, 0));
}

TEST(PlanOfAView, DataGoesAroundItsRing) {
  SmallRun run(4, on_two_islands);
  const wire::View view = view_of(run, 0);
  ASSERT_EQ(crossings(view.plan), 2u);
  const std::vector<Call> calls = run.on_all(around_the_ring());
  run.finish(calls, seconds(60));
  run.expect_committed(calls);
  const auto traffic = sent(run);
  for (uint32_t member = 0; member < 4; ++member) {
    const uint32_t next = topology::ring_position(view.plan, member).next;
    for (const auto& [to, bytes] : traffic.at(view.members[member].id)) {
      EXPECT_EQ(bytes > 0, to == view.members[next].id) << member << " to " << to_string(to);
    }
  }
}

TEST(PlanOfAView, IsRestrictedAlikeAfterADeath) {
  SmallRun run(5, on_two_islands);
  const wire::View before = view_of(run, 0);
  run.world().kill(run.process(2));
  ASSERT_TRUE(run.world().run_until([&] {
    return std::all_of(run.processes().begin(), run.processes().end(), [&](ProcessId process) {
      return !run.world().alive(process) ||
             run.world().engine(process).view()->members.size() == 4;
    });
  }, seconds(30)));
  for (const size_t index : {0u, 1u, 3u, 4u}) {
    EXPECT_EQ(view_of(run, index).plan, topology::restrict(before.plan, {0, 1, 3, 4}));
  }
  const std::vector<Call> calls = run.on_all(around_the_ring());
  run.finish(calls, seconds(60));
  run.expect_committed(calls);
}

TEST(PlanOfAView, IsWhatTheMembersTellACoordinatorThatWasStartedAgain) {
  SmallRun run(4, on_two_islands);
  const wire::View before = view_of(run, 0);
  run.world().stop_coordinator();
  run.world().start_coordinator(false);
  ASSERT_TRUE(run.world().run_until([&] {
    return std::all_of(run.processes().begin(), run.processes().end(), [&](ProcessId process) {
      return run.world().engine(process).view()->epoch > before.epoch;
    });
  }, seconds(30)));
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(view_of(run, i).plan, before.plan);
    EXPECT_EQ(view_of(run, i).generation, before.generation);
  }
  // Round trips are told again; they say the same, so nothing changes.
  update_all(run);
  EXPECT_EQ(view_of(run, 0).generation, before.generation);
}

// A sea that can be made smaller; who dials again measures it.
class ShrinkingSea : public ::testing::Test {
 protected:
  ShrinkingSea() {
    run_ = std::make_unique<SmallRun>(4, [this](WorldConfig& config) {
      config.data_delays = {milliseconds(1), milliseconds(2)};
      config.path = [this](ProcessId one, ProcessId other) {
        return shrunk_ ? Path{} : two_islands(one, other);
      };
    });
  }

  // All links are made anew over another network, in which the islands are others.
  void measure_anew() {
    shrunk_ = true;
    for (int i = 0; i < 200; ++i) {
      for (const ProcessId process : run_->processes()) run_->world().cut_connection(process);
      run_->world().run_for(milliseconds(50));
    }
    run_->world().run_for(seconds(3));
  }

  bool shrunk_ = false;
  std::unique_ptr<SmallRun> run_;
};

TEST_F(ShrinkingSea, ANewPlanIsANewGenerationOfTheSameMembers) {
  const wire::View before = view_of(*run_, 0);
  update_all(*run_);
  EXPECT_EQ(view_of(*run_, 0), before) << "nothing has changed";
  measure_anew();
  update_all(*run_);
  const wire::View after = view_of(*run_, 0);
  EXPECT_EQ(after.members, before.members);
  EXPECT_GT(after.generation, before.generation);
  EXPECT_EQ(after.epoch, after.generation.first);
  EXPECT_NE(after.plan, before.plan);
  for (size_t i = 1; i < 4; ++i) EXPECT_EQ(view_of(*run_, i), after);
  const std::vector<Call> calls = run_->on_all(around_the_ring());
  run_->finish(calls, seconds(60));
  run_->expect_committed(calls);
  update_all(*run_);
  EXPECT_EQ(view_of(*run_, 0).generation, after.generation);
}

TEST_F(ShrinkingSea, ACallThatIsUnderWayKeepsItsPlan) {
  const wire::View before = view_of(*run_, 0);
  measure_anew();
  const auto traffic = sent(*run_);
  const std::vector<Call> calls = run_->on_all(around_the_ring());
  update_all(*run_);
  ASSERT_GT(view_of(*run_, 0).generation, before.generation);
  ASSERT_TRUE(std::none_of(calls.begin(), calls.end(), [](const Call& c) { return c.ended(); }))
      << "the call was to be under way";
  run_->finish(calls, seconds(60));
  run_->expect_committed(calls);
  const auto later = sent(*run_);
  for (uint32_t member = 0; member < 4; ++member) {
    const PeerId self = before.members[member].id;
    const uint32_t next = topology::ring_position(before.plan, member).next;
    for (const auto& [to, bytes] : later.at(self)) {
      const bool more = bytes > traffic.at(self).at(to);
      EXPECT_EQ(more, to == before.members[next].id) << member << " to " << to_string(to);
    }
  }
}

TEST(ConnectionsOfALink, GrowWithTheWay) {
  SmallRun run(3, [](WorldConfig& config) {
    config.engine.connections_per_link = 0;
    config.data_delays = {milliseconds(0), milliseconds(1)};
    // The first and the second are at home, the third is far away.
    config.path = [](ProcessId, ProcessId other) {
      return Path{other == 3 ? Duration(milliseconds(40)) : Duration{0}, 0};
    };
  });
  run.world().run_for(seconds(1));
  for (size_t i = 0; i < 3; ++i) {
    const engine::EngineReport report =
        run.world().engine(run.process(i)).report(run.world().now());
    for (const engine::LinkStatus& link : report.links) {
      const bool far = i == 2 || link.peer.id == run.peer(2);
      EXPECT_EQ(link.connections, far ? 25u : 1u) << i;
    }
  }
  const std::vector<Call> calls = run.on_all(large_call());
  run.finish(calls, seconds(60));
  run.expect_committed(calls);
}

TEST(MeasuredRates, AreThoseOfTheWay) {
  SmallRun run(2, [](WorldConfig& config) {
    config.data_delays = {milliseconds(1), milliseconds(2)};
    config.engine.rate_stretch = {milliseconds(20), 64u << 10};
    config.path = [](ProcessId, ProcessId) { return Path{Duration{0}, 2'000'000}; };
  });
  const std::vector<Call> calls = run.on_all(around_the_ring());
  run.finish(calls, seconds(60));
  run.expect_committed(calls);
  const engine::EngineReport report =
      run.world().engine(run.process(0)).report(run.world().now());
  ASSERT_EQ(report.links.size(), 1u);
  EXPECT_GT(report.links[0].bytes_per_second, 1'500'000u);
  EXPECT_LT(report.links[0].bytes_per_second, 2'500'000u);
  // The coordinator is told with the next update; and not again while they are the same.
  int told = 0;
  run.world().on_note([&told](const std::string& who, const std::string& what) {
    told += who == "coordinator" && what.rfind("hears measured", 0) == 0 ? 1 : 0;
  });
  update_all(run);
  EXPECT_EQ(told, 2);
  update_all(run);
  EXPECT_EQ(told, 2);
  // A coordinator that was started again is told again.
  const Epoch before = view_of(run, 0).epoch;
  run.world().stop_coordinator();
  run.world().start_coordinator(false);
  ASSERT_TRUE(run.world().run_until([&] {
    return view_of(run, 0).epoch > before && view_of(run, 1).epoch > before;
  }, seconds(30)));
  EXPECT_EQ(told, 4);
}

}  // namespace
}  // namespace atoll_core::simulate
