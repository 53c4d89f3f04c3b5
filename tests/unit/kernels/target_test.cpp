#include "kernels/target.h"

#include <cctype>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace atoll_core::kernels {
namespace {

std::string lower(std::string text) {
  for (char& letter : text) letter = static_cast<char>(std::tolower(letter));
  return text;
}

class Target : public ::testing::Test {
 protected:
  void TearDown() override { force_simd_target(""); }
};

TEST_F(Target, PlainLoopsAreAlwaysThereAndLast) {
  const std::vector<std::string> targets = supported_simd_targets();
  ASSERT_FALSE(targets.empty());
  EXPECT_TRUE(targets.back() == "SCALAR" || targets.back() == "EMU128") << targets.back();
}

TEST_F(Target, CanBeForcedInAnyCaseAndReleased) {
  for (const std::string& name : supported_simd_targets()) {
    ASSERT_TRUE(force_simd_target(lower(name)));
    EXPECT_EQ(simd_target_name(), name);
  }
  ASSERT_TRUE(force_simd_target("scalar"));
  EXPECT_EQ(simd_target_name(), supported_simd_targets().back());
  ASSERT_TRUE(force_simd_target(""));
  EXPECT_EQ(simd_target_name(), supported_simd_targets().front());
}

TEST_F(Target, UnknownNamesChangeNothing) {
  ASSERT_TRUE(force_simd_target("scalar"));
  EXPECT_FALSE(force_simd_target("abacus"));
  EXPECT_FALSE(force_simd_target("AVX"));
  EXPECT_EQ(simd_target_name(), supported_simd_targets().back());
}

TEST_F(Target, ForcingDoesNotShortenTheList) {
  const std::vector<std::string> before = supported_simd_targets();
  ASSERT_TRUE(force_simd_target("scalar"));
  EXPECT_EQ(supported_simd_targets(), before);
}

// The variable is read once per process, so each value needs a process of its own.
enum class Expected { kBest, kPlain };

int exit_code_with_environment(const char* value, Expected expected) {
  setenv("ATOLL_SIMD_TARGET", value, 1);
  const std::string_view name = simd_target_name();
  const std::vector<std::string> targets = supported_simd_targets();
  return name == (expected == Expected::kBest ? targets.front() : targets.back()) ? 0 : 1;
}

void expect_target(const char* value, Expected expected) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(std::exit(exit_code_with_environment(value, expected)), ::testing::ExitedWithCode(0),
              "")
      << value;
}

TEST(TargetDeathTest, EnvironmentChooses) { expect_target("Scalar", Expected::kPlain); }

TEST(TargetDeathTest, EnvironmentWithUnknownNameIsIgnored) {
  expect_target("abacus", Expected::kBest);
}

TEST(TargetDeathTest, EmptyEnvironmentIsIgnored) { expect_target("", Expected::kBest); }

}  // namespace
}  // namespace atoll_core::kernels
