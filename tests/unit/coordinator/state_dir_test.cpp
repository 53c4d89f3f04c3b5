#include "coordinator/state_dir.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "wire/snapshot_frame.h"

namespace atoll_core::coordinator {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Step = StateDir::SaveStep;

constexpr Step kSteps[] = {Step::kDraftWritten, Step::kDraftSynced, Step::kPreviousKept,
                           Step::kRenamed, Step::kSynced};

class StateDirTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "atoll_state_dir_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    parent_ = pattern;
    path_ = pattern + "/state";
  }
  void TearDown() override { std::filesystem::remove_all(parent_); }

  StateDir open() {
    auto opened = StateDir::open(path_);
    if (!opened) throw std::runtime_error(opened.error().message);
    return std::move(*opened);
  }

  std::string file(const char* name) const { return path_ + "/" + name; }
  std::string read(const char* name) const {
    std::ostringstream text;
    text << std::ifstream(file(name), std::ios::binary).rdbuf();
    return text.str();
  }
  void write(const char* name, std::string_view bytes) const {
    std::ofstream(file(name), std::ios::binary | std::ios::trunc) << bytes;
  }

  // What the next coordinator finds. "" for nothing.
  std::string found() {
    StateDir dir = open();
    auto loaded = dir.load();
    if (!loaded) throw std::runtime_error(loaded.error().message);
    warning_ = dir.warning();
    return loaded->value_or("");
  }

  void save_both() {
    StateDir dir = open();
    ASSERT_TRUE(dir.save("old"));
    ASSERT_TRUE(dir.save("new and longer"));
  }

  // A process that dies in a save of `bytes`, right after `step`.
  void die_in_save(std::string_view bytes, Step step) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto dir = StateDir::open(path_);
      if (!dir) _exit(1);
      dir->set_step_observer([step](Step passed) {
        if (passed == step) ::kill(::getpid(), SIGKILL);
      });
      (void)dir->save(bytes);
      _exit(2);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
  }

  std::string parent_;
  std::string path_;
  std::string warning_;
};

TEST_F(StateDirTest, ANewFolderHoldsNothing) {
  EXPECT_EQ(found(), "");
  EXPECT_THAT(warning_, IsEmpty());
}

TEST_F(StateDirTest, WhatWasSavedIsThereForTheNextHolder) {
  save_both();
  EXPECT_EQ(found(), "new and longer");
  EXPECT_THAT(warning_, IsEmpty());
}

TEST_F(StateDirTest, AnEmptySnapshotIsNotNoSnapshot) {
  StateDir dir = open();
  ASSERT_TRUE(dir.save(""));
  const auto loaded = dir.load();
  ASSERT_TRUE(loaded.has_value());
  ASSERT_TRUE(loaded->has_value());
  EXPECT_EQ(**loaded, "");
}

TEST_F(StateDirTest, ASecondHolderHearsWhoTheFirstIs) {
  const StateDir first = open();
  const auto second = StateDir::open(path_);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kInvalidUsage);
  EXPECT_THAT(second.error().message,
              AllOf(HasSubstr(path_), HasSubstr("process " + std::to_string(::getpid()))));
}

TEST_F(StateDirTest, TheLockMovesWithTheObjectAndEndsWithIt) {
  {
    StateDir first = open();
    const StateDir moved = std::move(first);
    EXPECT_FALSE(StateDir::open(path_).has_value());
  }
  EXPECT_TRUE(StateDir::open(path_).has_value());
}

TEST_F(StateDirTest, TheLockOfAKilledProcessIsFree) {
  die_in_save("new", Step::kDraftWritten);
  EXPECT_TRUE(StateDir::open(path_).has_value());
}

TEST_F(StateDirTest, AFolderThatCannotBeMadeIsNamed) {
  path_ = parent_ + "/no/such";
  auto opened = StateDir::open(path_);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kSystemError);
  EXPECT_THAT(opened.error().message, HasSubstr(path_));

  path_ = parent_ + "/file";
  std::ofstream(path_) << "not a folder";
  opened = StateDir::open(path_);
  ASSERT_FALSE(opened.has_value());
  EXPECT_THAT(opened.error().message, HasSubstr(path_));
}

