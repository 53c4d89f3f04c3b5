// The fixture of tests with real processes: workers (e2e/worker.cpp) with their output in a
// folder, which stays when the test fails, and what to wait for in it.
#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "support/child_process.h"

namespace atoll_test {

constexpr auto kPatience = std::chrono::seconds(120);

inline std::string last_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

// Where the worker was built; e2e/worker_program.cpp.
const char* worker_program();

using Process = std::unique_ptr<ChildProcess>;

class WorkerTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "atoll-e2e-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    stop_file_ = folder_ / "stop";
  }
  void TearDown() override {
    if (!HasFailure()) std::filesystem::remove_all(folder_);
  }

  Process run(const std::vector<std::string>& command, const std::string& name) {
    return std::make_unique<ChildProcess>(command, (folder_ / (name + ".log")).string());
  }
  Process start(const std::string& coordinator, const std::string& name,
                const std::vector<std::string>& options = {}) {
    std::vector<std::string> command = {worker_program(), "--coordinator", coordinator,
                                        "--name",         name,            "--stop-file",
                                        stop_file_.string()};
    command.insert(command.end(), options.begin(), options.end());
    return run(command, name);
  }

  // Whether the process said so. Its output may go on; it may end meanwhile.
  static bool wait_for_text(ChildProcess& process, const std::string& text, size_t from = 0) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < until) {
      const bool ended = process.poll().has_value();
      if (process.output().find(text, from) != std::string::npos) return true;
      if (ended) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }

  void ask_to_stop() const { std::ofstream(stop_file_) << "stop\n"; }

  // All are to end well, after the same step, with the same state.
  static void expect_same_end(const std::vector<Process>& workers) {
    std::vector<std::string> endings;
    for (const Process& worker : workers) {
      const auto exit = worker->wait_for(kPatience);
      ASSERT_TRUE(exit.has_value()) << "a survivor hangs: " << worker->output();
      ASSERT_TRUE(exit->exited && exit->code == 0) << worker->output();
      endings.push_back(last_line(worker->output()));
    }
    EXPECT_EQ(endings[0].substr(0, 5), "done ") << endings[0];
    for (const std::string& ending : endings) EXPECT_EQ(ending, endings[0]);
  }

  std::filesystem::path folder_;
  std::filesystem::path stop_file_;
};

}  // namespace atoll_test
