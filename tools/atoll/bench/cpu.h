// The CPU time that a process spends on what is measured: all of it, in all its threads, less what
// the measuring thread spends on preparing and checking. Knows nothing of Atoll: the drivers of
// bench/compare.py use it too.
#pragma once

#include <sys/resource.h>
#include <time.h>

namespace atoll_cli {

class BenchCpu {
 public:
  // From here on.
  void begin() {
    begin_ = process_seconds();
    aside_ = 0;
  }
  // Around what is not to be counted, on the thread that measures.
  void pause() { paused_ = thread_seconds(); }
  void resume() { aside_ += thread_seconds() - paused_; }
  double seconds() const { return process_seconds() - begin_ - aside_; }

 private:
  static double process_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  static double thread_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
  }

  double begin_ = 0;
  double paused_ = 0;
  double aside_ = 0;
};

}  // namespace atoll_cli
