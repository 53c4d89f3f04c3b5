// Random calls, deaths, joins and cuts, checked by value and against each other.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "support/churn_run.h"

namespace atoll_core::simulate {
namespace {

constexpr uint64_t kSeeds = 25;  // of each batch

// ATOLL_CHURN_SEED=n runs that one, ATOLL_CHURN_SEEDS=n so many in each batch,
// ATOLL_CHURN_FIRST=n begins there.
uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class Churn : public ::testing::TestWithParam<uint64_t> {};

TEST_P(Churn, EndsWellWhateverHappens) {
  const uint64_t only = from_environment("ATOLL_CHURN_SEED", 0);
  const uint64_t count = only == 0 ? from_environment("ATOLL_CHURN_SEEDS", kSeeds) : 1;
  const uint64_t start = from_environment("ATOLL_CHURN_FIRST", 1);
  const uint64_t first = only == 0 ? start + GetParam() * count : only;
  ChurnRun::Counters sum;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    ChurnConfig config;
    config.seed = seed;
    ChurnRun run(config);
    const std::vector<std::string> complaints = run.run();
    if (!complaints.empty() && only != 0) {
      for (const std::string& event : run.world().events()) fmt::print("  * {}\n", event);
    }
    EXPECT_TRUE(complaints.empty())
        << "ATOLL_CHURN_SEED=" << seed << ": " << fmt::format("{}", fmt::join(complaints, "\n  "));
    sum.committed += run.counters().committed;
    sum.failed += run.counters().failed;
    sum.retried += run.counters().retried;
    sum.syncs += run.counters().syncs;
    sum.cancels += run.counters().cancels;
    sum.deaths += run.counters().deaths;
    sum.admissions += run.counters().admissions;
  }
  fmt::print("{} committed, {} of them retried, {} failed, {} syncs, {} cancels, {} deaths, "
             "{} admissions\n",
             sum.committed, sum.retried, sum.failed, sum.syncs, sum.cancels, sum.deaths,
             sum.admissions);
  if (count < kSeeds) return;
  // The test itself does what it is for.
  EXPECT_GT(sum.committed, 300u);
  EXPECT_GT(sum.retried, 5u);
  EXPECT_GT(sum.failed, 30u);
  EXPECT_GT(sum.syncs, 30u);
  EXPECT_GT(sum.deaths, 5u);
  EXPECT_GT(sum.admissions, 50u);
}

INSTANTIATE_TEST_SUITE_P(Batch, Churn, ::testing::Range<uint64_t>(0, 8));

}  // namespace
}  // namespace atoll_core::simulate
