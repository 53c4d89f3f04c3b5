// Averages with weights: by value, for large and small calls, with and without deaths.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>

#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

PlannedCall weighted_call(std::vector<uint64_t> counts, uint64_t salt = 1) {
  PlannedCall plan;
  plan.reduce = ReduceOp::kAvg;
  plan.weighted = true;
  plan.counts = std::move(counts);
  plan.salt = salt;
  return plan;
}

void expect_weights(SmallRun& run, const std::vector<Call>& calls) {
  for (const Call& call : calls) {
    if (!run.world().alive(call.process) || !call.committed()) continue;
    const bool empty = elements_of(call.memory->call()) == 0;
    const PlannedCall& plan = call.memory->call();
    const engine::CollectiveInfo info = call.info();
    EXPECT_EQ(info.weight, empty ? 0 : total_weight(plan, info.contributors));
    ASSERT_EQ(info.weights.size(), info.contributors.size());
    for (size_t i = 0; i < info.weights.size(); ++i) {
      EXPECT_EQ(info.weights[i], empty ? 0 : weight_of(plan, info.contributors[i])) << i;
    }
  }
}

// An average of the values that a test gives itself.
struct Averaged {
  std::vector<float> memory;
  double weight = 1;
};

Call average(SmallRun& run, ProcessId process, Averaged& mine) {
  Call call;
  call.process = process;
  call.id = run.world().call(
      process,
      [&](engine::Engine& engine, TimePoint now, engine::CallId id) {
        engine::CollectiveCall arguments;
        arguments.reduce = ReduceOp::kAvg;
        auto* data = reinterpret_cast<std::byte*>(mine.memory.data());
        arguments.tensors = {{data, data, mine.memory.size()}};
        arguments.options.weight = mine.weight;
        engine.collective(now, id, std::move(arguments));
      },
      [result = call.result](const auto& ended) { *result = ended; });
  return call;
}

std::vector<Call> average_on_all(SmallRun& run, std::vector<Averaged>& all) {
  std::vector<Call> calls;
  for (size_t i = 0; i < all.size(); ++i) calls.push_back(average(run, run.process(i), all[i]));
  run.finish(calls);
  for (const Call& call : calls) EXPECT_TRUE(call.committed()) << call.sentence();
  return calls;
}

// Fewer elements than peers, more, and so many that the call is large; in place and not.
TEST(Weight, ByValueForEveryTypeSizeAndPlacement) {
  for (uint32_t peers = 1; peers <= 5; ++peers) {
    SmallRun run(peers);
    uint64_t salt = 0;
    for (const DataType type : {DataType::kFloat16, DataType::kBfloat16, DataType::kFloat32,
                                DataType::kFloat64}) {
      const uint64_t half_of_large = 600'000 / size_of(type);
      for (const auto& counts : {std::vector<uint64_t>{0}, {1}, {2, 1}, {700, 0, 301},
                                 {half_of_large, half_of_large}}) {
        for (const bool in_place : {false, true}) {
          PlannedCall plan = weighted_call(counts, ++salt);
          plan.type = type;
          plan.in_place = in_place;
          SCOPED_TRACE(testing::Message() << peers << " peers, " << to_string(type) << ", salt "
                                          << salt);
          const std::vector<Call> calls = run.on_all(plan);
          run.finish(calls);
          run.expect_committed(calls);
          expect_weights(run, calls);
          if (testing::Test::HasFailure()) return;
        }
      }
    }
  }
}

