// Fixed seeds, in several cases so that they run beside each other; and the seeds that ever failed.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "simulate/runner.h"

namespace atoll_core::simulate {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// Enough to run each line; what more of them find is played without sanitizers.
constexpr uint64_t kSeedsInACase = 12;
constexpr uint64_t kCases = 3;
#else
constexpr uint64_t kSeedsInACase = 40;
constexpr uint64_t kCases = 6;
#endif

void expect_well(RunOptions options, Statistics& sum) {
  // For who looks into a failure: ATOLL_TRACE_SEED=12 sim_test --gtest_filter=...
  const char* shown = std::getenv("ATOLL_TRACE_SEED");
  if (shown != nullptr && std::stoull(shown) == options.seed) {
    options.trace = [](const std::string& line) { std::printf("%s\n", line.c_str()); };
  }
  const Report report = run_seed(options);
  sum.add(report.statistics);
  for (const Violation& violation : report.violations) {
    ADD_FAILURE() << "seed " << options.seed << " (" << report.setting << "): "
                  << violation.invariant << ": " << violation.text;
  }
}

class Seeds : public ::testing::TestWithParam<uint64_t> {};

TEST_P(Seeds, EndWellWhateverHappens) {
  Statistics sum;
  for (uint64_t i = 0; i < kSeedsInACase; ++i) {
    RunOptions options;
    options.seed = 1 + GetParam() * kSeedsInACase + i;
    expect_well(options, sum);
  }
  // They do what they are for.
  for (const Count count : {Count::kCommits, Count::kAborts, Count::kRetries, Count::kFetches,
                            Count::kSettleRounds, Count::kReconnects}) {
    EXPECT_GT(sum.of(count), 0u) << kCountNames[static_cast<size_t>(count)];
  }
}

INSTANTIATE_TEST_SUITE_P(Batch, Seeds, ::testing::Range<uint64_t>(0, kCases));

TEST(CoordinatorRestarts, OneAfterTheOther) {
  Statistics sum;
  for (uint64_t seed = 1; seed <= kSeedsInACase; ++seed) {
    RunOptions options;
    options.seed = seed;
    options.mix.weights[static_cast<size_t>(Fault::kCoordinatorRestart)] = 20;
    expect_well(options, sum);
  }
  EXPECT_GT(sum.of(Fault::kCoordinatorRestart), kSeedsInACase / 4);
}

// When it dies, one shard knows of a commit, and of another one no peer does.
TEST(CoordinatorRestarts, BetweenTheVerdictsOfTwoShards) {
  Statistics sum;
  for (uint64_t seed = 1; seed <= kSeedsInACase; ++seed) {
    RunOptions options;
    options.seed = seed;
    options.often_several_shards = true;
    options.peers = 6;  // two or three to a replica
    options.mix.weights[static_cast<size_t>(Fault::kCutVerdicts)] = 6;
    expect_well(options, sum);
  }
  std::printf("%llu deaths between verdicts, %llu parted shards\n",
              static_cast<unsigned long long>(sum.of(Fault::kCutVerdicts)),
              static_cast<unsigned long long>(sum.of(Count::kPartedShards)));
  EXPECT_GT(sum.of(Count::kPartedShards), kSeedsInACase / 20);
}

TEST(Regressions, StayMended) {
  std::ifstream file(ATOLL_REGRESSIONS);
  ASSERT_TRUE(file) << ATOLL_REGRESSIONS;
  Statistics sum;
  std::string line;
  while (std::getline(file, line)) {
    if (line.empty() || line.front() == '#') continue;
    SCOPED_TRACE(line);
    std::istringstream fields(line);
    RunOptions options;
    uint32_t cuts = 0;
    uint32_t alone = 0;
    ASSERT_TRUE(fields >> options.seed >> options.peers >> options.events >> cuts >> alone);
    options.mix.weights[static_cast<size_t>(Fault::kCutVerdicts)] = cuts;
    options.mix.weights[static_cast<size_t>(Fault::kNewcomerAlone)] = alone;
    expect_well(options, sum);
  }
}

}  // namespace
}  // namespace atoll_core::simulate
