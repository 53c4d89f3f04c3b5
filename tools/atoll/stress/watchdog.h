// Notices when a call of this process does not end, says where every thread is, and ends the
// process. Time in which the whole process stood still does not count.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>

#include "tools/atoll/stress/options.h"

namespace atoll_cli {

inline constexpr int kExitHang = 4;

class StressWatchdog {
 public:
  StressWatchdog();
  ~StressWatchdog();
  StressWatchdog(const StressWatchdog&) = delete;
  StressWatchdog& operator=(const StressWatchdog&) = delete;

  // One call at a time.
  class Watch {
   public:
    Watch(StressWatchdog& dog, const char* call, Milliseconds limit) : dog_(dog) {
      dog_.begin(call, limit);
    }
    ~Watch() { dog_.begin("nothing", Milliseconds::max()); }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    StressWatchdog& dog_;
  };

 private:
  void begin(const char* call, Milliseconds limit);
  void run();
  void look(Milliseconds passed);

  std::mutex mutex_;
  const char* call_ = "nothing";
  Milliseconds limit_ = Milliseconds::max();
  Milliseconds waited_{0};
  Milliseconds silent_{0};  // since the parent was last told that this process is alive
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

// Where each thread of this process is, on standard error.
void write_thread_states();

}  // namespace atoll_cli
