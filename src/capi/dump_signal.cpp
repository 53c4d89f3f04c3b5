// A signal that makes the process write the state of its communicators. The handler writes one
// byte to a pipe, which is all that a handler may do; a thread that lives as long as the process
// reads it and does the work.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "capi/dump.h"
#include "capi/guard.h"
#include "process/descriptors.h"
#include "process/origin.h"
#include "process/shortage.h"
#include "process/thread.h"

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

// What goes to standard error is written when no communicator is held any more: that may wait for
// whoever reads it, and nobody who destroys a communicator is to wait for him.
void write_states() {
  std::string texts;
  {
    Registry& all = registry();
    const std::lock_guard<std::mutex> lock(all.mutex);
    for (atollComm* comm : all.comms) texts += dump_on_signal(*comm);
  }
  (void)write_all(STDERR_FILENO, texts, "standard error");
}

void serve(int pipe) {
  char byte = 0;
  for (;;) {
    const ssize_t count = ::read(pipe, &byte, 1);
    if (count == 1) write_states();
    if (count == 0 || (count < 0 && errno != EINTR)) return;
  }
}

bool open_pipe(int (&ends)[2]) {
  const process::StandardTaken standard;
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
                process::describe_shortage_of_descriptors(errno));
  }
  ::fcntl(ends[1], F_SETFL, O_NONBLOCK);
  auto started = process::start_thread("atoll-dump", [end = ends[0]] { serve(end); });
  if (!started) {
    ::close(ends[0]);
    ::close(ends[1]);
    return fail(started.error().code, "atollInstallDumpSignal: {}", started.error().message);
  }
  started->detach();
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

namespace {

// After their handler the instruction runs again that they were sent for, and they come again, for
// ever; or the process is about to abort, and no thread will have the time.
bool is_of_a_crash(int number) {
  constexpr std::array kOfACrash{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
  return std::find(kOfACrash.begin(), kOfACrash.end(), number) != kOfACrash.end();
}

}  // namespace

Result<void> install_dump_signal(int number) {
  if (is_of_a_crash(number)) {
    return fail(ErrorCode::kInvalidArgument,
                "atollInstallDumpSignal: signal {} ({}) comes of a crash, after which no state can "
                "be written: take one that is only sent, like SIGUSR1 or SIGQUIT",
                number, ::strsignal(number));
  }
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
