// What a user is told of peers that cannot be reached.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class MissingPeer : public ::testing::Test {
 protected:
  void listen() {
    run_.world().on_note([this](const std::string&, const std::string& what) {
      if (what.rfind("no connection to", 0) == 0) warnings_.push_back(what);
    });
  }
  size_t warnings_of(const std::string& name) const {
    return static_cast<size_t>(
        std::count_if(warnings_.begin(), warnings_.end(), [&](const std::string& warning) {
          return warning.find(name) != std::string::npos;
        }));
  }

  SmallRun run_{3};
  std::vector<std::string> warnings_;
};

// Others find its listener closed before the coordinator tells them.
TEST_F(MissingPeer, WhoHasGoneIsNotWarnedOf) {
  listen();
  run_.world().freeze_coordinator(milliseconds(30));
  run_.world().kill(run_.process(0));
  run_.world().run_for(seconds(2));
  EXPECT_EQ(warnings_.size(), 0u) << warnings_.front();
}

TEST_F(MissingPeer, WhoStaysAndCannotBeReachedIsWarnedOfOnce) {
  listen();
  run_.world().separate(run_.process(0), run_.process(1));
  run_.world().run_for(seconds(20));
  // Both dial.
  EXPECT_EQ(warnings_of("island-0"), 1u);
  EXPECT_EQ(warnings_of("island-1"), 1u);
  EXPECT_EQ(warnings_of("island-2"), 0u);
}

}  // namespace
}  // namespace atoll_core::simulate
