// SIGINT and SIGTERM as a call on a thread of their own: the library installs no signal handlers,
// and in a handler hardly anything may be done. A second signal ends the process at once.
#pragma once

#include <signal.h>

#include <atomic>
#include <functional>
#include <thread>

namespace atoll_cli {

class StopSignals {
 public:
  // Make it before any other thread, so that all of them leave the two signals alone.
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // `stop` is called at the first signal, also at one that came before this call. Once only.
  void watch(std::function<void()> stop);
  // After this `stop` is not called any more.
  void end();

 private:
  void wait(const std::function<void()>& stop);

  sigset_t signals_{};
  sigset_t old_mask_{};
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

}  // namespace atoll_cli
