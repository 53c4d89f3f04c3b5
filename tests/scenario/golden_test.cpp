// Each file in golden/ is a script with the trace that it must make. ATOLL_REGENERATE_GOLDEN=1
// writes the traces anew, to be reviewed as a diff.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenario/script.h"

namespace atoll_core::scenario {
namespace {

std::vector<std::string> golden_files() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(ATOLL_GOLDEN_DIR)) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path().stem().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, TraceIsAsReviewed) {
  const std::string path = std::string(ATOLL_GOLDEN_DIR) + "/" + GetParam() + ".txt";
  std::stringstream expected;
  expected << std::ifstream(path).rdbuf();
  const std::string made = Script::run(expected.str());
  if (std::getenv("ATOLL_REGENERATE_GOLDEN") != nullptr) {
    std::ofstream(path) << made;
    return;
  }
  EXPECT_EQ(made, expected.str());
}

INSTANTIATE_TEST_SUITE_P(Files, Golden, testing::ValuesIn(golden_files()),
                         [](const auto& file) { return file.param; });

}  // namespace
}  // namespace atoll_core::scenario
