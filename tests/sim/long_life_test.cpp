// Two of the lives that `atoll simulate --lives` plays.
#include <gtest/gtest.h>

#include "simulate/long_life.h"

namespace atoll_core::simulate {
namespace {

class LongLife : public ::testing::TestWithParam<uint64_t> {};

TEST_P(LongLife, FillsNoTableAndRefusesNobody) {
  RunOptions options;
  options.seed = GetParam();
  const Report report = run_life(options);
  for (const Violation& violation : report.violations) {
    ADD_FAILURE() << violation.invariant << ": " << violation.text;
  }
  EXPECT_GT(report.statistics.of(Count::kCalls), 2 * kLifeTags);
  EXPECT_EQ(report.statistics.of(Count::kAborts), 0u);
}

INSTANTIATE_TEST_SUITE_P(Lives, LongLife, ::testing::Values(1, 2));

}  // namespace
}  // namespace atoll_core::simulate
