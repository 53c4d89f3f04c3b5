// Each algorithm, by value, whatever dies on the way; and results that do not depend on timing.
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "simulate/random.h"
#include "topology/plan.h"
#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::seconds;
using topology::Algorithm;

class EachAlgorithm : public ::testing::TestWithParam<Algorithm> {
 protected:
  PlannedCall planned(uint64_t count, bool in_place, ReduceOp reduce = ReduceOp::kSum) const {
    PlannedCall plan;
    plan.counts = {count / 3, count - count / 3};
    plan.in_place = in_place;
    plan.reduce = reduce;
    plan.options.algorithm = static_cast<uint32_t>(GetParam());
    return plan;
  }
};

constexpr uint64_t kLarge = 300'000;  // elements: not a small call

TEST_P(EachAlgorithm, SmallAndLargeInAndOutOfPlace) {
  for (uint32_t world = 1; world <= 5; ++world) {
    for (const uint64_t count : {uint64_t{0}, uint64_t{2}, uint64_t{5000}, kLarge}) {
      for (const bool in_place : {false, true}) {
        SmallRun run(world, [&](WorldConfig& config) { config.seed = world * 17 + count; });
        const std::vector<Call> calls = run.on_all(planned(count, in_place));
        run.finish(calls, seconds(60));
        run.expect_committed(calls);
        for (const Call& call : calls) EXPECT_EQ(call.info().contributors.size(), world);
      }
    }
  }
}

TEST_P(EachAlgorithm, AWeightedAverageDividesByTheWeights) {
  for (const uint64_t count : {uint64_t{2}, uint64_t{4000}, kLarge}) {
    for (uint64_t seed = 1; seed <= 4; ++seed) {
      SmallRun run(4, [&](WorldConfig& config) { config.seed = seed; });
      PlannedCall plan = planned(count, seed % 2 == 0, ReduceOp::kAvg);
      plan.weighted = true;
      plan.salt = seed * 1001;
      const std::vector<Call> calls = run.on_all(plan);
      run.finish(calls, seconds(60));
      run.expect_committed(calls);
    }
  }
}

// Whoever dies when, what the survivors return is the sum of those it names, and all name the same.
TEST_P(EachAlgorithm, ADeathInTheMiddleIsRetried) {
  int retried = 0;
  for (const uint64_t count : {uint64_t{3000}, kLarge}) {
    for (uint64_t seed = 1; seed <= 30; ++seed) {
      SmallRun run(4, [&](WorldConfig& config) { config.seed = seed; });
      int left = static_cast<int>(seed % 10);
      const ProcessId victim = run.process(seed % 4);
      bool dead = false;
      run.world().on_trace([&](ProcessId who, const char* point) {
        if (dead || who != victim || std::string_view(point) != "scatter.receive") return;
        if (left-- > 0) return;
        dead = true;
        run.world().kill_soon(victim);
      });
      const std::vector<Call> calls = run.on_all(planned(count, seed % 2 == 0));
      run.finish(calls, seconds(60));
      run.expect_committed(calls);
      for (const Call& call : calls) {
        if (call.process != victim && call.info().attempts > 1) ++retried;
      }
    }
  }
  EXPECT_GT(retried, 20);
}

INSTANTIATE_TEST_SUITE_P(Algorithms, EachAlgorithm,
                         ::testing::Values(Algorithm::kAuto, Algorithm::kRing, Algorithm::kStar,
                                           Algorithm::kMesh, Algorithm::kDirect));

// What stands in each sink after a call, which depends on the order in which floats were added.
ByteBuffer bits_of(Algorithm algorithm, uint64_t seed, size_t peer) {
  SmallRun run(4, [&](WorldConfig& config) { config.seed = seed; });
  std::vector<std::vector<float>> buffers(4, std::vector<float>(9000));
  Random random(99);
  for (auto& buffer : buffers) {
    for (float& value : buffer) value = static_cast<float>(random.below(1 << 20)) * 1.1e-3f;
  }
  std::vector<Call> calls;
  for (size_t i = 0; i < buffers.size(); ++i) {
    engine::CollectiveCall call;
    auto* bytes = reinterpret_cast<std::byte*>(buffers[i].data());
    call.tensors = {{bytes, bytes, buffers[i].size()}};
    call.options.algorithm = static_cast<uint32_t>(algorithm);
    calls.push_back(run.collective(run.process(i), std::move(call)));
  }
  run.finish(calls, seconds(60));
  for (const Call& call : calls) EXPECT_TRUE(call.committed()) << call.sentence();
  const auto bytes = std::as_bytes(std::span(buffers[peer]));
  return {bytes.begin(), bytes.end()};
}

TEST(AlgorithmBits, AreTheSameOnAllPeersAndInEachRun) {
  for (const Algorithm algorithm :
       {Algorithm::kRing, Algorithm::kStar, Algorithm::kMesh, Algorithm::kDirect}) {
    const ByteBuffer first = bits_of(algorithm, 1, 0);
    for (uint64_t seed = 2; seed <= 5; ++seed) {
      EXPECT_EQ(bits_of(algorithm, seed, seed % 4), first);
    }
  }
}

}  // namespace
}  // namespace atoll_core::simulate
