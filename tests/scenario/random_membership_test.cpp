// Random faults against the real machines; a seed that fails is to become a named case below.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenario/random_run.h"

namespace atoll_core::scenario {
namespace {

void expect_promises(uint64_t seed) {
  RandomRun run(seed);
  run.chaos(200);
  run.calm(std::chrono::seconds(40));
  std::string tail;
  if (!run.checker().violations().empty() || !run.stuck().empty()) {
    for (const std::string& line : run.last_lines()) tail += line + "\n";
  }
  EXPECT_THAT(run.checker().violations(), testing::IsEmpty()) << "seed " << seed << "\n" << tail;
  EXPECT_THAT(run.stuck(), testing::IsEmpty()) << "seed " << seed << "\n" << tail;
  EXPECT_GT(run.checker().commits(), 0u) << "seed " << seed;
}

class RandomMembership : public testing::TestWithParam<uint64_t> {};

TEST_P(RandomMembership, KeepsItsPromises) {
  constexpr uint64_t kSeedsPerCase = 30;
  for (uint64_t seed = 0; seed < kSeedsPerCase && !HasFailure(); ++seed) {
    expect_promises(GetParam() * kSeedsPerCase + seed);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomMembership, testing::Range<uint64_t>(0, 10));

}  // namespace
}  // namespace atoll_core::scenario
