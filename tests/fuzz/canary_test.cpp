// Rules of the coordinator machine that are broken on purpose: for each, an input that libFuzzer
// found when it began with none shows that the target still notices. How to let it look again:
// docs/HACKING.md, "see that fuzzing finds a rule that is broken".
#include <cstdint>
#include <ostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/canary.h"
#include "fuzz/hex_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace atoll_core::fuzz {
namespace {

struct Case {
  Canary rule;
  const char* name;
  bool dies;  // for want of a record; else it is an exception
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

class FuzzCanary : public ::testing::TestWithParam<Case> {
 protected:
  void TearDown() override { broken_rule = Canary::kNone; }

  static void play() {
    const std::string file =
        std::string(ATOLL_CANARY_CORPUS) + "/canary_" + GetParam().name + ".hex";
    const auto input = from_hex_text(read_file(file));
    ASSERT_TRUE(input.has_value() && !input->empty()) << file;
    LLVMFuzzerTestOneInput(input->data(), input->size());
  }
};

TEST_P(FuzzCanary, IsFoundAgain) {
  ASSERT_NO_THROW(play()) << "with all rules intact nothing is wrong";
  broken_rule = GetParam().rule;
  if (GetParam().dies) EXPECT_DEATH(play(), "");
  else EXPECT_THROW(play(), std::logic_error);
}

INSTANTIATE_TEST_SUITE_P(
    Rules, FuzzCanary,
    ::testing::Values(Case{Canary::kViewNamesTwice, "view_names_twice", false},
                      Case{Canary::kAnyUpdateCount, "any_update_count", false},
                      Case{Canary::kForgottenOps, "forgotten_ops", true}),
    [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace atoll_core::fuzz
