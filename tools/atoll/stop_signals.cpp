#include "stop_signals.h"

#include <pthread.h>
#include <unistd.h>

#include <utility>

namespace atoll_cli {

StopSignals::StopSignals() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals_, &old_mask_);
}

StopSignals::~StopSignals() {
  end();
  pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
}

void StopSignals::watch(std::function<void()> stop) {
  thread_ = std::thread([this, stop = std::move(stop)] { wait(stop); });
}

void StopSignals::end() {
  if (!thread_.joinable()) return;
  ended_ = true;
  pthread_kill(thread_.native_handle(), SIGTERM);  // ends its sigwait
  thread_.join();
}

void StopSignals::wait(const std::function<void()>& stop) {
  bool stopping = false;
  for (;;) {
    int signal = 0;
    sigwait(&signals_, &signal);
    if (ended_) return;
    if (stopping) _exit(128 + signal);
    stopping = true;
    stop();
  }
}

}  // namespace atoll_cli
