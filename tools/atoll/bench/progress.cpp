#include "tools/atoll/bench/progress.h"

#include <unistd.h>

#include <cstdio>

#include "tools/atoll/bench/start_line.h"

namespace atoll_cli {
namespace {

constexpr double kTerminalEvery = 0.25;  // seconds
constexpr double kOtherEvery = 10;

}  // namespace

BenchProgress::BenchProgress(bool shown)
    : shown_(shown),
      terminal_(::isatty(STDERR_FILENO) == 1),
      next_(monotonic_seconds() + (terminal_ ? kTerminalEvery : kOtherEvery)) {}

void BenchProgress::show(const std::string& line) {
  const double now = monotonic_seconds();
  if (!shown_ || now < next_) return;
  next_ = now + (terminal_ ? kTerminalEvery : kOtherEvery);
  std::fprintf(stderr, terminal_ ? "\r%s\033[K" : "%s\n", line.c_str());
  std::fflush(stderr);
  written_ = terminal_;
}

void BenchProgress::wipe() {
  if (written_) std::fputs("\r\033[K", stderr);
  written_ = false;
}

}  // namespace atoll_cli
