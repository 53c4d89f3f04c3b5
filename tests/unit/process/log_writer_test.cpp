#include "process/log_writer.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace atoll_core::process {
namespace {

using testing::ElementsAre;
using namespace std::chrono_literals;

constexpr Duration kPatience = 60s;

// What somebody reads who may be busy with something else.
class Reader {
 public:
  LogWriter::Write write() {
    return [this](const LogLine& line) {
      std::unique_lock<std::mutex> lock(mutex_);
      ++begun_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return !busy_; });
      read_.push_back(line.left_out > 0 ? "gap of " + std::to_string(line.left_out) : line.text);
    };
  }
  void set_busy(bool busy) {
    const std::lock_guard<std::mutex> lock(mutex_);
    busy_ = busy;
    changed_.notify_all();
  }
  void wait_until_begun(size_t count) {
    std::unique_lock<std::mutex> lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] { return begun_ >= count; }));
  }
  std::vector<std::string> read() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return read_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool busy_ = false;
  size_t begun_ = 0;
  std::vector<std::string> read_;
};

TEST(LogWriter, WritesWhatIsAddedInOrder) {
  Reader reader;
  LogWriter writer(reader.write());
  for (const char* text : {"one", "two", "three"}) writer.add({2, text});
  EXPECT_TRUE(writer.drain(kPatience));
  EXPECT_THAT(reader.read(), ElementsAre("one", "two", "three"));
}

TEST(LogWriter, WhoAddsDoesNotWaitForABusyReaderAndTheGapIsTold) {
  Reader reader;
  LogWriter writer(reader.write());
  reader.set_busy(true);
  writer.add({2, "first"});
  reader.wait_until_begun(1);  // off the queue
  for (size_t i = 0; i < LogWriter::kLines + 5; ++i) writer.add({2, std::to_string(i)});
  EXPECT_FALSE(writer.drain(0ms));
  reader.set_busy(false);
  EXPECT_TRUE(writer.drain(kPatience));
  writer.add({2, "last"});
  EXPECT_TRUE(writer.drain(kPatience));
  const std::vector<std::string> read = reader.read();
  ASSERT_EQ(read.size(), LogWriter::kLines + 3);
  EXPECT_EQ(read.front(), "first");
  EXPECT_EQ(read[LogWriter::kLines], std::to_string(LogWriter::kLines - 1));
  EXPECT_EQ(read[LogWriter::kLines + 1], "gap of 5");
  EXPECT_EQ(read.back(), "last");
}

TEST(LogWriter, LongLinesTakeTheRoomOfMany) {
  Reader reader;
  LogWriter writer(reader.write());
  reader.set_busy(true);
  writer.add({2, "first"});
  reader.wait_until_begun(1);
  for (int i = 0; i < 3; ++i) writer.add({2, std::string(LogWriter::kBytes / 2, 'x')});
  reader.set_busy(false);
  EXPECT_TRUE(writer.drain(kPatience));
  ASSERT_EQ(reader.read().size(), 4u);
  EXPECT_EQ(reader.read().back(), "gap of 1");
}

TEST(LogWriter, ItsEndWaitsForAWriteThatIsUnderWayAndDropsTheRest) {
  Reader reader;
  reader.set_busy(true);
  std::atomic<bool> gone{false};
  std::thread ending;
  {
    auto writer = std::make_unique<LogWriter>(reader.write());
    writer->add({2, "under way"});
    writer->add({2, "waits"});
    reader.wait_until_begun(1);
    ending = std::thread([&gone, last = std::move(writer)]() mutable {
      last.reset();
      gone = true;
    });
  }
  // While the reader is busy it cannot have ended, however long this takes.
  std::this_thread::sleep_for(LogWriter::kFarewell + 50ms);
  EXPECT_FALSE(gone);
  reader.set_busy(false);
  ending.join();
  EXPECT_THAT(reader.read(), ElementsAre("under way"));
}

TEST(LogWriter, ItMayEndInItsOwnWrite) {
  std::mutex mutex;
  std::condition_variable ended;
  bool has_ended = false;
  std::unique_ptr<LogWriter> writer;
  writer = std::make_unique<LogWriter>([&](const LogLine&) {
    writer.reset();
    const std::lock_guard<std::mutex> lock(mutex);
    has_ended = true;
    ended.notify_all();
  });
  writer->add({2, "the last"});
  std::unique_lock<std::mutex> lock(mutex);
  EXPECT_TRUE(ended.wait_for(lock, kPatience, [&] { return has_ended; }));
}

}  // namespace
}  // namespace atoll_core::process