TEST_F(StateDirTest, ATruncatedSnapshotGivesWayToThePreviousOne) {
  save_both();
  const std::string whole = read("snapshot");
  const std::string previous = read("snapshot.previous");
  ASSERT_EQ(whole.size(), wire::kSnapshotHeaderBytes + 14);
  for (size_t size = 0; size < whole.size(); ++size) {
    write("snapshot", whole.substr(0, size));
    EXPECT_EQ(found(), "old") << "cut to " << size;
    EXPECT_THAT(warning_, HasSubstr(file("snapshot") + " "));
  }
  write("snapshot", whole + "x");
  EXPECT_EQ(found(), "old") << "one byte more";
  write("snapshot", whole.substr(0, 20));
  for (size_t size = 0; size < previous.size(); ++size) {
    write("snapshot.previous", previous.substr(0, size));
    EXPECT_EQ(found(), "") << "the previous one cut to " << size;
    EXPECT_THAT(warning_, AllOf(HasSubstr(file("snapshot.previous")), HasSubstr("no other")));
  }
}

TEST_F(StateDirTest, AFlippedBitGivesWayToThePreviousOne) {
  save_both();
  const std::string whole = read("snapshot");
  const std::string previous = read("snapshot.previous");
  const auto flipped = [](std::string bytes, size_t bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    return bytes;
  };
  for (size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    write("snapshot", flipped(whole, bit));
    EXPECT_EQ(found(), "old") << "bit " << bit;
    EXPECT_THAT(warning_, Not(IsEmpty()));
  }
  for (size_t bit = 0; bit < 8 * previous.size(); ++bit) {
    write("snapshot.previous", flipped(previous, bit));
    EXPECT_EQ(found(), "") << "bit " << bit << " of the previous one";
    EXPECT_THAT(warning_, HasSubstr("no other"));
  }
}

TEST_F(StateDirTest, ADamagedSnapshotNeverReplacesAnIntactOne) {
  for (const bool loads_first : {false, true}) {
    save_both();
    write("snapshot", "garbage");
    {
      StateDir dir = open();
      if (loads_first) {
        ASSERT_TRUE(dir.load().has_value());
      }
      ASSERT_TRUE(dir.save("third"));
    }
    EXPECT_EQ(found(), "third");
    write("snapshot", "garbage");
    EXPECT_EQ(found(), "old");
  }
}

// Every step, then every step of the save after it.
TEST_F(StateDirTest, ADeathInASaveLeavesTheOldOneOrTheNewOne) {
  for (const Step first : kSteps) {
    for (const Step second : kSteps) {
      std::filesystem::remove_all(path_);
      ASSERT_TRUE(open().save("zero"));
      die_in_save("first", first);
      const std::string after_first = first < Step::kRenamed ? "zero" : "first";
      EXPECT_EQ(found(), after_first) << "died after step " << static_cast<int>(first);
      EXPECT_THAT(warning_, IsEmpty());
      die_in_save("second", second);
      EXPECT_EQ(found(), second < Step::kRenamed ? after_first : "second")
          << "died after step " << static_cast<int>(first) << ", then " << static_cast<int>(second);
      ASSERT_TRUE(open().save("third"));
      EXPECT_EQ(found(), "third");
    }
  }
}

TEST_F(StateDirTest, ADraftIsNeverRead) {
  { const StateDir dir = open(); }
  write("snapshot.draft", wire::frame_snapshot("draft"));
  EXPECT_EQ(found(), "");
}

TEST_F(StateDirTest, SizesAreBounded) {
  save_both();
  std::filesystem::resize_file(file("snapshot"), uintmax_t{1} << 40);
  EXPECT_EQ(found(), "old");
  const auto saved = open().save(std::string(limits::kSnapshotBytes + 1, 'x'));
  ASSERT_FALSE(saved.has_value());
  EXPECT_EQ(saved.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(found(), "old");
}

TEST_F(StateDirTest, AFailedSaveSaysWhereAndKeepsTheOldOne) {
  StateDir dir = open();
  ASSERT_TRUE(dir.save("old"));
  std::filesystem::create_directory(file("snapshot.draft"));
  const auto saved = dir.save("new");
  ASSERT_FALSE(saved.has_value());
  EXPECT_EQ(saved.error().code, ErrorCode::kSystemError);
  EXPECT_THAT(saved.error().message, HasSubstr(file("snapshot.draft")));
  const auto loaded = dir.load();
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(*loaded, "old");
}

}  // namespace
}  // namespace atoll_core::coordinator
