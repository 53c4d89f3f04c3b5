#include "base/log.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/details/console_globals.h>

namespace atoll_core {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// Sets ATOLL_LOG and puts back what was there.
class LevelVariable {
 public:
  explicit LevelVariable(const char* value) {
    if (const char* old = std::getenv("ATOLL_LOG")) old_ = old;
    set(value);
  }
  ~LevelVariable() { set(old_ ? old_->c_str() : nullptr); }
  LevelVariable(const LevelVariable&) = delete;
  LevelVariable& operator=(const LevelVariable&) = delete;

 private:
  static void set(const char* value) {
    if (value == nullptr) {
      unsetenv("ATOLL_LOG");
    } else {
      setenv("ATOLL_LOG", value, 1);
    }
  }
  std::optional<std::string> old_;
};

// The levels that reach the callback when one message of each is logged.
std::vector<int> levels_heard(const char* variable) {
  const LevelVariable level(variable);
  std::vector<int> heard;
  const auto logger =
      make_logger("test", [&heard](int number, std::string_view) { heard.push_back(number); });
  logger->trace("t");
  logger->debug("d");
  logger->info("i");
  logger->warn("w");
  logger->error("e");
  return heard;
}

TEST(Log, WarnsByDefault) { EXPECT_THAT(levels_heard(nullptr), ElementsAre(3, 4)); }

TEST(Log, TakesTheLevelFromTheEnvironment) {
  EXPECT_THAT(levels_heard("trace"), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(levels_heard("debug"), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(levels_heard("info"), ElementsAre(2, 3, 4));
  EXPECT_THAT(levels_heard("warn"), ElementsAre(3, 4));
  EXPECT_THAT(levels_heard("error"), ElementsAre(4));
  EXPECT_THAT(levels_heard("off"), ElementsAre());
}

TEST(Log, ATypoDoesNotSilenceWarnings) {
  EXPECT_THAT(levels_heard("verbos"), ElementsAre(3, 4));
  EXPECT_THAT(levels_heard(""), ElementsAre(3, 4));
}

TEST(Log, TheCallbackGetsTheMessageAlone) {
  const LevelVariable level("info");
  std::vector<std::string> messages;
  const auto logger = make_logger(
      "test", [&messages](int, std::string_view message) { messages.emplace_back(message); });
  logger->info("evict {}: {}", "island-3", "silent for 5000 ms");
  EXPECT_THAT(messages, ElementsAre("evict island-3: silent for 5000 ms"));
}

TEST(Log, WithoutACallbackItWritesToStandardError) {
  const LevelVariable level("info");
  testing::internal::CaptureStderr();
  const auto logger = make_logger("island");
  logger->info("a view of {}", 3);
  logger->debug("not this");
  logger->flush();
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, HasSubstr("[island] info: a view of 3"));
  EXPECT_THAT(text, Not(HasSubstr("not this")));
}

// The mutex that spdlog's own sinks share is one that a thread of the parent may have held.
TEST(Log, AForkedChildLogsThoughItsParentWasLogging) {
  const std::lock_guard<std::mutex> busy(spdlog::details::console_mutex::mutex());
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    make_logger("child")->error("here");
    _exit(0);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "it hangs";
}

}  // namespace
}  // namespace atoll_core
