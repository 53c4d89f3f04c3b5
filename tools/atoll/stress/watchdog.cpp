#include "tools/atoll/stress/watchdog.h"

#include <execinfo.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tools/atoll/stress/report.h"

namespace atoll_cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Milliseconds kTick{50};
constexpr Milliseconds kAliveEvery{1'000};
constexpr int kStackSignal = SIGUSR2;

std::atomic<bool> stack_written{false};

void write_stack(int) {
  std::array<void*, 64> frames;
  const int count = ::backtrace(frames.data(), static_cast<int>(frames.size()));
  ::backtrace_symbols_fd(frames.data(), count, STDERR_FILENO);
  stack_written = true;
}

std::string first_line(const std::filesystem::path& file) {
  std::string line;
  std::ifstream stream(file);
  std::getline(stream, line);
  return line;
}

void wait_for_stack() {
  const auto until = Clock::now() + std::chrono::seconds(1);
  while (!stack_written && Clock::now() < until) std::this_thread::sleep_for(Milliseconds(1));
}

}  // namespace

void write_thread_states() {
  std::error_code ignored;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", ignored)) {
    const std::string id = task.path().filename();
    std::fprintf(stderr, "thread %s (%s): wchan %s, syscall %s\n", id.c_str(),
                 first_line(task.path() / "comm").c_str(),
                 first_line(task.path() / "wchan").c_str(),
                 first_line(task.path() / "syscall").c_str());
    stack_written = false;
    if (::syscall(SYS_tgkill, ::getpid(), std::atoi(id.c_str()), kStackSignal) == 0) {
      wait_for_stack();
    }
  }
}

StressWatchdog::StressWatchdog() {
  struct sigaction action {};
  action.sa_handler = write_stack;
  action.sa_flags = SA_RESTART;
  ::sigaction(kStackSignal, &action, nullptr);
  std::array<void*, 4> frames;
  ::backtrace(frames.data(), static_cast<int>(frames.size()));  // loads what it needs
  thread_ = std::thread([this] { run(); });
}

StressWatchdog::~StressWatchdog() {
  ended_ = true;
  thread_.join();
}

void StressWatchdog::begin(const char* call, Milliseconds limit) {
  const std::lock_guard<std::mutex> lock(mutex_);
  call_ = call;
  limit_ = limit;
  waited_ = Milliseconds(0);
}

void StressWatchdog::run() {
  auto last = Clock::now();
  while (!ended_) {
    std::this_thread::sleep_for(kTick);
    const auto now = Clock::now();
    look(std::min(std::chrono::duration_cast<Milliseconds>(now - last), 4 * kTick));
    last = now;
  }
}

void StressWatchdog::look(Milliseconds passed) {
  const std::lock_guard<std::mutex> lock(mutex_);
  waited_ += passed;
  silent_ += passed;
  const std::string what = std::string("in ") + call_ + " for " + std::to_string(waited_.count()) +
                           " ms";
  if (waited_ > limit_) {
    std::fprintf(stderr, "HANG: process %d is %s\n", ::getpid(), what.c_str());
    write_thread_states();
    report("hang " + what);
    ::_exit(kExitHang);
  }
  if (silent_ < kAliveEvery) return;
  silent_ = Milliseconds(0);
  report("alive " + what);
}

}  // namespace atoll_cli