TEST(Weight, IsOneInACallThatTakesNone) {
  SmallRun run(3);
  for (const uint64_t count : {uint64_t{1}, uint64_t{300'000}}) {
    PlannedCall plan;
    plan.counts = {count};
    const std::vector<Call> calls = run.on_all(plan);
    run.finish(calls);
    for (const Call& call : calls) {
      EXPECT_EQ(call.info().weights, (std::vector<double>{1, 1, 1}));
      EXPECT_EQ(call.info().weight, 3.0);
    }
  }
}

// What is told of weights is nothing, so the frames are those of a call that knows none.
TEST(Weight, OneEverywhereSendsNotAByteMore) {
  const auto bytes_sent = [](const PlannedCall& plan) {
    SmallRun run(3);
    const std::vector<Call> calls = run.on_all(plan);
    run.finish(calls);
    run.expect_committed(calls);
    return calls[0].info().bytes_sent;
  };
  for (const uint64_t count : {uint64_t{2}, uint64_t{5000}, uint64_t{300'000}}) {
    PlannedCall plan;
    plan.counts = {count};
    const uint64_t sum = bytes_sent(plan);
    plan.reduce = ReduceOp::kAvg;
    EXPECT_EQ(bytes_sent(plan), sum) << count;
    plan.weighted = true;
    EXPECT_GT(bytes_sent(plan), sum) << count;
  }
}

TEST(Weight, AnInputOfWeightZeroIsNotLookedAt) {
  for (const size_t count : {size_t{1}, size_t{1000}, size_t{300'000}}) {
    SmallRun run(3);
    std::vector<Averaged> all(3);
    for (Averaged& mine : all) mine.memory.assign(count, -0.0f);
    all[0].memory[count / 2] = 4;
    all[1].memory.assign(count, std::numeric_limits<float>::quiet_NaN());
    all[1].weight = 0;
    all[2].memory[count / 2] = 10;
    all[2].weight = 0.5;
    const std::vector<Call> calls = average_on_all(run, all);
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(all[i].memory[count / 2], 6.0f);  // (4 + 5) / 1.5
      EXPECT_EQ(calls[i].info().weight, 1.5);
      EXPECT_EQ(calls[i].info().weights, (std::vector<double>{1, 0, 0.5}));
      EXPECT_EQ(calls[i].info().contributors.size(), 3u);
      // Not even the sign of a zero depends on it.
      if (count > 1) {
        EXPECT_EQ(std::bit_cast<uint32_t>(all[i].memory[0]), 0x80000000u);
      }
    }
  }
}

TEST(Weight, WhereAllAreZeroTheResultIsZeros) {
  for (const uint32_t peers : {1u, 2u, 3u}) {
    for (const size_t count : {size_t{1}, size_t{1000}, size_t{300'000}}) {
      SmallRun run(peers);
      std::vector<Averaged> all(peers);
      for (Averaged& mine : all) mine = {std::vector<float>(count, INFINITY), 0.0};
      const std::vector<Call> calls = average_on_all(run, all);
      for (size_t i = 0; i < peers; ++i) {
        for (const float value : all[i].memory) {
          ASSERT_EQ(std::bit_cast<uint32_t>(value), 0u) << peers << " peers, " << count;
        }
        EXPECT_EQ(calls[i].info().weight, 0.0);
        EXPECT_EQ(calls[i].info().weights, std::vector<double>(peers, 0.0));
      }
    }
  }
}

// 0.1, 0.2, … have no exact sum: all must divide by the same one, whoever owns what.
TEST(Weight, RoundingIsTheSameForEveryElement) {
  for (const size_t count : {size_t{1000}, size_t{300'000}}) {
    SmallRun run(5);
    std::vector<Averaged> all(5);
    for (size_t i = 0; i < 5; ++i) {
      all[i] = {std::vector<float>(count, 3.0f), 0.1 * static_cast<double>(i + 1)};
    }
    const std::vector<Call> calls = average_on_all(run, all);
    for (size_t i = 0; i < 5; ++i) {
      EXPECT_EQ(std::memcmp(all[i].memory.data(), all[0].memory.data(), count * 4), 0);
      EXPECT_EQ(calls[i].info().weight, calls[0].info().weight);
      ASSERT_EQ(calls[i].info().weights.size(), 5u);
      for (size_t k = 0; k < 5; ++k) {  // as they were computed
        const auto counted = static_cast<float>(all[k].weight);
        EXPECT_EQ(calls[i].info().weights[k], static_cast<double>(counted));
      }
      EXPECT_NEAR(calls[i].info().weight, 1.5, 1e-7);
      for (const float value : all[i].memory) ASSERT_NEAR(value, 3.0f, 1e-6f);
    }
  }
}

// The survivors divide by their own weights, whenever one dies.
TEST(Weight, AfterADeathTheSurvivorsWeightsCount) {
  for (const bool small : {true, false}) {
    int differing = 0;  // results that the death has changed
    const uint64_t step = small ? 1 : 7;
    uint64_t moment = 0;
    for (bool died = true; died; moment += step) {
      SCOPED_TRACE(testing::Message() << "small " << small << ", moment " << moment);
      ASSERT_LT(moment, 3000u);
      SmallRun run(4, [&](WorldConfig& config) { config.seed = moment + 1; });
      const PeerId victim = run.peer(1);
      uint64_t left = moment + 1;
      run.world().on_trace([&](ProcessId process, const char*) {
        if (process == run.process(1) && --left == 0) run.world().kill_soon(process);
      });
      PlannedCall plan = weighted_call(small ? std::vector<uint64_t>{20'000}
                                             : std::vector<uint64_t>{100'000, 200'000}, moment);
      plan.in_place = true;
      const std::vector<Call> calls = run.on_all(plan);
      run.finish(calls);
      run.expect_committed(calls);
      expect_weights(run, calls);
      died = !run.world().alive(run.process(1));
      if (calls[0].info().contributors.size() == 3 && weight_of(plan, victim) != 0) ++differing;
      if (testing::Test::HasFailure()) return;
    }
    EXPECT_GT(differing, 1);
  }
}

// One who missed the result fetches it, and what it weighs.
TEST(Weight, IsFetchedWithTheResult) {
  int fetches = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SmallRun run(4, [seed](WorldConfig& config) { config.seed = seed; });
    run.world().on_trace([&](ProcessId, const char* point) {
      if (std::string_view(point) == "result.fetch") ++fetches;
    });
    const std::vector<Call> calls = run.on_all(weighted_call({700, 301}, seed));
    EXPECT_TRUE(run.world().run_until([&] {
      return std::any_of(calls.begin(), calls.end(), [](const Call& call) { return call.ended(); });
    }, seconds(60)));
    size_t victim = 0;
    while (victim < 3 && calls[victim].ended()) ++victim;
    run.world().kill(calls[victim].process);
    run.finish(calls, seconds(60));
    run.expect_committed(calls);
    expect_weights(run, calls);
  }
  EXPECT_GT(fetches, 10);
}

}  // namespace
}  // namespace atoll_core::simulate
