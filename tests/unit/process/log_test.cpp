#include "process/log.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/details/console_globals.h>

namespace atoll_core::process {
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
  logger->flush();
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
  logger->flush();
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

// A pipe in the place of standard error, of which nobody has read so far.
class StderrPipe {
 public:
  StderrPipe() : saved_(::dup(STDERR_FILENO)) {
    EXPECT_EQ(::pipe(ends_), 0);
    ::dup2(ends_[1], STDERR_FILENO);
  }
  ~StderrPipe() {
    ::dup2(saved_, STDERR_FILENO);
    for (const int descriptor : {saved_, ends_[0], ends_[1]}) ::close(descriptor);
  }
  StderrPipe(const StderrPipe&) = delete;
  StderrPipe& operator=(const StderrPipe&) = delete;

  void fill() {
    ::fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK);
    while (::write(STDERR_FILENO, "x", 1) == 1) ++filled_;
    ::fcntl(STDERR_FILENO, F_SETFL, 0);
  }
  // What came behind what it was filled with, up to the first that ends with `last`.
  std::string read_until(const std::string& last) {
    const size_t skipped = std::exchange(filled_, 0);
    std::string text;
    while (text.size() < skipped + last.size() ||
           text.compare(text.size() - last.size(), last.size(), last) != 0) {
      char byte = 0;
      if (::read(ends_[0], &byte, 1) != 1) break;
      text += byte;
    }
    return text.substr(skipped);
  }
  bool is_blocking() const { return (::fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK) == 0; }
  void close_reading_end() { ::close(std::exchange(ends_[0], -1)); }

 private:
  int saved_;
  int ends_[2] = {-1, -1};
  size_t filled_ = 0;
};

TEST(Log, NobodyWaitsForStandardErrorAndWhatWasLeftOutIsTold) {
  const LevelVariable level("debug");  // nothing that repeats is left out
  StderrPipe pipe;
  const auto logger = make_logger("island");
  pipe.fill();
  for (int i = 0; i < 3000; ++i) logger->warn("line {}", i);
  const std::string text = pipe.read_until("in time\n");
  EXPECT_THAT(text, HasSubstr("[island] warning: line 0\n"));
  EXPECT_THAT(text, testing::ContainsRegex("\\[atoll\\] warning: [12][0-9]+ lines are left out"));
  EXPECT_TRUE(pipe.is_blocking());
  logger->warn("and on");
  EXPECT_THAT(pipe.read_until("and on\n"), HasSubstr("[island] warning: and on\n"));
}

// The signal would end the process; it is for threads of the program to get it where they write.
TEST(Log, AStandardErrorWithoutAReaderIsNoEnd) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    ::signal(SIGPIPE, SIG_DFL);
    StderrPipe pipe;
    pipe.close_reading_end();
    const auto logger = make_logger("child");
    logger->error("nobody reads this");
    logger->flush();
    _exit(0);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST(Log, NobodyWaitsForACallback) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(::pipe(ends), 0);
  std::vector<std::string> messages;
  {
    const auto logger = make_logger("test", [&](int, std::string_view message) {
      char byte = 0;
      if (messages.empty()) (void)!::read(ends[0], &byte, 1);  // until it is told to go on
      messages.emplace_back(message);
    });
    logger->warn("one");
    logger->warn("two");
    ASSERT_EQ(::write(ends[1], "!", 1), 1);
    logger->flush();
  }
  EXPECT_THAT(messages, ElementsAre("one", "two"));
  for (const int end : ends) ::close(end);
}

TEST(Log, WhatRepeatsIsLeftOutAndCounted) {
  const LevelVariable level("info");
  std::vector<std::string> messages;
  {
    const auto logger = make_logger(
        "test", [&messages](int, std::string_view message) { messages.emplace_back(message); });
    for (int i = 0; i < 500; ++i) logger->warn("turned away from port {}", i);
  }
  ASSERT_LE(messages.size(), 110u);  // 100 at once, one a second, and the last
  EXPECT_THAT(messages.back(), HasSubstr("more like this were left out: turned away from port"));
}

TEST(Log, ACallbackKnowsNoLevelAboveError) {
  std::vector<int> levels;
  const auto logger =
      make_logger("test", [&levels](int number, std::string_view) { levels.push_back(number); });
  logger->critical("the communicator has failed");
  logger->flush();
  EXPECT_THAT(levels, ElementsAre(4));
}

// The mutex that spdlog's own sinks share is one that a thread of the parent may have held.
TEST(Log, AForkedChildLogsThoughItsParentWasLogging) {
  const std::lock_guard<std::mutex> busy(spdlog::details::console_mutex::mutex());
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    const auto logger = make_logger("child");
    logger->error("here");
    logger->flush();
    _exit(0);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "it hangs";
}

}  // namespace
}  // namespace atoll_core::process
