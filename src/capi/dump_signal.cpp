// A signal that makes the process write the state of its communicators. The handler writes one
// byte to a pipe, which is all that a handler may do; a thread that lives as long as the process
// reads it and does the work.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>

#include "capi/dump.h"
#include "capi/guard.h"
#include "process/descriptors.h"
#include "process/origin.h"

namespace atoll_core::capi {
namespace {

static_assert(std::atomic<int>::is_always_lock_free);
std::atomic<int> bell{-1};       // the writing end of the pipe
std::atomic<pid_t> bell_owner{0};  // a forked child has the pipe and not the thread

void on_signal(int) {
  const int saved = errno;
  const int file = bell.load();
  if (file >= 0 && bell_owner.load() == getpid()) {
    const ssize_t ignored = ::write(file, "!", 1);  // full: it rings already
    (void)ignored;
  }
  errno = saved;
}

struct Registry {
  std::mutex mutex;
  std::set<atollComm*> comms;
};

// A child has none of the communicators, and a mutex of its own: the parent's is locked while a
// state is written, which may take as long as a log callback does.
Registry& registry() {
  static process::OnePerProcess<Registry> registry;
  return registry.get();
}

void write_states() {
  Registry& all = registry();
  const std::lock_guard<std::mutex> lock(all.mutex);
  for (atollComm* comm : all.comms) dump_on_signal(*comm);
}

void serve(int pipe) {
  char byte = 0;
  for (;;) {
    const ssize_t count = ::read(pipe, &byte, 1);
    if (count == 1) write_states();
    if (count == 0 || (count < 0 && errno != EINTR)) return;
  }
}

// The application's signals are for its own threads.
Result<void> start_thread(int pipe) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  Result<void> started;
  try {
    std::thread(serve, pipe).detach();
  } catch (const std::system_error& error) {
    started = fail(ErrorCode::kSystemError, "atollInstallDumpSignal: no thread: {}", error.what());
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

bool open_pipe(int (&ends)[2]) {
  process::ForkPause pause;
  if (::pipe2(ends, O_CLOEXEC) != 0) return false;
  for (const int end : ends) pause.note(end);
  return true;
}

Result<void> open_bell() {
  static process::OnePerProcess<std::mutex> mutex;
  const std::lock_guard<std::mutex> lock(mutex.get());
  if (bell_owner.load() == getpid()) return {};
  int ends[2] = {-1, -1};
  if (!open_pipe(ends)) {
    return fail(ErrorCode::kSystemError, "atollInstallDumpSignal: no pipe: {}",
                std::strerror(errno));
  }
  ::fcntl(ends[1], F_SETFL, O_NONBLOCK);
  if (Result<void> started = start_thread(ends[0]); !started) {
    ::close(ends[0]);
    ::close(ends[1]);
    return started;
  }
  bell = ends[1];
  bell_owner = getpid();
  return {};
}

}  // namespace

void register_for_signal(atollComm& comm) {
  const std::lock_guard<std::mutex> lock(registry().mutex);
  registry().comms.insert(&comm);
}

void unregister_for_signal(atollComm& comm) {
  const std::lock_guard<std::mutex> lock(registry().mutex);
  registry().comms.erase(&comm);
}

Result<void> install_dump_signal(int number) {
  ATOLL_TRY(open_bell());
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  if (::sigaction(number, &action, nullptr) != 0) {
    return fail(ErrorCode::kInvalidArgument, "atollInstallDumpSignal: signal {}: {}", number,
                std::strerror(errno));
  }
  return {};
}

}  // namespace atoll_core::capi

atollResult_t atollInstallDumpSignal(int signal_number) {
  return atoll_core::capi::guard(
      [&] { return atoll_core::capi::install_dump_signal(signal_number); });
}
