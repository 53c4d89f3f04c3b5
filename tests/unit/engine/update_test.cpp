// What the caller of atollUpdate is told when it has given up waiting, and calls again.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

PlannedCall small_call() {
  PlannedCall plan;
  plan.counts = {500};
  return plan;
}

class UpdateGivenUp : public ::testing::Test {
 protected:
  static void impatient(WorldConfig& config) { config.engine.update_timeout = seconds(1); }

  // The first waits in vain for the second.
  void give_up() {
    const Call first = run_.update(run_.process(0));
    run_.finish({first});
    ASSERT_EQ(first.code(), ErrorCode::kTimeout) << first.sentence();
  }

  SmallRun run_{2, impatient};
};

TEST_F(UpdateGivenUp, IsToldForWhomItHasWaited) {
  const Call first = run_.update(run_.process(0));
  run_.finish({first});
  EXPECT_EQ(first.sentence(),
            "atollUpdate on island-0 has waited 1000 ms: island-1 has not called atollUpdate; it "
            "goes on in the background: call it again");
}

TEST_F(UpdateGivenUp, TheNextCallGetsTheAnswer) {
  give_up();
  const Call other = run_.update(run_.process(1));
  run_.finish({other});
  EXPECT_TRUE(other.committed()) << other.sentence();
  run_.world().run_for(milliseconds(100));
  const Call again = run_.update(run_.process(0));
  EXPECT_TRUE(run_.world().run_until([&] { return again.ended(); }, milliseconds(10)));
  EXPECT_TRUE(again.committed()) << again.sentence();
}

TEST_F(UpdateGivenUp, OneThatFailsMeanwhileFailsForItToo) {
  give_up();
  const Call alone = run_.collective(run_.process(1), small_call());
  const Call other = run_.update(run_.process(1));
  run_.finish({other});
  EXPECT_EQ(error_name(other.code()), "atollMismatch") << other.sentence();
  run_.world().run_for(milliseconds(100));
  const Call again = run_.update(run_.process(0));
  run_.finish({again});
  EXPECT_EQ(error_name(again.code()), "atollMismatch") << again.sentence();
  EXPECT_EQ(again.sentence(), other.sentence());
  // It has missed nothing: both are before the next update.
  const Call late = run_.collective(run_.process(0), small_call());
  run_.finish({alone, late});
  run_.expect_committed({alone, late});
  const std::vector<Call> next = {run_.update(run_.process(0)), run_.update(run_.process(1))};
  run_.finish(next);
  for (const Call& call : next) EXPECT_TRUE(call.committed()) << call.sentence();
}

TEST_F(UpdateGivenUp, OtherCallsInBetweenAreAnError) {
  give_up();
  const Call between = run_.collective(run_.process(0), small_call());
  const Call again = run_.update(run_.process(0));
  run_.finish({again});
  EXPECT_EQ(error_name(again.code()), "atollInvalidUsage");
  EXPECT_NE(again.sentence().find("made other calls"), std::string::npos) << again.sentence();
  EXPECT_FALSE(between.ended());
}

// What the log says of updates that wait.
class UpdateThatWaits : public ::testing::Test {
 protected:
  void listen() {
    run_.world().on_note([this](const std::string& who, const std::string& what) {
      if (what.find("in atollUpdate") != std::string::npos) warnings_.push_back(who + ": " + what);
    });
  }
  // Of this process, how many there are; of the last one, what it says.
  size_t count(const std::string& self) const {
    return static_cast<size_t>(
        std::count_if(warnings_.begin(), warnings_.end(), [&](const std::string& warning) {
          return warning.find(self + " has waited") != std::string::npos;
        }));
  }
  std::string last() const { return warnings_.empty() ? "" : warnings_.back(); }
  ::testing::AssertionResult says(const std::string& text) const {
    if (last().find(text) != std::string::npos) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "\"" << last() << "\" does not say: " << text;
  }

  SmallRun run_{3};
  std::vector<std::string> warnings_;
};

TEST_F(UpdateThatWaits, WarnsSoonAfterTenSecondsAndEveryMinute) {
  listen();
  const Call first = run_.update(run_.process(0));
  run_.world().run_for(milliseconds(1400));
  EXPECT_EQ(count("island-0"), 0u);
  run_.world().run_for(milliseconds(200));
  EXPECT_EQ(count("island-0"), 1u);
  EXPECT_TRUE(says("island-0 has waited 1.5 s in atollUpdate: island-1, island-2 have not called"));
  run_.world().run_for(seconds(60));
  EXPECT_EQ(count("island-0"), 2u);
  run_.world().run_for(seconds(10));
  EXPECT_EQ(count("island-0"), 3u);
  EXPECT_FALSE(first.ended());
}

// The coordinator tells of each change, unasked.
TEST_F(UpdateThatWaits, NamesThoseWhoAreMissingNow) {
  listen();
  run_.update(run_.process(0));
  run_.world().run_for(seconds(5));
  const Call other = run_.update(run_.process(2));
  run_.world().run_for(milliseconds(5500));
  EXPECT_TRUE(says("island-0 has waited 10.0 s in atollUpdate: island-1 has not called"));
}

TEST_F(UpdateThatWaits, SaysThatTheCoordinatorIsAway) {
  listen();
  run_.world().stop_coordinator();
  run_.update(run_.process(0));
  run_.world().run_for(seconds(2));
  EXPECT_TRUE(says("there is no connection to the coordinator"));
}

TEST_F(UpdateThatWaits, TellsANewcomerWhoHasNotCalled) {
  const ProcessId newcomer = run_.add();
  listen();
  run_.update(newcomer);
  run_.world().run_for(seconds(2));
  EXPECT_EQ(count("island-3"), 1u);
  EXPECT_TRUE(says("island-0, island-1, island-2 have not called atollUpdate"));
}

TEST_F(UpdateThatWaits, TellsANewcomerWithWhomItHasNoLink) {
  const ProcessId newcomer = run_.add();
  listen();
  run_.world().separate(newcomer, run_.process(1));
  const Call update = run_.update(newcomer);
  std::vector<Call> others;
  for (size_t i = 0; i < 3; ++i) others.push_back(run_.update(run_.process(i)));
  run_.finish(others);
  EXPECT_FALSE(update.ended());
  run_.world().run_for(seconds(10));
  EXPECT_TRUE(says("island-3 cannot reach island-1"));
  EXPECT_TRUE(says("island-1 cannot reach island-3"));
}

}  // namespace
}  // namespace atoll_core::simulate
